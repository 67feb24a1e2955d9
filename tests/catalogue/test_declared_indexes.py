"""Indexes and statistics as the YAML of a catalogue declares them."""

from __future__ import annotations

from pathlib import Path

import pytest

from epntap.catalogue import read_catalogue, stored_catalogue
from epntap.catalogue.indexes import Index
from epntap.errors import CatalogueError

YAML = """\
name: pits
title: t
description: d
creators: [x]
publisher: x
contact: x
rights: x
subjects: [planetary-science]
spatial_frame_type: body
mapping:
  granule_uid: id
  target_class: {constant: planet}
columns:
  - {name: depth, datatype: double, description: x}
  - {name: width, datatype: float, description: x}
  - {name: surveyor, datatype: unicodeChar, description: x}
"""


@pytest.fixture
def read(tmp_path: Path):
    """Reads the description with some lines more."""

    def read(lines: str, frame: str = "body"):
        path = tmp_path / "pits.yaml"
        path.write_text(YAML.replace("body", frame) + lines, encoding="utf-8")
        return read_catalogue(path)

    return read


def plan(catalogue) -> list[tuple[str, ...]]:
    return [(index.method, *index.columns) for index in catalogue.indexes]


def test_what_the_usual_queries_ask_for_is_planned_for_every_catalogue(read):
    assert plan(read("", frame="cartesian")) == [
        ("btree", "time_min"),
        ("btree", "time_max"),
        ("btree", "target_name"),
        ("btree", "c1min"),
        ("btree", "c2min"),
        ("btree", "obs_id"),
        ("gist", "time_min", "time_max"),
        ("gin", "target_name"),
    ]


@pytest.mark.parametrize("frame", ["celestial", "body"])
def test_positions_and_regions_have_indexes_where_coordinates_are_angles(read, frame):
    assert ("gist", "c1min", "c2min") in plan(read("", frame=frame))


def test_declared_indexes_come_behind_the_usual_ones_and_each_is_made_once(read):
    lines = (
        "indexes:\n  - depth\n  - obs_id\n  - {columns: [depth, width]}\n"
        "  - {columns: [time_min], method: brin}\n  - {columns: [surveyor], method: gin}\n"
        "  - {columns: [surveyor], method: spgist}\n  - {columns: [depth, width], method: gist}\n"
    )
    planned = plan(read(lines))
    assert planned[len(plan(read(""))) :] == [
        ("btree", "depth"),
        ("btree", "depth", "width"),
        ("brin", "time_min"),
        ("gin", "surveyor"),
        ("spgist", "surveyor"),
        ("gist", "depth", "width"),
    ]


def test_none_are_made_where_none_are_wanted(read):
    assert read("indexes: none\n").indexes == ()


def test_a_description_with_indexes_survives_being_stored(read):
    catalogue = read("indexes: [depth, {columns: [width], method: brin}]\nstatistics: {depth: 500}")
    stored = catalogue.description.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert stored["indexes"] == ["depth", {"columns": ["width"], "method": "brin"}]
    again = stored_catalogue(stored)
    assert again.indexes == catalogue.indexes
    assert Index(columns=["width"], method="brin") in again.indexes
    assert again.description.statistics == {"depth": 500}


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        ("indexes: [deph]\n", 17, "indexes.0: 'deph' is not a column of the table; did you mean"),
        (
            "indexes:\n  - {columns: [depth, widht]}\n",
            18,
            "indexes.0.columns.1: 'widht' is not a column of the table; did you mean 'width'",
        ),
        ("indexes:\n  - {columns: [depth], method: gin}\n", 18, "gin is over lists of words"),
        ("indexes:\n  - {columns: [depth], method: gist}\n", 18, "gist is over s_region, or two"),
        ("indexes:\n  - {columns: [depth], method: spgist}\n", 18, "name one column of text"),
        ("indexes:\n  - {columns: [depth, depth]}\n", 18, "a column is named twice"),
        ("indexes:\n  - {columns: [depth], method: hash}\n", 18, "indexes.0"),
        ("indexes:\n  - {columns: []}\n", 18, "indexes.0.columns"),
        ("indexes: some\n", 17, "indexes: "),
        ("statistics: {dpth: 100}\n", 17, "statistics.dpth: 'dpth' is not a column"),
        ("statistics: {depth: 0}\n", 17, "statistics.depth: "),
        ("statistics: {depth: 10001}\n", 17, "statistics.depth: "),
    ],
)
def test_a_fault_is_told_with_its_line_and_key(read, lines, line, said):
    with pytest.raises(CatalogueError) as caught:
        read(lines)
    assert f"line {line}, " in str(caught.value)
    assert said in str(caught.value)
