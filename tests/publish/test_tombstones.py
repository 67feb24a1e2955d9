"""Granules that are gone are told, until they come back."""

from __future__ import annotations

import random
import time

import pytest
from tests_support import read_published

from epntap.publish import drop, list_catalogues, publish, rollback


def tombstones(database, catalogue):
    with database.reader() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT granule_uid, version, run_id FROM provenance.tombstone WHERE catalogue = %s"
            " ORDER BY granule_uid",
            (catalogue.name,),
        )
        return cursor.fetchall()


def test_a_granule_that_is_gone_is_told_with_the_run_that_did_not_find_it(
    database, catalogue, craters
):
    publish(database, catalogue, craters(3))
    assert tombstones(database, catalogue) == []
    second = publish(database, catalogue, craters(1))
    assert tombstones(database, catalogue) == [
        ("crater 1", 2, second.run_id),
        ("crater 2", 2, second.run_id),
    ]
    publish(database, catalogue, craters(2))
    assert tombstones(database, catalogue) == [("crater 2", 2, second.run_id)]


def test_a_roll_back_moves_them_too(database, catalogue, craters):
    publish(database, catalogue, craters(2))
    second = publish(database, catalogue, craters(2, id=["crater 1", "x"]))
    assert tombstones(database, catalogue) == [("crater 0", 2, second.run_id)]
    rollback(database, catalogue.name)
    assert tombstones(database, catalogue) == [("x", 1, None)]
    rollback(database, catalogue.name)
    assert tombstones(database, catalogue) == [("crater 0", 2, None)]


def test_a_dropped_catalogue_leaves_none(database, catalogue, craters):
    publish(database, catalogue, craters(2))
    publish(database, catalogue, craters(1))
    drop(database, catalogue.name)
    assert tombstones(database, catalogue) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_through_any_history_they_are_what_was_there_and_is_not(database, catalogue, craters, seed):
    """Publications and roll-backs at random: tombstones are all granules ever, but those there."""
    dice = random.Random(seed)
    ever: set[str] = set()
    for step in range(8):
        if step > 1 and dice.random() < 0.3:
            rollback(database, catalogue.name)
        else:
            chosen = dice.sample(range(12), dice.randint(1, 6))
            uids = [f"g{i}" for i in chosen]
            publish(database, catalogue, craters(len(uids), id=uids))
        there = {row[0] for row in read_published(database, catalogue, "granule_uid")}
        ever |= there
        assert {row[0] for row in tombstones(database, catalogue)} == ever - there


def test_the_date_of_the_catalogue_moves_with_a_removal(database, catalogue, craters):
    def updated():
        with database.publisher() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT updated FROM epntap.catalogue WHERE name = %s", (catalogue.name,)
            )
            return cursor.fetchone()[0]

    publish(database, catalogue, craters(2))
    before = updated()
    time.sleep(0.01)
    publish(database, catalogue, craters(1))
    assert updated() > before
    assert catalogue.name in [listing.name for listing in list_catalogues(database)]
