"""Native tables of every kind give the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from tests_support import read_published

from epntap.errors import PublishError
from epntap.publish import open_native, publish


@pytest.fixture
def table() -> Table:
    return Table(
        {
            "id": ["a", "b", "c"],
            "when": ["2020-01-01T12:00:00", "2020-01-02T00:00:00", "2020-01-03T00:00:00"],
            "lon": [-10.0, 0.5, 359.0],
            "lat": [1.0, 2.0, 3.0],
            "d": [100.0, 200.0, 300.0] * u.m,
            "depth": MaskedColumn([1.5, 0.0, 2.5], mask=[False, True, False]),
            "hits": MaskedColumn(np.array([2**62 + 1, 2, 3]), mask=[False, False, True]),
        }
    )


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "ecsv", "vot", "fits", "parquet"])
def test_a_table_is_read_alike_whatever_its_format(database, catalogue, table, tmp_path, ending):
    path = tmp_path / f"native.{ending}"
    if ending.startswith("csv"):
        table.to_pandas().to_csv(path, index=False)
    elif ending == "parquet":
        table.to_pandas().to_parquet(path)
    else:
        formats = {"ecsv": "ascii.ecsv", "vot": "votable", "fits": "fits"}
        table.write(path, format=formats[ending])
    publish(database, catalogue, open_native(path))
    assert read_published(database, catalogue, "granule_uid, c1min, diameter, depth, hits") == [
        ("a", 350.0, 0.1, 1.5, 2**62 + 1),
        ("b", 0.5, 0.2, None, 2),
        ("c", 359.0, 0.3, 2.5, None),
    ]


def test_a_unit_that_the_file_states_is_converted(database, catalogue, table, tmp_path):
    quantities = QTable(table)
    quantities["depth"] = np.ma.filled(table["depth"], 1.0) / 1000 * u.km
    path = tmp_path / "native.ecsv"
    quantities.write(path, format="ascii.ecsv")
    publish(database, catalogue, open_native(path))
    depths = [row[0] for row in read_published(database, catalogue, "depth")]
    assert depths == pytest.approx([1.5, 1.0, 2.5])


def test_a_unit_that_contradicts_the_mapping_is_refused(database, catalogue, table, tmp_path):
    table["d"].unit = u.km
    path = tmp_path / "native.ecsv"
    table.write(path, format="ascii.ecsv")
    with pytest.raises(PublishError, match="the mapping says that 'd' is in m, the source says km"):
        publish(database, catalogue, open_native(path))


def test_native_datetimes_become_julian_dates(database, catalogue, table, tmp_path):
    frame = table.to_pandas()
    frame["when"] = pd.to_datetime(frame["when"])
    path = tmp_path / "native.parquet"
    frame.to_parquet(path)
    publish(database, catalogue, open_native(path))
    times = [row[0] for row in read_published(database, catalogue, "time_min")]
    assert times == [2458850.0, 2458850.5, 2458851.5]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.csv", None, "no such file"),
        ("rows.doc", b"x", "are not known"),
        ("rows.csv", b"a,b\n1,2\n1,2,3\n", "not a CSV table"),
        ("rows.csv", b"", "not a CSV table"),
        ("rows.csv", b"a\n\xff\xfe\xff\n", "not a CSV table"),
        ("rows.parquet", b"PAR0", "not a Parquet file"),
        ("rows.fits", b"SIMPLE?", "cannot be read as fits"),
        ("rows.vot", b"<VOTABLE>", "cannot be read as votable"),
        ("rows.ecsv", b"a,b", "cannot be read as ecsv"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_one_line(tmp_path, name, content, said):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PublishError, match=said) as caught:
        list(open_native(path).chunks())
    assert str(path) in str(caught.value)
