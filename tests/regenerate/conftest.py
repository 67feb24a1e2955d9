"""A pipeline that is installed for these tests, and catalogues that it makes again."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from psycopg2 import sql

from epntap.catalogue import Catalogue, read_catalogue
from epntap.database import Database
from epntap.publish import drop, list_catalogues
from epntap.regenerate.foreground import Order

PLUGIN = Path(__file__).parent / "plugin"

YAML = """\
name: {name}
title: Crossings of a test
description: Times at which a series exceeds a threshold.
creators: [Jane Doe]
publisher: Example
contact: Jane Doe
rights: CC0
subjects: [solar-physics]
spatial_frame_type: none
mapping:
  granule_uid: id
  target_class: {{constant: star}}
  target_name: {{constant: Sun}}
  time_min: start
  time_max: stop
columns:
  - {{name: peak, datatype: double, ucd: phys.magField;stat.max, description: Largest value}}
regenerate:
{regenerate}
"""

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _plugin() -> Iterator[None]:
    """Install the pipelines ``crossings`` and ``whole`` for this process."""
    sys.path.insert(0, str(PLUGIN))
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(PLUGIN))


@dataclass
class TestClock:
    """A clock that stands still until it is set."""

    __test__ = False

    time: datetime = field(default_factory=lambda: datetime(2024, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        return self.time

    def forward(self, **duration: float) -> None:
        self.time += timedelta(**duration)


def make_yaml(path: Path, name: str, **regenerate: Any) -> Path:
    """Write a description; texts and mappings of `regenerate` are YAML's own, in one line."""
    given = {"pipeline": "crossings", "chunk": "30d", "retry_after": "1s", **regenerate}
    lines = "\n".join(f"  {key}: {value}" for key, value in given.items() if value is not None)
    path.write_text(YAML.format(name=name, regenerate=lines), encoding="utf-8")
    return path


@pytest.fixture
def described(tmp_path: Path, database: Database) -> Iterator[Callable[..., Catalogue]]:
    """Makes catalogues that can be made again, of names of their own; they are dropped."""
    names: list[str] = []

    def make(name: str | None = None, **regenerate: Any) -> Catalogue:
        name = name or f"crossings{next(_numbers)}"
        names.append(name)
        return read_catalogue(make_yaml(tmp_path / f"{name}.yaml", name, **regenerate))

    yield make
    there = {listing.name for listing in list_catalogues(database)}
    for name in set(names) & there:
        drop(database, name)


def stored(catalogue: Catalogue) -> dict[str, Any]:
    """Return a description as the database keeps it."""
    return catalogue.description.model_dump(mode="json", by_alias=True, exclude_unset=True)


def order(catalogue: Catalogue, moment: datetime | None = None, **more: Any) -> Order:
    """Return the order to make a catalogue again."""
    return Order(stored(catalogue), moment or datetime(2025, 1, 1, tzinfo=UTC), **more)


def quiet(_description: str, _done: int, _total: int) -> None:
    """Report progress to nobody."""


def ask(database: Database, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query, as the publisher."""
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def rows_of(database: Database, catalogue: Catalogue) -> list[tuple[Any, ...]]:
    """Return the content of the current version, without dates and runs."""
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT granule_uid, time_min, time_max, peak FROM {} ORDER BY time_min"
            ).format(sql.Identifier(catalogue.name, "epn_core"))
        )
        return cursor.fetchall()


def write_series(path: Path, frame: pd.DataFrame) -> Path:
    """Write samples as a CSV file."""
    frame.to_csv(path, index=False)
    return path
