"""Requests of OAI-PMH 2.0: verbs, arguments, datestamps and resumption tokens."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from epntap.errors import UserError
from epntap.registry.xml import timestamp

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)

#: Separates the parts of a token; an identifier, the last part, may have it.
_TOKEN_SEPARATOR = "|"  # noqa: S105 - no secret
_TOKEN_PARTS = 7


class OaiError(UserError):
    """A request that is answered by an error of OAI-PMH; `code` is one of section 3.6."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Verb:
    """Arguments of a verb (OAI-PMH 2.0, section 4)."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    resumable: bool = False


_LIST = _Verb(("metadataPrefix",), ("from", "until", "set"), resumable=True)

_VERBS = {
    "Identify": _Verb(),
    "ListMetadataFormats": _Verb(optional=("identifier",)),
    "ListSets": _Verb(resumable=True),
    "ListIdentifiers": _LIST,
    "ListRecords": _LIST,
    "GetRecord": _Verb(("identifier", "metadataPrefix")),
}


@dataclass(frozen=True, slots=True)
class OaiRequest:
    """A request whose arguments fit its verb.

    Attributes
    ----------
    verb
        One of the six.
    arguments
        Without the verb; each has one value.
    """

    verb: str
    arguments: dict[str, str]


def oai_request(pairs: Sequence[tuple[str, str]]) -> OaiRequest:
    """Return the request that the arguments make.

    Parameters
    ----------
    pairs
        Names and values as they came.

    Raises
    ------
    OaiError
        ``badVerb`` or ``badArgument``.
    """
    verbs = [value for name, value in pairs if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in _VERBS:
        shown = f"verb {verbs[0]!r} is not known" if len(verbs) == 1 else "give one verb"
        raise OaiError("badVerb", f"{shown}; the verbs are {', '.join(_VERBS)}")
    verb, allowed = verbs[0], _VERBS[verbs[0]]
    others = [(name, value) for name, value in pairs if name != "verb"]
    counts = Counter(name for name, _ in others)
    for name, count in counts.items():
        if count > 1:
            raise OaiError("badArgument", f"{name} is given {count} times")
    if allowed.resumable and "resumptionToken" in counts:
        if len(others) > 1:
            raise OaiError("badArgument", "a resumptionToken stands alone beside the verb")
        return OaiRequest(verb, dict(others))
    for name in counts:
        if name not in (*allowed.required, *allowed.optional):
            raise OaiError("badArgument", f"{verb} has no argument {name!r}")
    for name in allowed.required:
        if name not in counts:
            raise OaiError("badArgument", f"{verb} needs the argument {name}")
    return OaiRequest(verb, dict(others))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records a list holds, and where in it we are.

    Attributes
    ----------
    prefix
        The ``metadataPrefix``.
    earliest, latest
        Bounds of the datestamps, both inclusive.
    set_name
        The set, if one is asked for.
    cursor
        How many records of the list have been sent.
    after
        Datestamp and identifier of the last one that was.
    """

    prefix: str
    earliest: datetime | None = None
    latest: datetime | None = None
    set_name: str | None = None
    cursor: int = 0
    after: tuple[datetime, str] | None = None


def selection(request: OaiRequest) -> Selection:
    """Return the selection of a ListIdentifiers or ListRecords request.

    Raises
    ------
    OaiError
        ``badArgument`` or ``badResumptionToken``.
    """
    arguments = request.arguments
    if "resumptionToken" in arguments:
        return read_token(arguments["resumptionToken"])
    start, end = arguments.get("from"), arguments.get("until")
    if start is not None and end is not None and len(start) != len(end):
        raise OaiError("badArgument", "from and until have different granularities")
    earliest = None if start is None else _bound("from", start, end_of_day=False)
    latest = None if end is None else _bound("until", end, end_of_day=True)
    if earliest is not None and latest is not None and earliest > latest:
        raise OaiError("badArgument", f"from ({start}) is later than until ({end})")
    return Selection(arguments["metadataPrefix"], earliest, latest, arguments.get("set"))


def write_token(chosen: Selection) -> str:
    """Return the token by which a list is continued.

    It holds the whole selection, so that nothing is kept for a harvester that never comes back,
    and any server of the service can continue.
    """
    moments = [chosen.earliest, chosen.latest, chosen.after[0] if chosen.after else None]
    earliest, latest, last = ("" if each is None else timestamp(each) for each in moments)
    parts = (
        chosen.prefix,
        earliest,
        latest,
        chosen.set_name or "",
        str(chosen.cursor),
        last,
        chosen.after[1] if chosen.after else "",
    )
    return base64.urlsafe_b64encode(_TOKEN_SEPARATOR.join(parts).encode()).decode()


def read_token(token: str) -> Selection:
    """Return the selection that a token stands for.

    Raises
    ------
    OaiError
        ``badResumptionToken``, if we did not write it.
    """
    wrong = OaiError("badResumptionToken", "the resumptionToken is not one of this service")
    try:
        text = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise wrong from None
    parts = text.split(_TOKEN_SEPARATOR, _TOKEN_PARTS - 1)
    if len(parts) != _TOKEN_PARTS or not re.fullmatch(r"[1-9]\d{0,8}", parts[4], re.ASCII):
        raise wrong
    prefix, earliest, latest, set_name, cursor, last, identifier = parts
    try:
        return Selection(
            prefix=prefix,
            earliest=_moment(earliest) if earliest else None,
            latest=_moment(latest) if latest else None,
            set_name=set_name or None,
            cursor=int(cursor),
            after=(_moment(last), identifier),
        )
    except ValueError:
        raise wrong from None


def _bound(name: str, text: str, *, end_of_day: bool) -> datetime:
    """Return the moment that a bound means; a day as ``until`` includes all its seconds."""
    try:
        if _DAY.fullmatch(text):
            day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            return day + timedelta(days=1, seconds=-1) if end_of_day else day
        return _moment(text)
    except ValueError:
        raise OaiError(
            "badArgument",
            f"{name} {text!r} is neither YYYY-MM-DD nor YYYY-MM-DDThh:mm:ssZ",
        ) from None


def _moment(text: str) -> datetime:
    if not _SECOND.fullmatch(text):
        raise ValueError(text)
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
