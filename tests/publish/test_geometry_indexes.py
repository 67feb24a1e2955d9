"""What publishing prepares for searches by position is what queries ask for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from epntap.adql import translate
from epntap.catalogue import Catalogue
from epntap.database import Database, load_tableset
from epntap.publish import DataFrameSource, publish


@pytest.mark.parametrize(
    "condition",
    [
        "1 = CONTAINS(POINT('UNKNOWNFrame', c1min, c2min), CIRCLE('', 10, 20, 5))",
        "DISTANCE(c1min, c2min, 359, 20) < 5",
    ],
)
def test_a_published_catalogue_is_searched_by_position_with_an_index(
    database: Database,
    catalogue: Catalogue,
    craters: Callable[..., DataFrameSource],
    condition: str,
) -> None:
    publish(database, catalogue, craters(50))
    with database.reader() as connection, connection.cursor() as cursor:
        query = f"SELECT granule_uid FROM {catalogue.name}.epn_core WHERE {condition}"
        translation = translate(query, load_tableset(connection))
        # Nobody would use an index of fifty rows unless made to.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {translation.sql}")
        plan = "\n".join(line for (line,) in cursor)
    assert "position_idx" in plan
