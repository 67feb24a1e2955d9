"""The table of a descriptor: frame, own columns, indexes."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from epntap.adql.words import RESERVED_WORDS
from epntap.catalogue import check_unit
from epntap.epncore import read_standard
from epntap.epncore.ucds import is_ucd
from epntap.importing.descriptor import attribute, line_of
from epntap.importing.notes import Notes

#: Datatypes of a catalogue by those of DaCHS.
_DATATYPES = {
    "smallint": "short",
    "integer": "int",
    "bigint": "long",
    "real": "float",
    "double precision": "double",
    "text": "char",
    "unicode": "char",
    "char": "char",
    "timestamp": "timestamp",
    "date": "timestamp",
}
_DEFAULT_DATATYPE = "real"  # of DaCHS

#: What a column of a descriptor may say that a catalogue has no place for, and needs none.
_PRESENTATION = frozenset(
    {"verbLevel", "tablehead", "displayHint", "required", "note", "description", "ucd", "unit"}
    | {"name", "type", "original"}
)


@dataclasses.dataclass(frozen=True)
class TableParts:
    """What the ``table`` element says.

    Attributes
    ----------
    frame
        The ``spatial_frame_type``.
    optional
        Optional columns of the standard.
    own
        Columns of the catalogue's own, as the YAML file has them, without their sources.
    indexes
        Columns with an index besides the usual ones.
    handled
        The elements that were understood.
    """

    frame: str
    optional: tuple[str, ...]
    own: tuple[dict[str, Any], ...]
    indexes: tuple[str, ...]
    handled: tuple[Any, ...]


def translate_table(table: Any, mixin: Any | None, notes: Notes) -> TableParts:
    """Translate the ``table`` element."""
    standard = read_standard()
    handled: list[Any] = []
    frame, optional = _mixin(table, mixin, notes)
    if mixin is not None:
        handled.append(mixin)
    own: list[dict[str, Any]] = []
    for element in table.findall("column"):
        handled.append(element)
        name = attribute(element, "name") or ""
        if name in standard.columns:
            notes.add(line_of(element), f"column {name}", "is of the standard, which describes it")
            optional.append(name)
        elif (column := _own_column(element, name, notes)) is not None:
            own.append(column)
    indexes: list[str] = []
    for element in table.findall("index"):
        handled.append(element)
        indexes.extend(_index(element, {*standard.columns, *(c["name"] for c in own)}, notes))
    return TableParts(
        frame, tuple(dict.fromkeys(optional)), tuple(own), tuple(dict.fromkeys(indexes)),
        tuple(handled),
    )  # fmt: skip


def _mixin(table: Any, mixin: Any | None, notes: Notes) -> tuple[str, list[str]]:
    standard = read_standard()
    element = table if mixin is None else mixin
    frame = attribute(mixin, "spatial_frame_type") if mixin is not None else None
    if frame not in standard.vocabularies["spatial_frame_type"]:
        notes.add(line_of(element), f"spatial_frame_type {frame!r}", "'none' stands in its place")
        frame = "none"
    optional = []
    listed = attribute(mixin, "optional_columns") if mixin is not None else None
    for name in (listed or "").split():
        if name in standard.columns:
            optional.append(name)
        else:
            notes.add(line_of(element), f"optional column {name}", "is not a column of EPN-TAP 2.0")
    if mixin is not None:
        parameters = {*mixin.attrib, *(str(child.tag) for child in mixin)}
        for parameter in sorted(parameters - {"spatial_frame_type", "optional_columns"}):
            notes.add(line_of(mixin), f"parameter {parameter} of the mixin", "has no counterpart")
    return str(frame), optional


def _own_column(element: Any, name: str, notes: Notes) -> dict[str, Any] | None:
    line, what = line_of(element), f"column {name}"
    if re.fullmatch(r"[a-z][a-z0-9_]{0,47}", name) is None or name.upper() in RESERVED_WORDS:
        notes.add(line, what, "cannot be the name of a column here; the column is left out")
        return None
    if name == "accref":
        notes.add(line, what, "is a name that EPN-TAP reserves; the column is left out")
        return None
    kind = (attribute(element, "type") or _DEFAULT_DATATYPE).lower()
    kind = re.sub(r"^(char|unicode|varchar)\(.*\)$", "char", kind)
    if kind not in _DATATYPES:
        notes.add(line, what, f"type {kind!r} has no counterpart; the column is left out")
        return None
    column: dict[str, Any] = {"name": name, "datatype": _DATATYPES[kind]}
    if (unit := attribute(element, "unit")) and _is_unit(unit, line, what, notes):
        column["unit"] = unit
    if ucd := attribute(element, "ucd"):
        if is_ucd(ucd):
            column["ucd"] = ucd
        else:
            notes.add(line, what, f"{ucd!r} is not a valid UCD; it is left out")
    text = attribute(element, "description") or attribute(element, "tablehead")
    if not text:
        notes.add(line, what, "has no description; its name stands in its place")
    column["description"] = " ".join((text or name).split())
    said = {*element.attrib, *(str(child.tag) for child in element)}
    for more in sorted(said - _PRESENTATION):
        notes.add(line, f"{what}, {more}", "has no counterpart")
    if attribute(element, "original"):
        notes.add(line, what, "is a copy of another column; check what it says of itself")
    return column


def _is_unit(unit: str, line: int, what: str, notes: Notes) -> bool:
    try:
        check_unit(unit)
    except ValueError:
        notes.add(line, what, f"{unit!r} is not a unit as VOUnits writes them; it is left out")
        return False
    return True


def _index(element: Any, known: set[str], notes: Notes) -> list[str]:
    line = line_of(element)
    names = re.split(r"[\s,]+", attribute(element, "columns") or "")
    names = [name for name in names if name]
    if len(names) > 1:
        notes.add(line, f"index of {', '.join(names)}", "becomes an index of each column")
    found = [name for name in names if name in known]
    for name in sorted(set(names) - set(found)):
        notes.add(line, f"index of {name}", "there is no such column")
    if not names or len(element):
        notes.add(line, "index", "indexes of expressions have no counterpart")
    return found
