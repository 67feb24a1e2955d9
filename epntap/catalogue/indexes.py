"""Indexes of a catalogue's table: those that EPN-TAP queries use, and those that its YAML asks for.

Nothing here is SQL: `epntap.publish.indexes` makes the indexes that are planned here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

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


def planned(declared: Indexes, names: Iterable[str], frame: str) -> tuple[Index, ...]:
    """Return the indexes that a catalogue's table gets besides its key, each once.

    With ``indexes: none`` there are none. Those over columns without any value are left out when
    they would be made.

    Parameters
    ----------
    declared
        What the description says of them.
    names
        Columns of the table.
    frame
        The ``spatial_frame_type`` of its rows.
    """
    if declared == "none":
        return ()
    names = frozenset(names)
    known: dict[tuple[str, tuple[str, ...]], Index] = {}
    for index in [*_usual(frame), *map(as_index, declared)]:
        if names.issuperset(index.columns):
            known.setdefault((index.method, tuple(index.columns)), index)
    return tuple(known.values())


def is_usual(index: Index, declared: Indexes) -> bool:
    """Tell whether an index is made without being asked for."""
    return declared == "none" or index not in [as_index(each) for each in declared]


def as_index(declared: str | Index) -> Index:
    """Return an index as it is written in full; the name of a column alone stands for a B-tree."""
    return Index(columns=[declared]) if isinstance(declared, str) else declared


def _usual(frame: str) -> list[Index]:
    found = [Index(columns=[name]) for name in _COMPARED]
    found.append(Index(columns=list(PERIOD), method="gist"))
    if frame in _SPHERES:
        found.append(Index(columns=list(_POSITION), method="gist"))
        found.append(Index(columns=["s_region"], method="gist"))
    found += [Index(columns=[name], method="gin") for name in _LISTS]
    return found
