"""Drawings of when and where rows are: every part of them is a query for just those rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html

from epntap.catalogue import Catalogue, read_catalogue
from epntap.database import Database
from epntap.publish import DataFrameSource, drop, publish

YAML = """\
name: spread
title: Places and times of a test
description: Rows here and there.
creators: [Jane Doe]
publisher: Example
contact: Jane Doe
rights: CC0
subjects: [planetary-science]
spatial_frame_type: {frame}
mapping:
  granule_uid: id
  target_class: {{constant: planet}}
  time_min: jd
  c1min: lon
  c2min: lat
"""

PLACES = st.lists(
    st.tuples(
        st.one_of(st.none(), st.sampled_from([0.0, 5.0, 355.0, 360.0]), st.floats(0, 360)),
        st.one_of(st.sampled_from([-90.0, -5.0, 0.0, 90.0]), st.floats(-90, 90)),
        st.one_of(st.none(), st.sampled_from([2451545.0]), st.floats(2400000, 2500000)),
    ),
    min_size=1,
    max_size=30,
)


@pytest.fixture
def catalogue(tmp_path: Path, database: Database) -> Iterator[Callable[[str], Catalogue]]:
    def described(frame: str) -> Catalogue:
        path = tmp_path / "spread.yaml"
        path.write_text(YAML.format(frame=frame), encoding="utf-8")
        return read_catalogue(path)

    yield described
    drop(database, "spread")


def drawn(client: httpx.Client) -> html.HtmlElement:
    return html.fromstring(client.get("/catalogue/spread").text)


def parts(page: html.HtmlElement, label: str) -> list[tuple[int, str]]:
    """Return what each part of a drawing says of its rows, and the query that it leads to."""
    links = page.xpath(f"//svg[@aria-label='{label}']//a")
    queries = [parse_qs(urlsplit(link.get("href")).query)["query"][0] for link in links]
    return [
        (int(link.findtext(".//title").split()[0]), query)
        for link, query in zip(links, queries, strict=True)
    ]


def rows_of(client: httpx.Client, query: str) -> set[str]:
    values = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "csv"}
    answer = client.get("/tap/sync", params=values)
    assert answer.status_code == 200, answer.text
    return {row["granule_uid"] for row in csv.DictReader(io.StringIO(answer.text))}


@given(PLACES, st.sampled_from(["body", "celestial"]))
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_each_row_is_in_one_part_which_leads_to_it(client, database, catalogue, rows, frame):
    frame_of = pd.DataFrame(rows, columns=["lon", "lat", "jd"], dtype=float)
    frame_of["id"] = [f"row-{i}" for i in range(len(rows))]
    publish(database, catalogue(frame), DataFrameSource(frame_of, "made up"))
    page = drawn(client)
    with_place = set(frame_of.loc[frame_of["lon"].notna(), "id"])
    with_time = set(frame_of.loc[frame_of["jd"].notna(), "id"])
    if frame_of["jd"].nunique() < 2:
        with_time = set()
    for label, expected in (
        ("Rows by time", with_time),
        ("Rows by longitude and latitude", with_place),
    ):
        found = [(count, rows_of(client, query)) for count, query in parts(page, label)]
        assert [count for count, _ in found] == [len(each) for _, each in found]
        assert sum(count for count, _ in found) == len(expected)
        assert set().union(*(each for _, each in found)) == expected


def test_longitudes_of_the_sky_grow_to_the_left(client, database, catalogue):
    rows = pd.DataFrame({"id": ["a"], "lon": [12.0], "lat": [80.0], "jd": [2451545.0]})
    for frame, x in (("body", "20"), ("celestial", "690")):
        publish(database, catalogue(frame), DataFrameSource(rows, "made up"))
        (field,) = drawn(client).xpath("//svg//a/rect")
        assert (field.get("x"), field.get("y")) == (x, "10")


def test_what_has_neither_times_nor_places_is_not_drawn(client, database, catalogue):
    rows = pd.DataFrame({"id": ["a"], "lon": [None], "lat": [None], "jd": [None]}, dtype=object)
    publish(database, catalogue("body"), DataFrameSource(rows, "made up"))
    assert not drawn(client).xpath("//svg")
