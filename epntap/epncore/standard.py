"""EPNcore as data, read once: ``schema/epncore.csv``, ``frames.csv`` and ``vocabularies.yaml``.

``added_columns.csv`` holds what this service adds to every table of that kind.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from epntap.resources import schema_folder
from epntap.tables import Column, CoordinateSystem, TimeSystem

#: Utype by which EPNcore tables are discovered (EPN-TAP 2.0, section 3).
TABLE_UTYPE = "ivo://ivoa.net/std/epntap#table-2.0"

#: Columns whose values are times in the sense of the catalogue's TIMESYS.
_TIME_COLUMNS = frozenset({"time_min", "time_max"})

#: Units of a particle axis by its kind (EPN-TAP 2.0, section 2.3.1), and its UCD.
_PARTICLE_AXES = {
    "energy": ("eV", "phys.energy"),
    "mass": ("amu", "phys.mass"),
    "mass/charge": ("amu/qe", "phys.mass"),
}


@dataclass(frozen=True, slots=True)
class StandardColumn:
    """A column of EPNcore.

    Attributes
    ----------
    requirement
        ``value``: the column and a non-null value in every row are mandatory;
        ``column``: the column is mandatory; ``no``: it may be left out.
    datatypes, xtypes
        The allowed ones, the recommended one first.
    unit, ucd
        As in the standard; ``@frame`` and ``@particle`` stand for what depends on the frame type
        and on the kind of particle axis.
    """

    name: str
    requirement: str
    datatypes: tuple[str, ...]
    arraysize: str | None
    unit: str | None
    ucd: str
    xtypes: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class AddedColumn:
    """A column that this service adds to every EPNcore table, after those of the standard.

    Attributes
    ----------
    column
        As TAP_SCHEMA describes it.
    target_table, target_column
        What its values refer to, in another table of the service.
    """

    column: Column
    target_table: str
    target_column: str


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What the values of one column are held to, from ``vocabularies.yaml``."""

    terms: frozenset[str] | None = None
    vocabulary: str | None = None
    hash_list: bool = False
    ucd: bool = False
    ascii: bool = False
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None


_NO_RULE = ColumnRule()


@dataclass(frozen=True)
class Standard:
    """The whole standard.

    Attributes
    ----------
    columns
        By name, in the order of the standard.
    frames
        ``(unit, ucd)`` by ``(spatial_frame_type, column)``.
    rules
        Rules of values by column name.
    frame_ranges
        Rules of ``c1``, ``c2``, ``c3`` by frame type.
    wrapping
        Names of ``*_min``/``*_max`` pairs that are start and stop of an angle, by frame type;
        the key ``None`` holds those of every frame.
    together
        Groups of columns that have values all or none.
    added
        Columns that are not the standard's but the service's.
    """

    columns: dict[str, StandardColumn]
    frames: dict[tuple[str, str], tuple[str | None, str | None]]
    vocabularies: dict[str, frozenset[str]]
    rules: dict[str, ColumnRule]
    frame_ranges: dict[str, dict[str, tuple[float | None, float | None]]]
    wrapping: dict[str | None, frozenset[str]]
    together: tuple[tuple[str, ...], ...]
    added: tuple[AddedColumn, ...]

    @property
    def mandatory(self) -> tuple[str, ...]:
        """Columns that every EPNcore table has, in order."""
        return tuple(c.name for c in self.columns.values() if c.requirement != "no")

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """All ``(min, max)`` pairs of columns."""
        found = []
        for name in self.columns:
            if name.endswith("min"):
                partner = name[:-3] + "max"
                if partner in self.columns:
                    found.append((name, partner))
        return tuple(found)

    def rule(self, name: str) -> ColumnRule:
        """Return the rule of a column's values."""
        return self.rules.get(name, _NO_RULE)

    def column(
        self,
        name: str,
        *,
        frame: str,
        particle: str | None = None,
        region_xtype: str = "adql:REGION",
        time_system: TimeSystem | None = None,
        coordinate_system: CoordinateSystem | None = None,
    ) -> Column:
        """Return a column of the standard as a table of that frame type has it.

        Parameters
        ----------
        name
            Name of a column of the standard.
        frame
            The ``spatial_frame_type`` of the table's rows.
        particle
            The ``particle_spectral_type``, where particle columns are used.
        region_xtype
            Which of the allowed forms ``s_region`` has.
        time_system, coordinate_system
            What times and coordinates refer to.
        """
        standard = self.columns[name]
        unit, ucd = self._unit_and_ucd(standard, frame, particle)
        datatype, arraysize = standard.datatypes[0], standard.arraysize
        xtype: str | None = standard.xtypes[0] if standard.xtypes else None
        if name == "s_region" and region_xtype != "adql:REGION":
            datatype, arraysize, xtype = "double", "*", region_xtype
        system: TimeSystem | CoordinateSystem | None = None
        if name in _TIME_COLUMNS:
            system = time_system
        elif name == "s_region" or name.startswith(("c1m", "c2m", "c3m")):
            system = coordinate_system
        return Column(
            name=name,
            datatype=datatype,
            arraysize=arraysize if datatype == "char" or name == "s_region" else None,
            xtype=xtype,
            unit=unit,
            ucd=ucd,
            description=standard.description,
            system=system,
            principal=standard.requirement != "no",
            std=True,
        )

    def _unit_and_ucd(
        self, column: StandardColumn, frame: str, particle: str | None
    ) -> tuple[str | None, str | None]:
        if column.unit == "@frame":
            return self.frames[frame, column.name]
        if column.unit == "@particle":
            unit, word = _PARTICLE_AXES[particle or "energy"]
            return unit, column.ucd.replace("@particle", f"{word};phys.particle")
        return column.unit, column.ucd


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split("|") if part)


def _read_columns(path: Path) -> dict[str, StandardColumn]:
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: StandardColumn(
                name=row["name"],
                requirement=row["required"],
                datatypes=_split(row["datatype"]),
                arraysize=row["arraysize"] or None,
                unit=row["unit"] or None,
                ucd=row["ucd"],
                xtypes=_split(row["xtype"]),
                description=row["description"],
            )
            for row in csv.DictReader(file)
        }


def _read_added(path: Path) -> tuple[AddedColumn, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            AddedColumn(
                Column(
                    name=row["name"],
                    datatype=row["datatype"],
                    arraysize=row["arraysize"] or None,
                    xtype=row["xtype"] or None,
                    unit=row["unit"] or None,
                    ucd=row["ucd"] or None,
                    utype=row["utype"] or None,
                    description=row["description"],
                ),
                row["target_table"],
                row["target_column"],
            )
            for row in csv.DictReader(file)
        )


def _read_frames(path: Path) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["spatial_frame_type"], row["column"]): (row["unit"] or None, row["ucd"] or None)
            for row in csv.DictReader(file)
        }


def _rule(given: dict[str, Any], vocabularies: dict[str, frozenset[str]]) -> ColumnRule:
    minimum, maximum = given.get("range", (None, None))
    vocabulary = given.get("terms")
    return ColumnRule(
        terms=vocabularies[vocabulary] if vocabulary else None,
        vocabulary=vocabulary,
        hash_list=given.get("list") == "hash",
        ucd=bool(given.get("ucd")),
        ascii=bool(given.get("ascii")),
        minimum=minimum,
        maximum=maximum,
        pattern=given.get("pattern"),
    )


@functools.cache
def read_standard() -> Standard:
    """Read the standard's files; they travel with the package."""
    folder = schema_folder()
    with (folder / "vocabularies.yaml").open(encoding="utf-8") as file:
        words = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    vocabularies = {
        name: frozenset(entry["terms"]) for name, entry in words["vocabularies"].items()
    }
    wrapping: dict[str | None, frozenset[str]] = {None: frozenset(words["wrapping_pairs"])}
    wrapping.update(
        (frame, frozenset(names)) for frame, names in words["wrapping_coordinates"].items()
    )
    return Standard(
        columns=_read_columns(folder / "epncore.csv"),
        frames=_read_frames(folder / "frames.csv"),
        vocabularies=vocabularies,
        rules={name: _rule(given, vocabularies) for name, given in words["columns"].items()},
        frame_ranges={
            frame: {name: (low, high) for name, (low, high) in ranges.items()}
            for frame, ranges in words["frames"].items()
        },
        wrapping=wrapping,
        together=tuple(tuple(group) for group in words["together"]),
        added=_read_added(folder / "added_columns.csv"),
    )
