"""A small catalogue to publish, and a way to publish it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from epntap.catalogue import Catalogue, read_catalogue
from epntap.database import Database
from epntap.publish import DataFrameSource, drop, list_catalogues

YAML = """\
name: {name}
title: Craters of a test
description: A few craters.
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
  time_min: when
  c1min: {{column: lon, modulo: 360}}
  c2min: lat
  diameter: {{column: d, unit: m}}
columns:
  - {{name: depth, datatype: double, unit: m, ucd: phys.size, description: Depth of the floor}}
  - {{name: hits, datatype: long, description: Impacts on the floor}}
"""

_numbers = itertools.count(1)


@pytest.fixture
def catalogue(tmp_path: Path, database: Database) -> Iterator[Catalogue]:
    """A catalogue of a name of its own; it is dropped in the end."""
    name = f"craters{next(_numbers)}"
    path = tmp_path / f"{name}.yaml"
    path.write_text(YAML.format(name=name), encoding="utf-8")
    yield read_catalogue(path)
    if name in {listing.name for listing in list_catalogues(database)}:
        drop(database, name)


@pytest.fixture
def craters() -> Callable[..., DataFrameSource]:
    """Makes rows, as text like a CSV file has them."""

    def make(size: int = 4, **changed: object) -> DataFrameSource:
        frame = pd.DataFrame(
            {
                "id": [f"crater {i}" for i in range(size)],
                "when": ["2020-01-01T12:00:00"] * size,
                "lon": [str(-10 + i) for i in range(size)],
                "lat": ["5.5"] * size,
                "d": ["1500"] * size,
                "depth": ["20.25"] * size,
                "hits": [str(9007199254740993 + i) for i in range(size)],
            }
        )
        for column, values in changed.items():
            frame[column] = values
        return DataFrameSource(frame, "craters.csv")

    return make
