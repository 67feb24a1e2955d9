"""Indexes of a catalogue's table: those that EPN-TAP queries use, and those that its YAML asks for.

Nothing here is SQL: `epntap.publish.indexes` makes the indexes that are planned here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from epntap.suggestions import suggestion
from epntap.tables import TEXT_DATATYPES, Column

if TYPE_CHECKING:
    from epntap.catalogue import Catalogue
    from epntap.yamlfile import YamlFile

Method = Literal["btree", "gin", "gist", "brin", "spgist"]

#: Columns that clients compare with a value, or sort by.
_COMPARED = ("time_min", "time_max", "target_name", "c1min", "c2min", "obs_id")

#: Limits of the time that a row covers (EPN-TAP 2.0, section 2.1.2).
PERIOD = ("time_min", "time_max")

#: Position of a row, where it is one on a sphere.
_POSITION = ("c1min", "c2min")

#: Lists of words, separated by #, that clients search for single words.
_LISTS = ("target_name",)

#: Frames whose first two coordinates are longitude and latitude, in degrees.
_SPHERES = frozenset({"celestial", "body"})


class Index(BaseModel):
    """An index.

    Attributes
    ----------
    columns
        What it is over, in this order.
    method
        ``btree`` and ``brin`` are over the values themselves; ``gin`` is over the words of lists
        separated by #, ``gist`` over a longitude and a latitude, a time that two columns limit, or
        a region, ``spgist`` over the beginnings of texts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: list[str] = Field(min_length=1)
    method: Method = "btree"


def _form(value: object) -> str:
    return "text" if isinstance(value, str) else "more"


_Declared = Annotated[
    Annotated[str, Tag("text")] | Annotated[Index, Tag("more")], Discriminator(_form)
]

#: What the YAML may say of indexes; faults are told of the form that was meant.
Indexes = Annotated[
    Annotated[Literal["none"], Tag("text")] | Annotated[list[_Declared], Tag("more")],
    Discriminator(_form),
]

#: A statistics target as PostgreSQL has them (manual, ALTER TABLE, SET STATISTICS).
Target = Annotated[int, Field(ge=1, le=10_000)]


def planned(catalogue: Catalogue) -> tuple[Index, ...]:
    """Return the indexes that a catalogue's table gets besides its key, each once.

    With ``indexes: none`` there are none. Those over columns without any value are left out when
    they would be made.
    """
    declared = catalogue.description.indexes
    if declared == "none":
        return ()
    names = {column.name for column in catalogue.columns}
    wanted = [*_usual(catalogue), *map(as_index, declared)]
    known: dict[tuple[str, tuple[str, ...]], Index] = {}
    for index in wanted:
        if names.issuperset(index.columns):
            known.setdefault((index.method, tuple(index.columns)), index)
    return tuple(known.values())


def is_usual(index: Index, catalogue: Catalogue) -> bool:
    """Tell whether an index is made without being asked for."""
    declared = catalogue.description.indexes
    return declared == "none" or index not in [as_index(each) for each in declared]


def as_index(declared: str | Index) -> Index:
    """Return an index as it is written in full; the name of a column alone stands for a B-tree."""
    return Index(columns=[declared]) if isinstance(declared, str) else declared


def _usual(catalogue: Catalogue) -> list[Index]:
    found = [Index(columns=[name]) for name in _COMPARED]
    found.append(Index(columns=list(PERIOD), method="gist"))
    if catalogue.frame in _SPHERES:
        found.append(Index(columns=list(_POSITION), method="gist"))
        found.append(Index(columns=["s_region"], method="gist"))
    found += [Index(columns=[name], method="gin") for name in _LISTS]
    return found


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
