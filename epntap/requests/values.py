"""What a client asks of a pipeline, read by the pipeline's form."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from epntap.errors import UserError
from epntap.formats import negotiate
from epntap.plugins import RequestForm, RequestParameter, Span
from epntap.suggestions import suggestion
from epntap.tap.errors import RequestError

#: The part of a request that is a file, and the parameter of the same name.
FILE = "FILE"

#: How the catalogue can be written: names of `epntap.formats`, and the suffix of the file.
SUFFIXES = {"votable": ".vot", "csv": ".csv", "parquet": ".parquet"}

#: Parameters that every run has, whatever the pipeline.
_COMMON = ("TIME", "TMIN", "TMAX", FILE, "RESPONSEFORMAT", "FORMAT", "RUNID")

#: A Modified Julian Date of this or the last century, as SODA and ObsCore write times.
_MJD = re.compile(r"\d{5}(\.\d*)?", re.ASCII)
_MJD_EPOCH = datetime(1858, 11, 17)


@dataclass(frozen=True, slots=True)
class RunValues:
    """A request, understood.

    Attributes
    ----------
    span
        Time that is asked for.
    has_file
        Whether a file came with it.
    values
        Of the pipeline's parameters, by name; those without a value are left out.
    format
        Name of the format of the catalogue, one of `SUFFIXES`.
    """

    span: Span | None = None
    has_file: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    format: str = "votable"


def file_part(parts: Iterable[str]) -> str | None:
    """Return the name under which a request brings its file.

    Raises
    ------
    RequestError
        If it brings two.
    """
    found = [name for name in parts if name.upper() == FILE]
    if len(found) > 1:
        raise RequestError(f"parameter {FILE} is given more than once", hint="one file a run")
    return found[0] if found else None


def read_values(
    form: RequestForm, pairs: Iterable[tuple[str, str]], parts: Collection[str] = ()
) -> RunValues:
    """Read the parameters of a run; what is missing may still come.

    Parameters
    ----------
    form
        Of the pipeline.
    pairs
        Names and values as the client wrote them. An empty value is none, as in a form of a page.
    parts
        Names of the files that came along.

    Raises
    ------
    RequestError
        If there is a parameter that the pipeline does not have, twice, or with a value that it
        cannot have.
    """
    name_of_file = file_part(parts)
    if name_of_file is not None and not form.file_formats:
        raise RequestError("this pipeline takes no files")
    given = _given(form, [pair for pair in pairs if pair[0] != name_of_file])
    if FILE in given:
        raise RequestError(
            f"parameter {FILE} has to be a part of multipart/form-data", hint="curl -F FILE=@name"
        )
    values = {each.name: _value(each, given.get(each.name.upper())) for each in form.parameters}
    return RunValues(
        span=_span(form, given),
        has_file=name_of_file is not None,
        values={name: value for name, value in values.items() if value is not None},
        format=_format(given.get("RESPONSEFORMAT") or given.get("FORMAT")),
    )


def require_source(form: RequestForm, asked: RunValues) -> None:
    """Refuse a request that cannot be run because nothing says on what.

    Raises
    ------
    RequestError
        If there is neither a time span nor a file, of those that the pipeline takes.
    """
    if asked.span is not None or asked.has_file:
        return
    ways = []
    if form.longest_span is not None:
        ways.append("TIME=start/stop")
    if form.file_formats:
        ways.append(f"{FILE} as a part of multipart/form-data")
    if ways:
        raise RequestError("nothing says what to work on", hint=f"give {' or '.join(ways)}")


def _given(form: RequestForm, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the values by upper-cased name (DALI 1.1, section 3.1)."""
    known = (*_COMMON, *(each.name.upper() for each in form.parameters))
    given: dict[str, str] = {}
    for name, text in pairs:
        key, value = name.upper(), text.strip()
        if key not in known:
            # A misspelt parameter that is passed over gives a result that nobody asked for.
            raise RequestError(
                f"there is no parameter {name[:40]!r}"
                f"{suggestion(name[:40], [each.lower() for each in known])}",
                hint=f"parameters: {', '.join(known)}",
            )
        if not value:
            continue
        if key in given:
            raise RequestError(f"parameter {key} is given more than once", hint="give it once")
        given[key] = value
    return given


def _value(parameter: RequestParameter, text: str | None) -> Any:
    if text is None:
        return parameter.default
    if parameter.kind == "choice":
        return _choice(parameter, text)
    if parameter.kind == "time":
        return _time(parameter.name.upper(), text)
    return _number(parameter, text)


def _choice(parameter: RequestParameter, text: str) -> str:
    for choice in parameter.choices:
        if choice.lower() == text.lower():
            return choice
    raise RequestError(
        f"{parameter.name.upper()}={text[:40]} is not a choice", hint=", ".join(parameter.choices)
    )


def _number(parameter: RequestParameter, text: str) -> float | int:
    name, whole = parameter.name.upper(), parameter.kind == "int"
    try:
        number = int(text[:40]) if whole else float(text[:40])
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise RequestError(f"{name}={text[:40]} is not {kind}") from None
    low = -math.inf if parameter.low is None else parameter.low
    high = math.inf if parameter.high is None else parameter.high
    if not (math.isfinite(number) and low <= number <= high):
        unit = f" {parameter.unit}" if parameter.unit else ""
        raise RequestError(f"{name}={text[:40]} is not between {low:g} and {high:g}{unit}")
    return number


def _span(form: RequestForm, given: dict[str, str]) -> Span | None:
    time, ends = given.get("TIME"), (given.get("TMIN"), given.get("TMAX"))
    if time is None and ends == (None, None):
        return None
    if form.longest_span is None:
        raise RequestError("this pipeline takes no time span")
    if time is not None:
        if ends != (None, None):
            raise RequestError("TIME says the same as TMIN and TMAX", hint="give one of them")
        parts = time.split("/") if "/" in time else time.split()
        if len(parts) != 2:
            raise RequestError(f"TIME={time[:60]} is not a span", hint="TIME=start/stop")
        ends = (parts[0], parts[1])
    first, last = ends
    if first is None or last is None:
        raise RequestError(f"{'TMIN' if first is None else 'TMAX'} is missing")
    span = Span(_time("TIME", first), _time("TIME", last))
    if span.start >= span.stop:
        raise RequestError(f"the time span ends at {last[:40]}, before it starts")
    if span.stop - span.start > form.longest_span:
        raise RequestError(
            f"the time span is longer than {readable_duration(form.longest_span)}",
            hint="ask for it in parts",
        )
    return span


def _time(name: str, text: str) -> datetime:
    """Return a time, UTC without zone: ISO 8601, or a Modified Julian Date."""
    try:
        if _MJD.fullmatch(text.strip()):
            return _MJD_EPOCH + timedelta(days=float(text))
        time = datetime.fromisoformat(text.strip())
        return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise RequestError(
            f"{name}: {text[:40]} is not a time", hint="2019-05-10 or 2019-05-10T17:10, UTC"
        ) from None


def _format(text: str | None) -> str:
    if text is None:
        return "votable"
    try:
        # However a VOTable writes its rows, here it is a VOTable.
        name = negotiate(text).name.partition("/")[0]
    except UserError as error:
        raise RequestError(error.message, hint=f"one of {', '.join(SUFFIXES)}") from error
    if name not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise RequestError(f"runs do not write {name}", hint=f"one of {known}")
    return name


def readable_duration(duration: timedelta) -> str:
    """Return a duration for people, in days or hours."""
    days = duration / timedelta(days=1)
    return f"{days:g} days" if days >= 2 else f"{days * 24:g} hours"
