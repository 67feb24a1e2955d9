"""What the sections ``indexes`` and ``statistics`` have to be like beyond their form."""

from __future__ import annotations

from typing import Any

from epntap.catalogue.indexes import Index, as_index
from epntap.catalogue.model import Catalogue
from epntap.suggestions import suggestion
from epntap.tables import TEXT_DATATYPES, Column
from epntap.yamlfile import YamlFile


def check_indexes(file: YamlFile, catalogue: Catalogue) -> None:
    """Check what a description says of indexes and statistics.

    Raises
    ------
    CatalogueError
        With file, line and key of the first fault, and what to do.
    """
    columns = {column.name: column for column in catalogue.columns}
    description = catalogue.description
    declared: list[Any] = [] if description.indexes == "none" else list(description.indexes)
    for i, each in enumerate(declared):
        key = ("indexes", i)
        index = as_index(each)
        for j, name in enumerate(index.columns):
            if name not in columns:
                place = key if isinstance(each, str) else (*key, "columns", j)
                raise file.error(
                    place, f"{name!r} is not a column of the table{suggestion(name, columns)}"
                )
        fault = _fault(index, [columns[name] for name in index.columns])
        if fault is not None:
            raise file.error(key, fault)
    for name in description.statistics:
        if name not in columns:
            raise file.error(
                ("statistics", name),
                f"{name!r} is not a column of the table{suggestion(name, columns)}",
            )


def _fault(index: Index, columns: list[Column]) -> str | None:
    """Return what is wrong with an index of some columns, and what to write instead."""
    if len(set(index.columns)) < len(index.columns):
        return "a column is named twice"
    match index.method:
        case "gin" if not all(map(_is_text, columns)):
            return "gin is over lists of words; a column of it is no text, use btree"
        case "spgist" if len(columns) != 1 or not _is_text(columns[0]):
            return "spgist is over the beginnings of texts: name one column of text"
        case "gist" if index.columns != ["s_region"] and not (
            len(columns) == 2 and all(map(_is_number, columns))
        ):
            return "gist is over s_region, or two columns of numbers: a longitude and a latitude"
        case "btree" | "brin" if any(column.xtype == "adql:REGION" for column in columns):
            return f"{index.method} does not find regions; use gist"
    return None


def _is_text(column: Column) -> bool:
    return column.datatype in TEXT_DATATYPES and column.xtype is None


def _is_number(column: Column) -> bool:
    return column.datatype not in TEXT_DATATYPES and column.arraysize is None
