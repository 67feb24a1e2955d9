"""How a catalogue is made again: the key ``regenerate`` of its YAML, read and checked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Annotated, Any, Literal

from croniter import croniter
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h|d)\s*")


def parse_duration(value: Any) -> Any:
    """Read ``30d``, ``12h``, ``90min`` or ``15s``.

    Raises
    ------
    ValueError
        If it is none of these; a bare number has no unit.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{str(value)!r} is not a duration; write 30d, 12h, 90min or 15s")
    try:
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    except OverflowError as error:
        raise ValueError(f"{value!r} is longer than any time that can be counted") from error


def write_duration(value: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, in the largest unit that fits whole."""
    seconds = value.total_seconds()
    for unit in ("d", "h", "min"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{int(seconds // _UNITS[unit])}{unit}"
    return f"{seconds:f}".rstrip("0").rstrip(".") + "s"


def as_utc(value: Any) -> Any:
    """Return a time without zone, in UTC; only an offset that is written is taken off."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _read_time(value: Any) -> Any:
    if isinstance(value, str) and value != "now":
        try:
            return as_utc(datetime.fromisoformat(value))
        except ValueError:
            raise ValueError(f"{value!r} is not a time; write 2019-01-01 or now") from None
    return as_utc(value)


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(write_duration)]
Time = Annotated[datetime, BeforeValidator(_read_time)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SpanPlan(_Model):
    """The time that the catalogue covers, UTC, half open.

    Attributes
    ----------
    start, stop
        ``from`` and ``to`` of the file; ``now`` is the moment of the run.
    delay
        How long data take until they are complete: ``now`` is taken as so much earlier.
    """

    start: Time = Field(alias="from")
    stop: Annotated[Literal["now"] | datetime, BeforeValidator(_read_time)] = Field(alias="to")
    delay: Duration = timedelta(0)

    @model_validator(mode="after")
    def _check(self) -> SpanPlan:
        if isinstance(self.stop, datetime) and self.stop <= self.start:
            raise ValueError("'to' has to be later than 'from'")
        if self.delay < timedelta(0):
            raise ValueError("'delay' cannot be negative")
        return self


class ScorePlan(_Model):
    """A score on known events that the pipeline has to reach before its result is shown.

    Attributes
    ----------
    source, labels
        What the pipeline's ``evaluate`` is given.
    key
        Which of the figures that it returns is looked at.
    at_least
        The least value that is accepted.
    """

    source: str
    labels: str
    key: str
    at_least: float


class AcceptPlan(_Model):
    """What a result has to be like to replace the catalogue that is there.

    Attributes
    ----------
    rows_factor
        The number of rows may shrink and grow by this factor at most.
    dropped_rows
        How many rows may break a rule of EPNcore; so many are left out.
    score
        See `ScorePlan`.
    """

    rows_factor: float | None = Field(default=2.0, ge=1.0)
    dropped_rows: int = Field(default=0, ge=0)
    score: ScorePlan | None = None


class RegenerationPlan(_Model):
    """The content of ``regenerate``.

    Attributes
    ----------
    pipeline
        Name of the pipeline.
    source
        What it reads. ``{start}`` and ``{stop}`` in it become the times that a piece of the work
        needs, margins included.
    schedule
        When, as five fields of cron, UTC; without it only by hand.
    span
        Time to cover; the extent of the source where it is not given.
    chunk
        Length of the pieces of time that are worked at independently.
    overlap
        At least so much data on either side of a piece are read and decide, too, whether the piece
        has to be made again; a pipeline's own margin counts where it is longer.
    queue
        Name of the queue whose workers do it.
    options
        Of the pipeline.
    retries, retry_after
        How often a piece that fails is tried again, and the pause before the first time; it
        doubles each time.
    accept
        Rules that the result has to pass.
    """

    pipeline: str = Field(min_length=1)
    source: str = Field(min_length=1)
    schedule: str | None = None
    span: SpanPlan | None = None
    chunk: Duration = timedelta(days=30)
    overlap: Duration = timedelta(0)
    queue: str = Field(default="default", pattern=r"^[a-z][a-z0-9_-]{0,31}$")
    options: dict[str, Any] = {}
    retries: int = Field(default=3, ge=0, le=20)
    retry_after: Duration = timedelta(seconds=30)
    accept: AcceptPlan = AcceptPlan()

    @property
    def is_template(self) -> bool:
        """Whether the source is asked for the time that a piece of work needs."""
        return is_template(self.source)

    @model_validator(mode="after")
    def _check(self) -> RegenerationPlan:
        if self.schedule is not None:
            _check_cron(self.schedule)
        if self.chunk < timedelta(minutes=1):
            raise ValueError("'chunk' has to be a minute at least")
        if self.overlap < timedelta(0):
            raise ValueError("'overlap' cannot be negative")
        if self.retry_after > timedelta(days=1):
            raise ValueError("'retry_after' cannot be longer than a day")
        check_template(self.source)
        if self.is_template and self.span is None:
            raise ValueError("a source with {start} and {stop} needs a 'span'")
        return self


def _check_cron(text: str) -> None:
    if len(text.split()) != 5 or not croniter.is_valid(text):
        raise ValueError(
            f"schedule {text!r} is not five fields of cron: minute hour day month weekday, "
            "e.g. '0 3 * * *' for every night at 3 UTC"
        )
    try:
        next_time(text, datetime(2000, 1, 1, tzinfo=UTC))
    except ValueError as error:
        raise ValueError(f"schedule {text!r} never comes: {error}") from error


def check_template(source: str) -> None:
    """Check what stands in braces in the text of a source.

    Raises
    ------
    ValueError
        If it is something else than ``{start}`` and ``{stop}``, or only one of them.
    """
    try:
        names = {name for _, name, _, _ in Formatter().parse(source) if name is not None}
    except ValueError as error:
        raise ValueError(f"source {source!r}: {error}") from error
    if names and names != {"start", "stop"}:
        raise ValueError(f"source {source!r}: {{start}} and {{stop}} may stand in it, both or none")


def is_template(source: str) -> bool:
    """Whether a source is asked for a time, by ``{start}`` and ``{stop}``."""
    return any(name for _, name, _, _ in Formatter().parse(source))


def next_time(schedule: str, after: datetime) -> datetime:
    """Return the first time of a cron expression after another time, both aware and in UTC.

    Raises
    ------
    ValueError
        If there is none, e.g. for the 30th of February.
    """
    found: datetime = croniter(schedule, after.astimezone(UTC)).get_next(datetime)
    return found.astimezone(UTC)
