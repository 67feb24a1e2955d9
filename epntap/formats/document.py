"""What stands around the rows of a VOTable: head, columns, status.

The version is 1.4 because TIMESYS came with it and all clients in use read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from epntap.formats.cells import NUMBERS
from epntap.formats.markup import attributes, text, unique_ids
from epntap.formats.writer import Info, ResultHeader
from epntap.tables import Column, CoordinateSystem, TimeSystem

_OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
    '<RESOURCE type="results">\n'
)
_CLOSING = "</RESOURCE>\n</VOTABLE>\n"


def error_document(message: str, *, infos: Sequence[Info] = ()) -> bytes:
    """Return the VOTable that reports a failure (DALI 1.1, section 4.4): no table, the message.

    Parameters
    ----------
    message
        What is wrong, as the content of the INFO ``QUERY_STATUS``.
    infos
        Further statements, e.g. the query.
    """
    status = Info("QUERY_STATUS", "ERROR", message)
    return (_OPENING + "".join(map(_info, [status, *infos])) + _CLOSING).encode()


def document_head(columns: Sequence[Column], header: ResultHeader, *, sentinels: bool) -> bytes:
    """Return the document up to the DATA element, exclusively.

    Parameters
    ----------
    columns
        The columns of the result.
    header
        What the result says of itself.
    sentinels
        Whether NULL in an integer column is a value that has to be declared.
    """
    systems, fields = _described(tuple(columns), sentinels=sentinels)
    infos = [Info("QUERY_STATUS", "OK"), *header.statements()]
    parts = [
        _OPENING,
        _description(header.description),
        *map(_info, infos),
        systems,
        f"<TABLE{attributes(name=header.table_name)}>\n",
        fields,
    ]
    return "".join(parts).encode()


@lru_cache(maxsize=128)
def _described(columns: tuple[Column, ...], *, sentinels: bool) -> tuple[str, str]:
    """Return the systems of the columns and their FIELDs.

    They are most of the head and the same for every query that selects the same columns.
    """
    ids = unique_ids(column.name for column in columns)
    systems = _system_ids(columns, ids)
    fields = (
        _field(column, identifier, systems, sentinels=sentinels)
        for column, identifier in zip(columns, ids, strict=True)
    )
    return "".join(_system(*item) for item in systems.items()), "".join(fields)


def document_tail(infos: Sequence[Info]) -> bytes:
    """Return the end of the table and of the document, with what became known in between."""
    return ("</TABLE>\n" + "".join(map(_info, infos)) + _CLOSING).encode()


def overflow_info(row_count: int) -> Info:
    """Return the statement that rows were left out (DALI 1.1, section 4.4.1)."""
    return Info("QUERY_STATUS", "OVERFLOW", f"the result is truncated after {row_count} rows")


def failure_info(message: str) -> Info:
    """Return the statement that the result is incomplete (DALI 1.1, section 4.4)."""
    return Info("QUERY_STATUS", "ERROR", message)


def _info(info: Info) -> str:
    start = f"<INFO{attributes(name=info.name, value=info.value)}"
    return f"{start}/>\n" if info.text is None else f"{start}>{text(info.text)}</INFO>\n"


def _description(value: str | None) -> str:
    return f"<DESCRIPTION>{text(value)}</DESCRIPTION>\n" if value else ""


def _system_ids(
    columns: Sequence[Column], taken: Sequence[str]
) -> dict[TimeSystem | CoordinateSystem, str]:
    """Return the systems of the columns, each once, with an identifier."""
    found = dict.fromkeys(column.system for column in columns if column.system is not None)
    kinds = ["timesys" if isinstance(system, TimeSystem) else "coosys" for system in found]
    return dict(zip(found, unique_ids(kinds, taken), strict=True))


def _system(system: TimeSystem | CoordinateSystem, identifier: str) -> str:
    if isinstance(system, CoordinateSystem):
        return f"<COOSYS{attributes(ID=identifier, system=system.system, epoch=system.epoch)}/>\n"
    described = attributes(
        ID=identifier,
        timeorigin=system.timeorigin or None,
        timescale=system.timescale,
        refposition=system.refposition,
    )
    return f"<TIMESYS{described}/>\n"


def _field(
    column: Column,
    identifier: str,
    systems: dict[TimeSystem | CoordinateSystem, str],
    *,
    sentinels: bool,
) -> str:
    """Return the FIELD of a column.

    The elements of an integer array have no other way to be missing, so their sentinel is
    declared in every serialisation.
    """
    start = "<FIELD" + attributes(
        name=column.name,
        ID=identifier,
        datatype=column.datatype,
        arraysize=column.arraysize,
        xtype=column.xtype or None,
        unit=column.unit or None,
        ucd=column.ucd or None,
        utype=column.utype or None,
        ref=systems[column.system] if column.system is not None else None,
    )
    number = NUMBERS.get(column.datatype)
    content = _description(column.description)
    if number and number.sentinel is not None and (sentinels or column.arraysize is not None):
        content += f"<VALUES{attributes(null=str(number.sentinel))}/>\n"
    return f"{start}>\n{content}</FIELD>\n" if content else f"{start}/>\n"
