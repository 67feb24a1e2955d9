"""A catalogue whose rows have files, and folders with them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from psycopg2 import sql
from tests_support import serving

from epntap.catalogue import Catalogue, read_catalogue
from epntap.database import Database, load_tableset
from epntap.products.address import announce
from epntap.products.store import open_products
from epntap.publish import DataFrameSource, Publication, drop, list_catalogues, publish
from epntap.settings import Settings

YAML = """\
name: {name}
title: Pits of a test
description: A few pits, with what was measured of each in files.
creators: [Jane Doe]
publisher: Example
contact: Jane Doe
rights: CC0
subjects: [planetary-science]
spatial_frame_type: body
mapping:
  granule_uid: id
  target_name: {{constant: Mars}}
  target_class: {{constant: planet}}
  measurement_type: {{constant: phys.size}}
  processing_level: {{constant: 5}}
  time_min: {{constant: 2460310.5}}
  c1min: {{column: lon, modulo: 360}}
  c2min: lat
columns:
  - {{name: depth, datatype: double, unit: m, ucd: phys.size, description: Depth of the floor}}
  - {{name: rank, datatype: int, ucd: meta.number, description: Place among the others}}
products:
  thumbnail: picture
  granules:
    profile:
      file: profile
      dataproduct_type: pr
      values: {{measurement_type: pos.bodyrc.alt}}
      columns: [rank]
    mask: {{file: mask, dataproduct_type: ma, granule_gid: masks}}
"""

#: The first bytes of a PNG: enough for whoever looks at what a file is.
PNG = b"\x89PNG\r\n\x1a\n"

_numbers = itertools.count(1)


@dataclass
class Pits:
    """Native rows, and the folder of their files."""

    folder: Path
    catalogue: Catalogue
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, *, note: str = "", mask: bool = True) -> None:
        """Add a pit with its files; `note` makes them others."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "pictures").mkdir(exist_ok=True)
        row: dict[str, Any] = {
            "id": name,
            "lon": -10.0 + len(self.rows),
            "lat": 5.0,
            "depth": 20.0,
            "rank": len(self.rows) + 1,
            "profile": f"{name}.csv",
            "picture": f"pictures/{name}.png",
            "mask": f"{name}.png" if mask else None,
        }
        (self.folder / row["profile"]).write_text(f"length,depth\n0,{name}{note}\n")
        (self.folder / row["picture"]).write_bytes(PNG + f"{name}{note}".encode())
        if mask:
            (self.folder / row["mask"]).write_bytes(PNG + f"mask {name}{note}".encode() * 500)
        self.rows.append(row)

    @property
    def source(self) -> DataFrameSource:
        return DataFrameSource(pd.DataFrame(self.rows), "pits.csv")

    def publish(self, database: Database, **given: Any) -> Publication:
        return publish(database, self.catalogue, self.source, files=self.folder, **given)


@pytest.fixture
def pits(tmp_path: Path, database: Database) -> Iterator[Pits]:
    """Two pits, of which the second has no mask; the catalogue is dropped in the end."""
    name = f"filed_pits{next(_numbers)}"
    path = tmp_path / f"{name}.yaml"
    path.write_text(YAML.format(name=name), encoding="utf-8")
    _forget_address(database)
    made = Pits(tmp_path / "files", read_catalogue(path))
    made.add("a")
    made.add("b", mask=False)
    yield made
    if name in {listing.name for listing in list_catalogues(database)}:
        drop(database, name)


def _forget_address(database: Database) -> None:
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM epntap.address")
        connection.commit()


@pytest.fixture
def site(database: Database, settings: Settings) -> Iterator[httpx.Client]:
    """A client of a service that links lead to."""
    with serving(database, settings) as here:
        announce(database, here)
        with httpx.Client(base_url=here.url, timeout=60) as client:
            yield client
    _forget_address(database)


@pytest.fixture
def rows_of(database: Database) -> Callable[..., list[dict[str, Any]]]:
    """Reads what is published, by granule_uid."""

    def read(catalogue: Catalogue) -> list[dict[str, Any]]:
        with database.reader() as connection, connection.cursor() as cursor:
            table = load_tableset(connection).table(f"{catalogue.name}.epn_core")
            assert table is not None
            cursor.execute(
                sql.SQL("SELECT * FROM {} ORDER BY granule_uid").format(
                    sql.Identifier(table.relation.schema, table.relation.name)
                )
            )
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return read


@pytest.fixture
def contents(database: Database) -> Callable[[str], set[str]]:
    """Lists what is kept for a catalogue."""

    def look(name: str) -> set[str]:
        return {holding.job for holding in open_products(database.settings, name).holdings()}

    return look
