"""The indexes of a published table serve what clients ask, and nothing is indexed for nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from epntap.adql import translate
from epntap.catalogue import Catalogue, Description
from epntap.database import Database, load_tableset
from epntap.epncore import read_standard
from epntap.publish import DataFrameSource, drop, publish

ROWS = 4000


@dataclass(frozen=True)
class Published:
    """A catalogue with many rows, to ask."""

    database: Database
    catalogue: Catalogue
    frame: pd.DataFrame = field(repr=False)

    def plan(self, condition: str) -> str:
        """Return how PostgreSQL goes about a query, as it chooses itself."""
        with self.database.reader() as connection, connection.cursor() as cursor:
            query = f"SELECT granule_uid FROM {self.catalogue.name}.epn_core WHERE {condition}"
            cursor.execute(f"EXPLAIN {translate(query, load_tableset(connection)).sql}")
            return "\n".join(line for (line,) in cursor)

    def found(self, condition: str) -> set[str]:
        """Return the granules that are found."""
        with self.database.reader() as connection, connection.cursor() as cursor:
            query = f"SELECT granule_uid FROM {self.catalogue.name}.epn_core WHERE {condition}"
            cursor.execute(translate(query, load_tableset(connection)).sql)
            return {uid for (uid,) in cursor}


def described(name: str, **more: object) -> Catalogue:
    description = {
        "name": name,
        "title": "Pits of a test",
        "description": "Pits.",
        "creators": ["x"],
        "publisher": "x",
        "contact": "x",
        "rights": "x",
        "subjects": ["planetary-science"],
        "spatial_frame_type": "body",
        "mapping": {
            "granule_uid": "id",
            "target_name": "target",
            "target_class": {"constant": "planet"},
            "time_min": "begin",
            "time_max": "end",
            "c1min": "lon",
            "c2min": "lat",
        },
        "columns": [
            {"name": "depth", "datatype": "double", "description": "x"},
            {"name": "words", "datatype": "char", "description": "x"},
            {"name": "rank", "datatype": "int", "description": "x"},
        ],
        **more,
    }
    return Catalogue(Description.model_validate(description), read_standard())


def rows() -> pd.DataFrame:
    dice = np.random.default_rng(3)
    begin = np.sort(dice.uniform(2_450_000, 2_460_000, ROWS))
    return pd.DataFrame(
        {
            "id": [f"pit {i}" for i in range(ROWS)],
            "target": [f"Moon {i % 200}#Planet" for i in range(ROWS)],
            "begin": begin,
            "end": begin + dice.exponential(1.0, ROWS),
            "lon": dice.uniform(0, 360, ROWS),
            "lat": dice.uniform(-90, 90, ROWS),
            "depth": dice.uniform(0, 100, ROWS),
            "words": [f"w{i % 500}#all" for i in range(ROWS)],
            "rank": np.arange(ROWS),
        }
    )


@pytest.fixture(scope="module")
def pits(database: Database) -> Iterator[Published]:
    catalogue = described(
        "pits",
        indexes=[
            "depth",
            {"columns": ["words"], "method": "gin"},
            {"columns": ["rank"], "method": "brin"},
            {"columns": ["target_name"], "method": "spgist"},
        ],
        statistics={"depth": 321},
    )
    frame = rows()
    publish(database, catalogue, DataFrameSource(frame, "pits"))
    yield Published(database, catalogue, frame)
    drop(database, catalogue.name)


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("granule_uid = 'pit 7'", "pkey"),
        ("obs_id = 'pit 7'", "obs_id_idx"),
        ("time_max >= 2455000 AND time_min <= 2455007", "period_idx"),
        ("time_min BETWEEN 2455000 AND 2455007", "time_min_idx"),
        ("target_name = 'Moon 3#Planet'", "target_name_idx"),
        ("1 = ivo_hashlist_has(target_name, 'moon 3')", "string_to_array_idx"),
        ("1 = CONTAINS(POINT(c1min, c2min), CIRCLE(10, 20, 1))", "position_idx"),
        ("depth BETWEEN 5 AND 5.1", "depth_idx"),
        ("1 = ivo_hashlist_has(words, 'W77')", "string_to_array_idx"),
    ],
)
def test_what_clients_ask_is_found_by_an_index(pits, condition, index):
    assert index in pits.plan(condition)


def test_an_index_finds_what_is_there(pits):
    frame = pits.frame
    assert pits.found("1 = ivo_hashlist_has(words, 'W77')") == set(
        frame.id[frame.words == "w77#all"]
    )
    inside = (frame.end >= 2455000) & (frame.begin <= 2455007)
    assert pits.found("time_max >= 2455000 AND time_min <= 2455007") == set(frame.id[inside])


def test_most_of_the_time_is_searched_without_an_index(pits):
    """The planner may not take a search for narrow because its index is clever."""
    assert "Seq Scan" in pits.plan("time_min >= 2450000 AND depth > 1")


def methods(database: Database, name: str) -> list[str]:
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT regexp_replace(indexdef, '.* USING ', '') FROM pg_indexes"
            " WHERE schemaname = %s ORDER BY indexname",
            (name,),
        )
        return [row[0] for row in cursor]


def test_declared_indexes_and_statistics_are_there(pits):
    found = methods(pits.database, "pits")
    assert "brin (rank)" in found
    assert "spgist (target_name)" in found
    with pits.database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.attstattarget FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
            " JOIN pg_namespace AS s ON s.oid = c.relnamespace"
            " WHERE s.nspname = 'pits' AND c.relname LIKE 'epn_core_v%%' AND c.relkind = 'r'"
            " AND a.attname = 'depth'"
        )
        assert cursor.fetchall() == [(321,)]


def test_columns_without_values_and_lists_of_few_words_have_no_index(pits):
    found = methods(pits.database, "pits")
    assert not any("s_region" in each or "region" in each for each in found)
    frame = pits.frame.assign(target="Mars", lon=None, lat=None)
    catalogue = described("pits_few")
    publish(pits.database, catalogue, DataFrameSource(frame, "few"))
    try:
        assert methods(pits.database, "pits_few") == [
            "btree (obs_id)",
            "gist (udf.period(time_min, time_max))",
            "btree (granule_uid)",
            "btree (target_name)",
            "btree (time_max)",
            "btree (time_min)",
        ]
    finally:
        drop(pits.database, "pits_few")


def test_where_none_are_wanted_there_is_the_key_alone(database):
    catalogue = described("pits_bare", indexes="none")
    publish(database, catalogue, DataFrameSource(rows()[:50], "bare"))
    try:
        assert methods(database, "pits_bare") == ["btree (granule_uid)"]
        assert flagged(database, "pits_bare") == {"granule_uid"}
    finally:
        drop(database, "pits_bare")


def flagged(database: Database, name: str) -> set[str]:
    with database.reader() as connection:
        table = load_tableset(connection).table(f"{name}.epn_core")
    return {column.name for column in table.columns if column.indexed}


def test_tap_schema_tells_which_columns_have_an_index(pits):
    usual = {"granule_uid", "obs_id", "time_min", "time_max", "target_name", "c1min", "c2min"}
    assert flagged(pits.database, "pits") == {*usual, "depth", "words", "rank"}


def test_later_versions_have_the_same_indexes(pits):
    before = methods(pits.database, "pits")
    changed = pits.frame.assign(depth=pits.frame.depth + 1)
    publish(pits.database, pits.catalogue, DataFrameSource(changed, "pits"))
    # The version before is kept, with its own.
    assert sorted(methods(pits.database, "pits")) == sorted(before * 2)


def test_rows_in_the_order_of_time_do_not_make_an_index_degenerate(
    database: Database, catalogue: Catalogue, craters: Callable[..., DataFrameSource]
) -> None:
    """Equal and ascending times fill pages as well as random ones do."""
    size = 20_000
    when = pd.date_range("2000-01-01", periods=size, freq="h").strftime("%Y-%m-%dT%H:%M:%S")
    sizes = {}
    for order, times in (
        ("ascending", list(when)),
        ("random", list(np.random.default_rng(1).permutation(when))),
    ):
        publish(database, catalogue, craters(size, when=times))
        with database.publisher() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_relation_size(c.oid) FROM pg_class AS c"
                " JOIN pg_namespace AS s ON s.oid = c.relnamespace WHERE s.nspname = %s"
                " AND c.relname LIKE '%%period_idx' ORDER BY c.oid DESC LIMIT 1",
                (catalogue.name,),
            )
            sizes[order] = cursor.fetchone()[0]
    assert sizes["ascending"] <= 1.5 * sizes["random"]
