"""The schema ``provenance`` as clients query it."""

from __future__ import annotations

import csv
import io
import itertools
import re
from pathlib import Path

import httpx
import pandas as pd
import psycopg2
import pytest

from epntap.adql.words import RESERVED_WORDS
from epntap.catalogue import known_catalogues, read_catalogue
from epntap.database import load_tableset
from epntap.epncore.ucds import is_ucd
from epntap.errors import CatalogueError
from epntap.provenance import finish, new_run, start
from epntap.provenance.description import describe_provenance, read_provenance_schema
from epntap.publish import DataFrameSource, drop, publish
from epntap.tables import storage_type

YAML = """\
name: {name}
title: Pits of a test
description: A few pits.
creators: [Jane Doe]
publisher: Example
contact: Jane Doe
rights: CC0
subjects: [planetary-science]
spatial_frame_type: body
mapping: {{granule_uid: id, target_class: {{constant: planet}}}}
"""

_numbers = itertools.count(1)


@pytest.fixture
def pits(database, tmp_path: Path):
    """A catalogue of two versions of known provenance; the name and the two publications."""
    name = f"traced_pits{next(_numbers)}"
    path = tmp_path / f"{name}.yaml"
    path.write_text(YAML.format(name=name), encoding="utf-8")
    catalogue = read_catalogue(path)

    def publication(*uids: str, version: str):
        provenance = {
            "pipeline": "pits",
            "version": version,
            "weights_sha256": "ab" * 32,
            "source": "https://jane:secret@example.org/mars.img",
            "source_sha256": "cd" * 32,
            "time_min": "2019-01-01T00:00:00",
            "time_max": "2020-01-01T00:00:00",
            "parameters": {"threshold": 0.5, "token": "secret"},
        }
        frame = pd.DataFrame({"id": uids})
        return publish(database, catalogue, DataFrameSource(frame, "pits"), provenance=provenance)

    yield name, publication("a", "b", version="1"), publication("b", "c", version="2")
    drop(database, name)


def asked(client: httpx.Client, query: str) -> list[dict[str, str]]:
    answer = client.get(
        "/tap/sync", params={"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "csv"}
    )
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_every_row_leads_to_the_run_that_made_it(client, pits):
    name, first, second = pits
    rows = asked(
        client,
        "SELECT g.granule_uid, a.activity_id, a.pipeline_version, a.weights_sha256, a.source,"
        " a.span_start, a.parameters, a.status, a.catalogue_version, a.new_rows"
        f" FROM {name}.epn_core AS g JOIN provenance.activity AS a ON a.activity_id = g.run_id"
        " ORDER BY g.granule_uid",
    )
    assert [row["granule_uid"] for row in rows] == ["b", "c"]
    assert [row["activity_id"] for row in rows] == [first.run_id, second.run_id]
    assert [row["pipeline_version"] for row in rows] == ["1", "2"]
    assert rows[1]["weights_sha256"] == "ab" * 32
    assert rows[1]["source"] == "https://example.org/mars.img"
    assert rows[1]["span_start"].startswith("2019-01-01T00:00:00")
    assert rows[1]["parameters"] == '{"token": "***", "threshold": 0.5}'
    assert (rows[1]["status"], rows[1]["catalogue_version"]) == ("published", "2")
    assert rows[1]["new_rows"] == "1"


def test_versions_lead_to_what_their_runs_used(client, pits):
    name, first, second = pits
    rows = asked(
        client,
        "SELECT e.entity_id, e.row_count, e.invalidated_at_time, w.activity_id,"
        " u.role, x.name, x.checksum"
        " FROM provenance.entity AS e"
        " JOIN provenance.was_generated_by AS w ON w.entity_id = e.entity_id"
        " JOIN provenance.used AS u ON u.activity_id = w.activity_id"
        " JOIN provenance.entity AS x ON x.entity_id = u.entity_id"
        f" WHERE e.entity_id LIKE '{name}.%' ORDER BY e.entity_id, u.role",
    )
    assert [(row["entity_id"], row["activity_id"], row["role"]) for row in rows] == [
        (f"{name}.epn_core/1", first.run_id, "source"),
        (f"{name}.epn_core/1", first.run_id, "weights"),
        (f"{name}.epn_core/2", second.run_id, "source"),
        (f"{name}.epn_core/2", second.run_id, "weights"),
    ]
    assert [bool(row["invalidated_at_time"]) for row in rows] == [True, True, False, False]
    assert rows[0]["checksum"] == "cd" * 32
    assert (rows[1]["name"], rows[1]["checksum"]) == ("weights of pits", "ab" * 32)


def test_granules_that_are_gone_can_be_asked_for(client, pits):
    name, _first, second = pits
    rows = asked(
        client,
        f"SELECT granule_uid, version, run_id FROM provenance.tombstone WHERE catalogue = '{name}'",
    )
    assert rows == [{"granule_uid": "a", "version": "2", "run_id": second.run_id}]


def test_what_is_said_of_the_views_is_what_they_are(database):
    described = read_provenance_schema().schema
    with database.owner() as connection, connection.cursor() as cursor:
        for table in described.tables:
            cursor.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
                (f"{table.relation.schema}.{table.relation.name}",),
            )
            there = cursor.fetchall()
            assert [name for name, _ in there] == [column.name for column in table.columns]
            kinds = [kind.replace("(3) without time zone", "(3)") for _, kind in there]
            assert kinds == [storage_type(column) for column in table.columns]
        served = load_tableset(connection)
    schema = next(each for each in served.schemas if each.name == described.name)
    assert schema == described


def test_every_column_is_described_with_words_that_exist():
    for table in read_provenance_schema().schema.tables:
        for column in table.columns:
            assert column.description
            assert column.name.upper() not in RESERVED_WORDS
            assert column.ucd is not None
            assert is_ucd(column.ucd), column.ucd


def test_joins_name_columns_that_exist():
    tables = {table.qualified_name: table for table in read_provenance_schema().schema.tables}
    for table in tables.values():
        for key in table.foreign_keys:
            for here, there in key.columns:
                assert table.column(here) is not None
                assert tables[key.target].column(there) is not None


def test_describing_it_again_leaves_what_points_to_it(database, pits):
    with database.reader() as connection:
        before = load_tableset(connection)
    with database.owner() as connection, connection, connection.cursor() as cursor:
        describe_provenance(cursor)
    with database.reader() as connection:
        after = load_tableset(connection)
    assert after.schemas == before.schemas
    (key,) = after.table(f"{pits[0]}.epn_core").foreign_keys
    assert (key.target, key.columns) == ("provenance.activity", (("run_id", "activity_id"),))


def test_requests_of_others_are_nobodys_business(database, client):
    run = new_run("pits", "request", source="mine", weights_sha256="ef" * 32)
    with database.publisher() as connection:
        start(connection, run)
        finish(connection, run, "failed", "mine")
        connection.commit()
    shown = asked(client, "SELECT activity_id FROM provenance.activity")
    assert run.run_id not in [row["activity_id"] for row in shown]
    for table in ("used", "entity"):
        assert run.run_id not in str(asked(client, f"SELECT * FROM provenance.{table}"))
        assert "ef" * 32 not in str(asked(client, f"SELECT * FROM provenance.{table}"))


@pytest.mark.parametrize("table", ["run", "tombstone", "version"])
def test_the_reader_sees_nothing_but_the_views(database, table):
    with (
        database.reader() as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(f"SELECT * FROM epntap.{table}")


def test_its_name_is_taken(tmp_path):
    path = tmp_path / "provenance.yaml"
    path.write_text(YAML.format(name="provenance"), encoding="utf-8")
    with pytest.raises(CatalogueError, match="a schema of the service itself"):
        read_catalogue(path)
    assert "provenance" not in known_catalogues()
    with pytest.raises(CatalogueError, match="no catalogue 'provenance'"):
        read_catalogue("provenance")


def test_a_column_of_the_same_name_cannot_be_defined(tmp_path):
    path = tmp_path / "pits.yaml"
    path.write_text(
        YAML.format(name="pits")
        + "columns: [{name: run_id, datatype: char, description: of somebody else}]\n",
        encoding="utf-8",
    )
    with pytest.raises(CatalogueError, match="'run_id' is a column that the service adds"):
        read_catalogue(path)


def test_the_queries_of_the_documentation_work(client, pits):
    name = pits[0]
    text = (Path(__file__).parents[2] / "docs" / "provenance.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.+?)```", text, re.DOTALL)
    assert len(queries) == 3
    answers = [
        asked(client, query.replace("icme.epn_core", f"{name}.epn_core").replace("icme", name))
        for query in queries
    ]
    assert {row["pipeline_version"]: row["events"] for row in answers[0]} == {"1": "1", "2": "1"}
    weights = {row["weights"] for row in answers[1] if row["entity_id"].startswith(f"{name}.")}
    assert weights == {f"weights:{'ab' * 32}"}
    assert [row["granule_uid"] for row in answers[2]] == ["a"]
