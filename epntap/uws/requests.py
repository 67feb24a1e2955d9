"""What clients say to a job list, read and checked (UWS 1.1, sections 2.2.2 and 2.2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

from starlette.requests import Request

from epntap.tap.errors import RequestError
from epntap.tap.parameters import read_pairs
from epntap.uws.jobs import UNUSED_PHASES, JobFilter, Pairs, Phase

#: Parameters of UWS itself, which are no parameters of the job.
_CONTROLS = frozenset({"ACTION", "PHASE", "EXECUTIONDURATION", "DESTRUCTION", "WAIT"})

_LONGEST_RUNID = 64

#: More digits than any number of seconds or jobs that makes sense.
_MOST_DIGITS = 9

#: How long a client that says -1, or too much, is kept waiting. Proxies often cut after a minute.
LONGEST_WAIT_SECONDS = 50.0


@dataclass(frozen=True)
class Submission:
    """What a POST to a job list, or to the parameters of a job, brings.

    Attributes
    ----------
    parameters
        Those of the job.
    parts
        The parts of a multipart body; to be closed.
    run_id
        The client's own name of the job.
    run
        Whether the job is to be started at once.
    delete
        Whether it is to be deleted, which only a job that exists can be.
    execution_seconds, destruction
        What the client asks for, if it does.
    """

    parameters: Pairs
    parts: Mapping[str, IO[bytes]] = field(default_factory=dict)
    run_id: str | None = None
    run: bool = False
    delete: bool = False
    execution_seconds: int | None = None
    destruction: datetime | None = None

    def close(self) -> None:
        """Forget the parts."""
        for part in self.parts.values():
            part.close()


async def read_submission(request: Request, upload_bytes: int) -> Submission:
    """Read a request that brings parameters.

    Raises
    ------
    RequestError
        If it cannot be read, or says something about the job that it cannot say.
    """
    pairs, parts = await read_pairs(request, upload_bytes)
    try:
        return submission(pairs, parts)
    except RequestError:
        for part in parts.values():
            part.close()
        raise


def submission(pairs: Iterable[tuple[str, str]], parts: Mapping[str, IO[bytes]]) -> Submission:
    """Tell the parameters of UWS from those of the job; see `read_submission`."""
    controls: dict[str, str] = {}
    parameters: list[tuple[str, str]] = []
    run_id = None
    for name, value in pairs:
        key = name.upper()
        if "\0" in name or "\0" in value:
            raise RequestError(f"parameter {key[:40]!r} has a NUL character")
        if key in _CONTROLS:
            if key in controls:
                raise RequestError(f"parameter {key} is given more than once", hint="give it once")
            controls[key] = value
            continue
        if key == "RUNID":
            run_id = _run_id(value, run_id)
        parameters.append((name, value))
    phase = controls.get("PHASE", "").upper()
    if phase not in ("", "RUN"):
        raise RequestError(f"PHASE={controls['PHASE'][:40]} makes no job", hint="PHASE=RUN")
    action = controls.get("ACTION", "").upper()
    if action not in ("", "DELETE"):
        raise RequestError(f"ACTION={action[:40]} is not known", hint="ACTION=DELETE")
    seconds, destruction = controls.get("EXECUTIONDURATION"), controls.get("DESTRUCTION")
    return Submission(
        parameters=tuple(parameters),
        parts=parts,
        run_id=run_id,
        run=phase == "RUN",
        delete=action == "DELETE",
        execution_seconds=None if seconds is None else read_seconds(seconds),
        destruction=None if destruction is None else read_time("DESTRUCTION", destruction),
    )


def control(pairs: Iterable[tuple[str, str]], name: str) -> str:
    """Return the one value of a parameter that a request must have.

    Raises
    ------
    RequestError
        If it is not there, or more than once.
    """
    values = [value for key, value in pairs if key.upper() == name]
    if len(values) != 1:
        times = "missing" if not values else "given more than once"
        raise RequestError(f"parameter {name} is {times}")
    return values[0].strip()


def read_seconds(text: str) -> int:
    """Read an execution duration; 0 asks for as much as there is.

    Raises
    ------
    RequestError
        If it is no number of seconds.
    """
    given = text.strip()
    if not (given.isascii() and given.isdigit()):
        raise RequestError(
            f"EXECUTIONDURATION={text[:40]} is not a number of seconds", hint="0, 1, 2, ..."
        )
    return int(given) if len(given) <= _MOST_DIGITS else 10**_MOST_DIGITS


def read_time(name: str, text: str) -> datetime:
    """Read a time of DALI; without a zone it is UTC.

    Raises
    ------
    RequestError
        If it is none.
    """
    try:
        time = datetime.fromisoformat(text.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RequestError(
            f"{name}={text[:40]} is not a time", hint="2030-12-31T23:59:59Z"
        ) from error


def read_filter(pairs: Iterable[tuple[str, str]]) -> JobFilter:
    """Read which jobs of a list are asked for.

    Raises
    ------
    RequestError
        If a phase is none, a time is none, or a number is not positive.
    """
    phases: set[str] = set()
    after: datetime | None = None
    last: int | None = None
    for name, value in pairs:
        key = name.upper()
        if key == "PHASE":
            phases.add(_phase(value))
        elif key == "AFTER":
            time = read_time("AFTER", value)
            after = time if after is None else max(after, time)
        elif key == "LAST":
            number = _positive("LAST", value)
            last = number if last is None else min(last, number)
    return JobFilter(frozenset(phases), after, last)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a client waits for a job.

    Attributes
    ----------
    seconds
        At most.
    phase
        It waits for the job to leave this phase; without it, the one in which it is found.
    """

    seconds: float
    phase: Phase | None


def read_waiting(pairs: Iterable[tuple[str, str]]) -> Waiting | None:
    """Read whether a client waits, and how long it may.

    Raises
    ------
    RequestError
        If it waits for something that is no number of seconds, or no phase.
    """
    values = {name.upper(): value.strip() for name, value in pairs}
    if "WAIT" not in values:
        return None
    try:
        seconds = float(int(values["WAIT"][:_MOST_DIGITS]))
    except ValueError as error:
        raise RequestError(
            f"WAIT={values['WAIT'][:40]} is not a number of seconds", hint="-1, 0, 1, 2, ..."
        ) from error
    if seconds < 0:
        seconds = LONGEST_WAIT_SECONDS
    phase = _phase(values["PHASE"]) if values.get("PHASE") else None
    if phase in UNUSED_PHASES:
        # No job is in it, so no job has to leave it.
        return Waiting(0.0, None)
    return Waiting(min(seconds, LONGEST_WAIT_SECONDS), None if phase is None else Phase(phase))


def _phase(text: str) -> str:
    phase = text.strip().upper()
    if phase not in UNUSED_PHASES and phase not in Phase.__members__:
        raise RequestError(f"PHASE={text[:40]} is not a phase", hint=", ".join(Phase.__members__))
    return phase


def _positive(name: str, text: str) -> int:
    given = text.strip()
    if not (given.isascii() and given.isdigit() and given.strip("0")):
        raise RequestError(f"{name}={text[:40]} is not a positive number", hint="1, 2, 3, ...")
    return int(given) if len(given) <= _MOST_DIGITS else 10**_MOST_DIGITS


def _run_id(value: str, earlier: str | None) -> str:
    if earlier is not None:
        raise RequestError("parameter RUNID is given more than once", hint="give it once")
    if len(value) > _LONGEST_RUNID:
        raise RequestError(f"RUNID is longer than {_LONGEST_RUNID} characters")
    return value
