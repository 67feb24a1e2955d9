"""Publishing: all or nothing, new versions, dates that live on, going back."""

from __future__ import annotations

import threading
import time

import pytest
from psycopg2 import sql
from tests_support import read_published

from epntap.catalogue import read_catalogue
from epntap.database import load_tableset
from epntap.errors import PublishError
from epntap.publish import drop, list_catalogues, publish, rollback
from epntap.publish.publication import InvalidRowsError


def rows_of(database, catalogue, columns="*"):
    return read_published(database, catalogue, columns)


def test_rows_arrive_with_their_units_converted_and_their_defaults(database, catalogue, craters):
    publish(database, catalogue, craters(1))
    ((row),) = rows_of(
        database,
        catalogue,
        "granule_uid, granule_gid, obs_id, dataproduct_type, service_title, spatial_frame_type,"
        " time_min, time_max, c1min, c1max, diameter, depth, hits",
    )
    name = catalogue.name
    assert row == (
        "crater 0", name, "crater 0", "ci", name, "body",
        2458850.0, 2458850.0, 350.0, 350.0, 1.5, 20.25, 9007199254740993,
    )  # fmt: skip


def test_a_reader_with_plain_sql_finds_the_rows_under_the_public_name(database, catalogue, craters):
    publish(database, catalogue, craters(3))
    publish(database, catalogue, craters(5))
    with database.reader() as connection, connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(catalogue.name, "epn_core"))
        )
        assert cursor.fetchone() == (5,)


def test_every_violation_is_listed_and_nothing_is_published(database, catalogue, craters):
    publish(database, catalogue, craters(2))
    bad = craters(
        4,
        lat=["5", "95", "x", None],
        when=["2020-01-01", "51000.0", "2020-01-01", "2020-01-01"],
        id=["a", "b", "c", "a"],
    )
    with pytest.raises(InvalidRowsError) as caught:
        publish(database, catalogue, bad)
    found = [(violation.row, violation.column) for violation in caught.value.violations]
    assert (2, "c2min") in found
    assert (3, "c2min") in found
    assert (2, "time_min") in found
    assert (4, "granule_uid") in found
    assert not [violation for violation in found if violation[0] == 1]
    assert [row[0] for row in rows_of(database, catalogue)] == ["crater 0", "crater 1"]


def test_invalid_rows_can_be_left_out_and_are_reported(database, catalogue, craters):
    bad = craters(4, lat=["5", "95", "6", "7"], id=["a", "b", "a", "c"])
    publication = publish(database, catalogue, bad, drop_invalid=True)
    assert publication.rows == 2
    assert sorted({violation.row for violation in publication.dropped}) == [2, 3]
    assert [row[0] for row in rows_of(database, catalogue)] == ["a", "c"]


def test_a_duplicate_is_reported_with_the_rows_of_the_source(database, catalogue, craters):
    bad = craters(5, lat=["95", "5", "6", "7", "8"], id=["x", "a", "b", "a", "b"])
    with pytest.raises(InvalidRowsError) as caught:
        publish(database, catalogue, bad)
    messages = [str(v) for v in caught.value.violations if v.column == "granule_uid"]
    assert messages == [
        "row 4, column granule_uid: 'a' stands in row 2 already",
        "row 5, column granule_uid: 'b' stands in row 3 already",
    ]


def test_known_granules_keep_their_dates_unless_their_content_changes(database, catalogue, craters):
    first = publish(database, catalogue, craters(3))
    dates = "granule_uid, creation_date, modification_date"
    before = rows_of(database, catalogue, dates)
    time.sleep(1.1)
    second = publish(database, catalogue, craters(4, depth=["20.25", "21", "20.25", "1"]))
    after = {row[0]: row[1:] for row in rows_of(database, catalogue, dates)}
    assert (first.new, second.new, second.changed, second.unchanged, second.gone) == (3, 1, 1, 2, 0)
    for uid, created, modified in before:
        assert after[uid][0] == created
        assert (after[uid][1] > modified) == (uid == "crater 1")
    assert after["crater 3"][0] > before[0][1]


def test_a_catalogue_can_be_rolled_back_and_forth(database, catalogue, craters):
    publish(database, catalogue, craters(1))
    publish(database, catalogue, craters(2))
    publish(database, catalogue, craters(3))
    assert rollback(database, catalogue.name).rows == 2
    assert len(rows_of(database, catalogue)) == 2
    publish(database, catalogue, craters(4))
    assert rollback(database, catalogue.name).rows == 2
    assert rollback(database, catalogue.name).rows == 4


def test_a_rollback_brings_the_description_of_that_time_back(
    database, catalogue, craters, tmp_path
):
    publish(database, catalogue, craters(1))
    text = (tmp_path / f"{catalogue.name}.yaml").read_text()
    other = tmp_path / "other.yaml"
    other.write_text(
        text.replace("of the floor", "below the rim").replace("name: hits", "name: hit")
    )
    changed = read_catalogue(other)
    source = craters(1)
    source.frame["hit"] = "7"
    publish(database, changed, source)

    def described():
        with database.reader() as connection:
            table = load_tableset(connection).table(f"{catalogue.name}.epn_core")
        return table.column("depth").description, table.column("hits") is not None

    assert described() == ("Depth below the rim", False)
    rollback(database, catalogue.name)
    assert described() == ("Depth of the floor", True)


def test_going_back_is_refused_when_there_is_nothing_to_go_back_to(database, catalogue, craters):
    publish(database, catalogue, craters(1))
    with pytest.raises(PublishError, match="no previous version"):
        rollback(database, catalogue.name)


def test_only_the_current_and_the_previous_version_are_kept(database, catalogue, craters):
    for size in (1, 2, 3, 4):
        publish(database, catalogue, craters(size))
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'",
            (catalogue.name,),
        )
        assert sorted(row[0] for row in cursor.fetchall()) == ["epn_core_v3", "epn_core_v4"]


def test_a_dropped_catalogue_vanishes_and_can_come_back(database, catalogue, craters):
    publish(database, catalogue, craters(2))
    drop(database, catalogue.name)
    with database.reader() as connection:
        assert load_tableset(connection).table(f"{catalogue.name}.epn_core") is None
    assert catalogue.name not in [listing.name for listing in list_catalogues(database)]
    assert publish(database, catalogue, craters(3)).rows == 3


def test_a_source_without_rows_changes_nothing(database, catalogue, craters):
    publish(database, catalogue, craters(2))
    with pytest.raises(PublishError, match="no row to publish"):
        publish(database, catalogue, craters(0))
    assert len(rows_of(database, catalogue)) == 2


def test_a_missing_native_column_is_named_with_those_there_are(database, catalogue, craters):
    source = craters(1)
    source.frame.rename(columns={"lat": "latt"}, inplace=True)
    with pytest.raises(PublishError, match=r"no column 'lat'; did you mean 'latt'") as caught:
        publish(database, catalogue, source)
    assert "id, when, lon, latt" in str(caught.value)


def test_readers_are_not_blocked_and_see_one_version_whole(database, catalogue, craters):
    """A reader in a transaction keeps the old version; another sees the new one at once."""
    publish(database, catalogue, craters(2))
    with database.reader() as old, old.cursor() as cursor:
        relation = load_tableset(old).table(f"{catalogue.name}.epn_core").relation
        cursor.execute(
            sql.SQL("DECLARE slow CURSOR FOR SELECT granule_uid FROM {}").format(
                sql.Identifier(relation.schema, relation.name)
            )
        )
        cursor.execute("FETCH 1 FROM slow")
        publish(database, catalogue, craters(7))
        assert len(rows_of(database, catalogue)) == 7
        cursor.execute("FETCH ALL FROM slow")
        assert len(cursor.fetchall()) == 1


def test_two_publications_at_once_do_not_mix(database, catalogue, craters):
    publish(database, catalogue, craters(1))
    inside, leave = threading.Event(), threading.Event()

    def linger(_count: int) -> None:
        inside.set()
        assert leave.wait(20)

    first = threading.Thread(
        target=publish, args=(database, catalogue, craters(5)), kwargs={"progress": linger}
    )
    first.start()
    assert inside.wait(20)
    try:
        with pytest.raises(PublishError, match="under way"):
            publish(database, catalogue, craters(9))
    finally:
        leave.set()
        first.join()
    assert len(rows_of(database, catalogue)) == 5


def test_the_indexes_serve_the_usual_queries(database, catalogue, craters):
    publish(database, catalogue, craters(200))
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = %s", (catalogue.name,))
        definitions = " ".join(row[0] for row in cursor.fetchall())
    for column in ("granule_uid", "time_min", "time_max", "target_name", "c1min"):
        assert f"({column})" in definitions
