"""One run on request, as a worker has it done by a process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from epntap.requests.files import SUFFIX_OF, recognise
from epntap.requests.folders import WORK, folders_of, run_folder, sweep_folders
from epntap.requests.order import ORDER_FILE, Answer, Limits, Order
from epntap.requests.process import RunFailedError, RunProcess
from epntap.requests.values import file_part
from epntap.results import ResultMissingError, ResultStore
from epntap.settings import Settings
from epntap.tap.errors import RequestError
from epntap.uws.execution import JobAttempt
from epntap.uws.jobs import Job, JobResult

#: Bytes of each file that a run makes.
_LARGEST_RESULT = 1024**3

#: Computing in one thread takes no longer than this beyond the time that the run has.
_CPU_GRACE_SECONDS = 30


def carry_out(attempt: JobAttempt, pipeline: str, settings: Settings) -> Sequence[JobResult]:
    """Have a process do the work, and store what it made.

    Raises
    ------
    UserError
        If it came to no result, or was stopped.
    """
    root = folders_of(settings)
    sweep_folders(root)
    with run_folder(root) as folder:
        order = Order(
            job_id=attempt.job.job_id,
            pipeline=pipeline,
            parameters=attempt.job.parameters,
            file=_bring_file(attempt.job, attempt.store, folder / WORK),
            limits=Limits(
                memory_bytes=settings.request_memory,
                cpu_seconds=attempt.job.execution_seconds + _CPU_GRACE_SECONDS,
                file_bytes=_LARGEST_RESULT,
            ),
        )
        order.write(folder / ORDER_FILE)
        with RunProcess(folder) as process:
            attempt.stopped_by(process.kill)
            answer = process.wait(order)
        if answer.error is not None:
            raise RunFailedError(answer.error)
        return _store(attempt, answer, folder / WORK)


def _bring_file(job: Job, store: ResultStore, folder: Path) -> str | None:
    """Copy the client's file into a folder, and return the name that it has there."""
    name = file_part([one.name for one in job.inputs])
    if name is None:
        return None
    (key,) = [one.key for one in job.inputs if one.name == name]
    try:
        with store.open(key) as source:
            here = f"input{SUFFIX_OF[recognise(source)]}"
            with (folder / here).open("xb") as target:
                while piece := source.read(256 * 1024):
                    target.write(piece)
    except ResultMissingError as error:
        raise RequestError("the file is not there any more", hint="make a new job") from error
    return here


def _store(attempt: JobAttempt, answer: Answer, folder: Path) -> list[JobResult]:
    """Put the files of a run into the store; a file that has two names is there once."""
    kept: dict[str, tuple[str, int]] = {}
    for output in answer.outputs:
        if output.file not in kept:
            key = attempt.key(output.file)
            with (folder / output.file).open("rb") as source, attempt.store.create(key) as writer:
                writer.copy(source)
            kept[output.file] = (key, writer.size)
    return [
        JobResult(one.id, key, one.mime, size)
        for one in answer.outputs
        for key, size in [kept[one.file]]
    ]
