"""Asking a TAP service, and understanding what it answers."""

from __future__ import annotations

import io
import re
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any

import numpy as np
import requests
from astropy.io.votable import parse
from astropy.io.votable.tree import Field, VOTableFile

from .corpus import Outcome

#: Seconds that an answer may take.
TIMEOUT = 120.0

#: Limits of the values of a column. DaCHS copies those of a column to whatever is computed of it,
#: even if the type is another; then astropy refuses the document ('8640.069' is no integer).
_LIMITS = re.compile(rb"<(MIN|MAX)\b[^>]*(/>|>.*?</\1>)", re.DOTALL)

#: The place of a fault, as this service names it.
PLACE = re.compile(r"\(line \d+, column \d+\)")


@dataclass(frozen=True)
class FieldType:
    """What a result says of one column."""

    name: str
    datatype: str
    arraysize: str
    xtype: str
    unit: str


@dataclass(frozen=True)
class Answer:
    """What a service answered.

    Attributes
    ----------
    outcome
        Rows, or one of the two sorts of refusal; DaCHS does not tell them apart.
    fields, rows
        The result; NULL is ``None``, arrays are tuples. astropy reads a NULL text as an empty one,
        so both are ``None`` here; queries of the corpus tell them apart with IS NULL.
    message
        The error.
    seconds
        Time until all of it had arrived.
    """

    outcome: Outcome
    fields: tuple[FieldType, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    message: str = ""
    seconds: float = 0.0


class BrokenServiceError(Exception):
    """An answer that no TAP service may give."""


def ask(url: str, adql: str, session: requests.Session) -> Answer:
    """Ask for the result of a query as a VOTable.

    Parameters
    ----------
    url
        TAP URL of the service.
    adql
        The query.
    session
        The connection.

    Raises
    ------
    BrokenServiceError
        If the answer is a failure of the service (HTTP 5xx), or no VOTable.
    requests.RequestException
        If there is no answer.
    """
    started = time.monotonic()
    data = {"LANG": "ADQL", "RESPONSEFORMAT": "votable/b2", "QUERY": adql}
    response = session.post(f"{url.rstrip('/')}/sync", data=data, timeout=TIMEOUT)
    seconds = time.monotonic() - started
    if response.status_code >= 500:
        raise BrokenServiceError(f"HTTP {response.status_code}: {response.text[:500]}")
    try:
        document = parse(io.BytesIO(_LIMITS.sub(b"", response.content)), verify="ignore")
    except Exception as error:
        raise BrokenServiceError(f"no readable VOTable: {error}") from error
    return _answer(document, seconds)


def _answer(document: VOTableFile, seconds: float) -> Answer:
    for resource in document.resources:
        for info in resource.infos:
            if info.name == "QUERY_STATUS" and info.value == "ERROR":
                message = " ".join((info.content or "").split())
                return Answer(_refusal(message), message=message, seconds=seconds)
    table = document.get_first_table()
    fields = tuple(_field(field) for field in table.fields)
    array = table.array
    columns = [_column(array[field.ID]) for field in table.fields]
    rows = tuple(zip(*columns, strict=True)) if columns else ()
    return Answer(Outcome.ROWS, fields, rows, seconds=seconds)


def _refusal(message: str) -> Outcome:
    return Outcome.REFUSED if PLACE.search(message) else Outcome.FAILED


def _field(field: Field) -> FieldType:
    return FieldType(
        name=field.name,
        datatype=field.datatype,
        arraysize=field.arraysize or "",
        xtype=field.xtype or "",
        unit="" if field.unit is None else str(field.unit),
    )


def _column(values: np.ma.MaskedArray) -> list[Any]:
    """Return the values of a column as Python has them."""
    masks = np.ma.getmaskarray(values)
    return [
        None if np.all(mask) and np.size(mask) else _value(value)
        for value, mask in zip(np.ma.getdata(values), masks, strict=True)
    ]


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value or None
    if isinstance(value, np.ma.MaskedArray):
        value = value.filled()
    if isinstance(value, np.ndarray):
        return tuple(value.tolist())
    return value.item() if isinstance(value, np.generic) else value


def offered(url: str, session: requests.Session) -> frozenset[str]:
    """Return what a service declares: names of its functions, and ``geometry``.

    Raises
    ------
    requests.RequestException
        If the service does not answer.
    """
    response = session.get(f"{url.rstrip('/')}/capabilities", timeout=TIMEOUT)
    response.raise_for_status()
    names: set[str] = set()
    for features in ET.fromstring(response.content).iter("languageFeatures"):
        kind = features.get("type", "").lower().rpartition("#")[2]
        for form in features.iter("form"):
            text = (form.text or "").strip()
            if kind == "features-udf":
                names.add(text.partition("(")[0].strip().lower())
            elif kind == "features-adqlgeo":
                names.add("geometry")
    return frozenset(names)
