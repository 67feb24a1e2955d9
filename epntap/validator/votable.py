"""VOTable results read a row at a time.

TABLEDATA, which the validator asks for, is read in constant memory. A service that answers in
another serialisation all the same is read by astropy, whole.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from lxml import etree

from epntap.errors import UserError
from epntap.tables import Column

#: Elements that are looked at; cells are read through their rows.
_ELEMENTS = ("VOTABLE", "FIELD", "INFO", "TABLEDATA", "BINARY", "BINARY2", "FITS", "TR")

#: Bytes of the beginning in which a DOCTYPE would stand.
_HEAD_BYTES = 4096


class TapAnswerError(UserError):
    """A service answered a query with an error, or with something that is no VOTable."""


@dataclass
class Result:
    """A result whose rows are still to be read, once.

    Attributes
    ----------
    columns
        The FIELDs, with their types as VOTable writes them.
    rows
        Cells as text, missing and empty ones as ``None``; arrays are numbers with blanks.
    overflow
        Whether the service cut the result off; known when all rows are read.
    """

    columns: tuple[Column, ...] = ()
    rows: Iterator[tuple[str | None, ...]] = field(default_factory=lambda: iter(()))
    overflow: bool = False


def read_result(document: IO[bytes]) -> Result:
    """Begin to read a result.

    Parameters
    ----------
    document
        A seekable VOTable; it has to stay open until the rows are read.

    Raises
    ------
    TapAnswerError
        If the document is no VOTable, reports an error, or declares a DOCTYPE; while the rows
        are read also if it breaks off.
    """
    start = document.tell()
    if re.search(rb"<!(DOCTYPE|ENTITY)", document.read(_HEAD_BYTES), re.IGNORECASE):
        raise TapAnswerError("the answer has a document type declaration, which no VOTable needs")
    document.seek(start)
    result = Result()
    events = _events(document)
    serialization = _read_head(events, result)
    if serialization == "TABLEDATA":
        result.rows = _table_rows(events, result)
    elif serialization is not None:
        document.seek(start)
        result.rows = _astropy_rows(document)
    return result


def _events(document: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """Yield start and end of elements; nothing outside of the document is ever loaded."""
    parser = etree.iterparse(
        document,
        events=("start", "end"),
        tag=tuple(f"{{*}}{name}" for name in _ELEMENTS),
        huge_tree=True,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
    )
    try:
        yield from parser
    except etree.XMLSyntaxError as error:
        raise TapAnswerError(f"the answer is not a whole VOTable: {error}") from error


def _name(element: Any) -> str:
    return str(etree.QName(element).localname)


def _read_head(events: Iterator[tuple[str, Any]], result: Result) -> str | None:
    """Read up to the data; return the name of their serialisation, if there are data."""
    columns: list[Column] = []
    is_votable = False
    for event, element in events:
        name = _name(element)
        is_votable = is_votable or name == "VOTABLE"
        if event == "end" and name == "FIELD":
            columns.append(_field(element))
        elif event == "end" and name == "INFO":
            _read_status(element, result)
        elif event == "start" and name in ("TABLEDATA", "BINARY", "BINARY2", "FITS"):
            result.columns = tuple(columns)
            return name
    result.columns = tuple(columns)
    if not is_votable:
        raise TapAnswerError("the answer is XML, but not a VOTable")
    if not columns:
        raise TapAnswerError("the answer is a VOTable without a table")
    return None


def _read_status(info: Any, result: Result) -> None:
    if info.get("name") != "QUERY_STATUS":
        return
    if info.get("value") == "ERROR":
        raise TapAnswerError(" ".join((info.text or "no reason given").split()))
    if info.get("value") == "OVERFLOW":
        result.overflow = True


def _field(element: Any) -> Column:
    description = next((child.text for child in element if _name(child) == "DESCRIPTION"), None)
    return Column(
        name=element.get("name", ""),
        datatype=element.get("datatype", ""),
        arraysize=element.get("arraysize") or None,
        xtype=element.get("xtype") or None,
        unit=element.get("unit") or None,
        ucd=element.get("ucd") or None,
        utype=element.get("utype") or None,
        description=description,
    )


def _table_rows(
    events: Iterator[tuple[str, Any]], result: Result
) -> Iterator[tuple[str | None, ...]]:
    width = len(result.columns)
    for event, element in events:
        if event == "start":
            continue
        if element.tag.endswith("TR"):
            cells = tuple((cell.text or "").strip("\r\n\t") or None for cell in element)
            if len(cells) != width:
                raise TapAnswerError(f"a row has {len(cells)} cells, the table {width} columns")
            yield cells
            element.clear()
            # The parents still hold the emptied rows.
            while element.getprevious() is not None:
                del element.getparent()[0]
        elif _name(element) == "INFO":
            _read_status(element, result)


def _astropy_rows(document: IO[bytes]) -> Iterator[tuple[str | None, ...]]:
    import numpy as np
    from astropy.io.votable import parse  # slow to import

    try:
        table = parse(document, verify="ignore").get_first_table()
    except (ValueError, IndexError, KeyError, EOFError, struct.error) as error:
        raise TapAnswerError(f"the answer is not a VOTable that can be read: {error}") from error
    data = np.ma.asarray(table.array)
    names = data.dtype.names or ()
    for row in data:
        yield tuple(_cell_text(row[name]) for name in names)


def _cell_text(value: Any) -> str | None:
    import numpy as np

    if value is np.ma.masked:
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or None
    if isinstance(value, np.ndarray):
        numbers: Any = np.ma.filled(np.ma.asarray(value, dtype=float), np.nan)
        return " ".join(repr(float(number)) for number in numbers.ravel()) or None
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else repr(float(value))
    return str(value) or None
