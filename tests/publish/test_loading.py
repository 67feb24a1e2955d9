"""Loading: what is kept of very many faults, how much memory it takes, what it leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from psycopg2 import sql
from tests_support import read_published

from epntap.database import load_tableset
from epntap.publish import loading, publish
from epntap.publish.publication import InvalidRowsError


@dataclass(frozen=True)
class Endless:
    """Craters that are made when they are asked for, a chunk at a time."""

    chunk_rows: int
    count: int
    name: str = "endless"
    units: dict[str, str] = field(default_factory=dict)

    def chunks(self) -> Iterator[pd.DataFrame]:
        for i in range(self.count):
            numbers = np.arange(i * self.chunk_rows, (i + 1) * self.chunk_rows)
            texts = numbers.astype(str).astype(object)
            yield pd.DataFrame(
                {"id": "crater " + texts, "when": "2020-01-01", "lon": "10", "lat": "5"}
                | {"d": texts, "depth": "20.25", "hits": texts}
            )


def test_very_many_violations_are_counted_and_the_first_are_listed(
    database, catalogue, craters, monkeypatch
):
    monkeypatch.setattr(loading, "KEPT_VIOLATIONS", 10)
    latitudes = ["95" if i % 2 else "5" for i in range(60)]
    names = ["same" if i in (0, 2, 4) else f"crater {i}" for i in range(60)]
    with pytest.raises(InvalidRowsError, match=r"62 violations in 32 rows \(the first 10") as found:
        publish(database, catalogue, craters(60, lat=latitudes, id=names))
    rows = [violation.row for violation in found.value.violations]
    # A latitude out of range is one of c2min and of c2max.
    assert rows == [2, 2, 3, 4, 4, 5, 6, 6, 8, 8]
    publication = publish(
        database, catalogue, craters(60, lat=latitudes, id=names), drop_invalid=True
    )
    assert publication.rows == 28
    assert len(publication.dropped) == 10


def test_a_constant_that_cannot_be_read_is_a_fault_of_every_row(database, catalogue, craters):
    changed = catalogue.description.model_copy(
        update={
            "mapping": {
                **catalogue.description.mapping,
                "processing_level": catalogue.mapping["target_name"],
            }
        }
    )
    with pytest.raises(InvalidRowsError) as found:
        publish(database, type(catalogue)(changed, catalogue.standard), craters(3))
    assert [str(violation) for violation in found.value.violations] == [
        f"row {row}, column processing_level: 'Mars' is not a number" for row in (1, 2, 3)
    ]


def test_memory_does_not_grow_with_the_number_of_rows(database, catalogue):
    held: list[int] = []
    publish(
        database,
        catalogue,
        Endless(5_000, 40),
        progress=lambda _rows: held.append(pa.total_allocated_bytes()),
    )
    assert len(held) == 40
    assert max(held[10:]) <= 1.5 * max(held[:10]) + 2**20
    assert len(read_published(database, catalogue, "granule_uid")) == 200_000


def test_rows_of_a_first_version_are_ready_to_be_read(database, catalogue, craters):
    """They are frozen, every column has statistics, and the key is there once."""
    publish(database, catalogue, craters(500))
    with database.reader() as connection:
        relation = load_tableset(connection).table(f"{catalogue.name}.epn_core").relation
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relpages, relallvisible FROM pg_class WHERE oid = %s::regclass",
            (f"{relation.schema}.{relation.name}",),
        )
        pages, visible = cursor.fetchone()
        assert pages == visible > 0
        cursor.execute(
            "SELECT count(*) FROM pg_stats WHERE schemaname = %s AND tablename = %s",
            (relation.schema, relation.name),
        )
        assert cursor.fetchone()[0] == len(catalogue.columns)
        cursor.execute(
            "SELECT count(*) FROM pg_indexes WHERE schemaname = %s AND tablename = %s"
            " AND indexdef LIKE '%%UNIQUE%%(granule_uid)'",
            (relation.schema, relation.name),
        )
        assert cursor.fetchone() == (1,)
        cursor.execute(
            sql.SQL(
                "EXPLAIN (COSTS OFF) SELECT granule_uid FROM {} WHERE granule_uid = 'x'"
            ).format(sql.Identifier(relation.schema, relation.name))
        )
        assert "Index Only Scan" in cursor.fetchone()[0]
