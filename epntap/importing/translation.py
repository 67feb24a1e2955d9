"""A resource descriptor made into a catalogue's description."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epntap.epncore import read_standard
from epntap.importing.columns import TableParts, translate_table
from epntap.importing.descriptor import (
    DescriptorError,
    attribute,
    epntap_table,
    line_of,
    metadata,
    own_text,
    read_descriptor,
)
from epntap.importing.expressions import Source, as_julian_date
from epntap.importing.metadata import translate_metadata
from epntap.importing.notes import Note, Notes
from epntap.importing.rows import RowMaker

#: Columns that have an index in every catalogue.
_USUAL_INDEXES = frozenset({"granule_uid", "time_min", "time_max", "target_name", "c1min"}) | {
    "c2min",
    "obs_id",
}


@dataclass(frozen=True, slots=True)
class Translation:
    """A descriptor's content in a catalogue's words.

    Attributes
    ----------
    description
        The content of the YAML file.
    notes
        What could not be translated or had to be made up, by line.
    sources
        Where the descriptor takes its rows from, one line each.
    """

    description: dict[str, Any]
    notes: tuple[Note, ...]
    sources: tuple[str, ...]


def translate_descriptor(path: Path) -> Translation:
    """Translate a DaCHS resource descriptor with an EPN-TAP 2.0 table.

    Raises
    ------
    DescriptorError
        If the file is not one.
    """
    root = read_descriptor(path)
    table, mixin = epntap_table(path, root)
    name = (root.get("schema") or attribute(root, "schema") or "").lower()
    if re.fullmatch(r"[a-z][a-z0-9_]*", name) is None:
        raise DescriptorError(
            f"{path}, line {line_of(root)}: schema {name!r} cannot be the name of a catalogue"
        )
    notes = Notes()
    parts = translate_table(table, mixin, notes)
    description = translate_metadata([*metadata(root), *metadata(table)], name, notes)
    description["spatial_frame_type"] = parts.frame
    maker, feeding = _rows(root, table, parts, notes)
    description["mapping"] = _mapping(parts, maker, notes)
    own = _own_columns(parts, maker, notes)
    if own:
        description["columns"] = own
    indexes = [
        each
        for each in parts.indexes
        if each not in _USUAL_INDEXES
        and (each in description["mapping"] or each in {column["name"] for column in own})
    ]
    if indexes:
        description["indexes"] = indexes
    _note_rest(root, table, feeding, parts, notes)
    sources = tuple(line for data in feeding for line in _source_lines(data))
    return Translation(description, notes.in_order(), sources)


def _rows(root: Any, table: Any, parts: TableParts, notes: Notes) -> tuple[RowMaker, list[Any]]:
    """Read the row makers that feed the table; returns them and their ``data`` elements."""
    mandatory = read_standard().mandatory
    columns = [*mandatory, *parts.optional, *(column["name"] for column in parts.own)]
    maker = RowMaker(dict.fromkeys(columns), notes)
    feeding = []
    for data in root.iter("data"):
        makes = [m for m in data.findall("make") if attribute(m, "table") == table.get("id")]
        if not makes:
            continue
        feeding.append(data)
        rowmakers = [r for make in makes for r in make.findall("rowmaker")]
        referred = {attribute(make, "rowmaker") for make in makes} - {None}
        rowmakers += [r for r in root.iter("rowmaker") if r.get("id") in referred]
        for rowmaker in rowmakers:
            maker.read(rowmaker)
    if not feeding:
        notes.add(line_of(table), "table", "no <data> of the descriptor makes its rows")
    elif len(feeding) > 1:
        notes.add(line_of(feeding[1]), "data", "several make rows; their mappings are put together")
    return maker, feeding


def _mapping(parts: TableParts, maker: RowMaker, notes: Notes) -> dict[str, Any]:
    standard = read_standard()
    mapping: dict[str, Any] = {}
    implied = _implied(maker)
    for name, column in standard.columns.items():
        source = maker.sources.get(name)
        if name == "spatial_frame_type":
            if source not in (None, Source(column=name), Source(constant=parts.frame)):
                notes.add(0, f"the source of {name}", f"all rows have {parts.frame!r} instead")
            continue
        if name in implied:
            continue
        if source is None:
            if name in parts.optional and name not in maker.refused:
                notes.add(0, f"column {name}", "nothing fills it; it is left out")
            continue
        if column.unit == "d":
            source = as_julian_date(source)
        elif source.time is not None:
            notes.add(0, f"column {name}", "is not a Julian Date, but made as one; left out")
            continue
        mapping[name] = source.as_mapping()
    for name in ("granule_uid", "target_class"):
        if name not in mapping:
            mapping[name] = notes.missing(f"the source of {name}", name)
    return mapping


def _implied(maker: RowMaker) -> set[str]:
    """Return mandatory columns that publishing takes from fields of their names by itself.

    A mapping would demand that the source has them, which DaCHS does not.
    """
    standard = read_standard()
    implied = maker.by_name.intersection(standard.mandatory) - {"granule_uid", "target_class"}
    for low, high in standard.pairs:
        if not {low, high} <= implied:
            implied -= {low, high}
    return implied


def _own_columns(parts: TableParts, maker: RowMaker, notes: Notes) -> list[dict[str, Any]]:
    columns = []
    for column in parts.own:
        name = column["name"]
        source = maker.sources.get(name)
        if source is None and name not in maker.refused:
            notes.add(0, f"column {name}", "nothing fills it; it is left out")
        if source is None:
            continue
        if source.time is not None and column.get("unit") != "d":
            notes.add(0, f"column {name}", "is made as a Julian Date without the unit d; left out")
            continue
        columns.append(column if source == Source(column=name) else _with_source(column, source))
    return columns


def _with_source(column: dict[str, Any], source: Source) -> dict[str, Any]:
    return column | {"from": source.as_mapping()}


def _source_lines(data: Any) -> list[str]:
    """Say where rows come from: patterns of files, and what reads them."""
    lines = []
    for child in data:
        if not isinstance(child.tag, str):
            continue
        if child.tag == "sources":
            pattern = child.get("pattern") or own_text(child)
            patterns = [pattern, *(own_text(each) for each in child.findall("pattern"))]
            lines.append(
                f"line {line_of(child)}: files {', '.join(each for each in patterns if each)}"
            )
        elif child.tag.endswith("Grammar"):
            settings = " ".join(f'{key}="{value}"' for key, value in child.attrib.items())
            lines.append(f"line {line_of(child)}: read by {child.tag} {settings}".rstrip())
    return lines


def _note_rest(root: Any, table: Any, feeding: list[Any], parts: TableParts, notes: Notes) -> None:
    """Note every other element; nothing is passed over in silence."""
    for child in root:
        if isinstance(child.tag, str) and child.tag not in ("meta", "schema"):
            if child is table or child in feeding:
                continue
            what = " ".join(filter(None, (child.tag, child.get("id") or child.get("title"))))
            notes.add(line_of(child), what, "is not part of a catalogue; not translated")
    for child in table:
        if isinstance(child.tag, str) and child.tag != "meta" and child not in parts.handled:
            notes.add(line_of(child), f"{child.tag} of the table", "not translated")
    for data in feeding:
        for child in data:
            if not isinstance(child.tag, str) or child.tag in ("sources", "make", "meta"):
                continue
            if not child.tag.endswith("Grammar"):
                notes.add(line_of(child), f"{child.tag} of data", "not translated")
            elif len(child):
                notes.add(line_of(child), f"content of {child.tag}", "not translated")
        for make in data.findall("make"):
            for child in make:
                if isinstance(child.tag, str) and child.tag not in ("rowmaker", "table"):
                    notes.add(line_of(child), f"{child.tag} of make", "not translated")
