"""The jobs of ``/run/<pipeline>``: what is special about them, see `epntap.uws.JobKind`."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import IO

from epntap.queue import Work
from epntap.requests.files import require_format
from epntap.requests.line import run_work
from epntap.requests.offers import Offer
from epntap.requests.values import RunValues, file_part, read_values, require_source
from epntap.settings import Settings
from epntap.tap.errors import RequestError
from epntap.tap.uploads.policy import readable_size
from epntap.uws.jobs import Job, Pairs
from epntap.uws.requests import Submission
from epntap.uws.service import JobLimits, JobService


class RunJobs:
    """What is special about the jobs of one pipeline.

    Parameters
    ----------
    offer
        The pipeline.
    settings
        Limits.
    """

    def __init__(self, offer: Offer, settings: Settings) -> None:
        self.offer = offer
        self.service = offer.service
        self.file_bytes = min(offer.form.file_bytes, settings.request_bytes)
        self.limits = JobLimits(
            seconds=settings.request_seconds,
            seconds_limit=settings.request_seconds_limit,
            lifetime=timedelta(days=settings.destruction_days),
            lifetime_limit=timedelta(days=settings.destruction_days_limit),
            upload_bytes=self.file_bytes if offer.form.file_formats else 0,
        )

    def check(self, parameters: Pairs, parts: Collection[str]) -> frozenset[str]:
        """Refuse what no run can have; what is missing may still come.

        Raises
        ------
        RequestError
            If a parameter is unknown, given twice or cannot have its value.
        """
        read_values(self.offer.form, parameters, parts)
        name = file_part(parts)
        return frozenset() if name is None else frozenset({name})

    def check_whole(self, parameters: Pairs, parts: Collection[str]) -> RunValues:
        """Return what is asked for, when it can be run as it is.

        Raises
        ------
        UserError
            If something is missing, or does not go together.
        """
        form = self.offer.form
        asked = read_values(form, parameters, parts)
        require_source(form, asked)
        self.offer.pipeline.check_request(
            span=asked.span, has_file=asked.has_file, values=asked.values
        )
        return asked

    def work(self, job_id: str) -> Work:
        """Return the work of a job."""
        return run_work(self.offer.name, job_id, self.offer.form.queue)


class RunService(JobService):
    """The runs of one pipeline: nothing is put in line that could not be run.

    Parameters
    ----------
    kind
        What is special about them; the others are those of `JobService`.
    """

    kind: RunJobs

    def create(self, asked: Submission, client: str) -> Job:
        """Make a job, see `JobService.create`.

        Raises
        ------
        UserError
            If the request is wrong; or not whole, when the job is to be started at once.
        """
        asked = self._looked_at(asked)
        if asked.run:
            self.kind.check_whole(asked.parameters, asked.parts)
        return super().create(asked, client)

    def change_parameters(self, job_id: str, asked: Submission) -> None:
        """Give parameters other values, see `JobService.change_parameters`."""
        super().change_parameters(job_id, self._looked_at(asked))

    def start(self, job_id: str) -> None:
        """Put a job in line, see `JobService.start`.

        Raises
        ------
        UserError
            If the request is not whole.
        """
        job = self.read(job_id)
        self.kind.check_whole(job.parameters, [one.name for one in job.inputs])
        super().start(job_id)

    def _looked_at(self, asked: Submission) -> Submission:
        """Return a submission whose file is one that the pipeline takes."""
        name = file_part(asked.parts)
        if name is None:
            return asked
        file = asked.parts[name]
        size = _size(file)
        if size == 0:
            # What a page sends whose field for the file was left alone.
            parts = {key: part for key, part in asked.parts.items() if key != name}
            return replace(asked, parts=parts, parameters=_without(asked.parameters, name))
        if not self.kind.offer.form.file_formats:
            raise RequestError("this pipeline takes no files")
        if size > self.kind.file_bytes:
            raise RequestError(
                f"the file has {size} bytes: it may have {readable_size(self.kind.file_bytes)}",
                hint="send it in parts, or compressed",
                status=413,
            )
        require_format(file, self.kind.offer.form.file_formats)
        return asked


def _without(parameters: Iterable[tuple[str, str]], name: str) -> Pairs:
    return tuple(pair for pair in parameters if pair[0] != name)


def _size(file: IO[bytes]) -> int:
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(0)
    return size
