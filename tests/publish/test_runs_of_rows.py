"""Every row names the run that made it, through new versions, roll-backs and old catalogues."""

from __future__ import annotations

import pytest
from psycopg2 import sql
from tests_support import read_published

from epntap.database import load_tableset
from epntap.errors import PublishError
from epntap.provenance import get_run, list_runs, new_run, start
from epntap.publish import drop, publish, rollback


def runs_by_uid(database, catalogue):
    return dict(read_published(database, catalogue, "granule_uid, run_id"))


def test_unchanged_rows_keep_their_run_and_the_others_get_the_new_one(database, catalogue, craters):
    first = publish(database, catalogue, craters(3))
    second = publish(database, catalogue, craters(4, depth=["20.25", "21", "20.25", "1"]))
    assert (second.new, second.changed, second.unchanged, second.gone) == (1, 1, 2, 0)
    assert runs_by_uid(database, catalogue) == {
        "crater 0": first.run_id,
        "crater 1": second.run_id,
        "crater 2": first.run_id,
        "crater 3": second.run_id,
    }


def test_a_publication_is_recorded_with_its_figures(database, catalogue, craters):
    publish(database, catalogue, craters(3))
    second = publish(
        database,
        catalogue,
        craters(4, id=["crater 1", "crater 2", "x", "y"]),
        provenance={"pipeline": "finder", "version": "2", "source": "/data/jane/mars.csv"},
    )
    with database.publisher() as connection:
        run = get_run(connection, second.run_id)
        assert [each.version for each in list_runs(connection, catalogue.name)] == [2, 1]
    assert (run.kind, run.state, run.version) == ("publication", "published", 2)
    assert (run.pipeline, run.pipeline_version, run.source) == ("finder", "2", "mars.csv")
    assert (run.row_count, run.new_rows, run.gone_rows) == (4, 2, 1)
    assert run.changed_rows + run.unchanged_rows == 2
    assert run.started <= run.ended


def test_a_run_that_was_begun_ends_with_the_publication_and_only_once(database, catalogue, craters):
    run = new_run(catalogue.name, "regeneration", source="simulation")
    with database.publisher() as connection:
        start(connection, run)
        connection.commit()
    assert publish(database, catalogue, craters(2), run=run).run_id == run.run_id
    with database.publisher() as connection:
        assert get_run(connection, run.run_id).state == "published"
    with pytest.raises(PublishError, match="has ended already"):
        publish(database, catalogue, craters(5), run=run)
    assert set(runs_by_uid(database, catalogue).values()) == {run.run_id}
    assert len(runs_by_uid(database, catalogue)) == 2


def test_rows_of_a_source_may_name_earlier_runs(database, catalogue, craters):
    earlier = new_run(catalogue.name, "regeneration", source="simulation")
    with database.publisher() as connection:
        start(connection, earlier)
        connection.commit()
    publication = publish(database, catalogue, craters(3, run_id=[earlier.run_id, None, None]))
    assert runs_by_uid(database, catalogue) == {
        "crater 0": earlier.run_id,
        "crater 1": publication.run_id,
        "crater 2": publication.run_id,
    }


def test_runs_that_nobody_knows_are_refused(database, catalogue, craters):
    with pytest.raises(PublishError, match=r"does not know: nobody-1; nothing was published"):
        publish(database, catalogue, craters(2, run_id=["nobody-1", "nobody-1"]))


def test_a_failed_publication_by_hand_leaves_no_trace(database, catalogue, craters):
    with pytest.raises(PublishError):
        publish(database, catalogue, craters(0))
    with database.publisher() as connection:
        assert list_runs(connection, catalogue.name) == []


def without_runs(database, catalogue):
    """Make the current version what it was before rows had runs."""
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relation FROM epntap.version WHERE catalogue = %s AND state = 'current'",
            (catalogue.name,),
        )
        table = sql.Identifier(catalogue.name, cursor.fetchone()[0])
        view = sql.Identifier(catalogue.name, "epn_core")
        cursor.execute(sql.SQL("DROP VIEW {}").format(view))
        cursor.execute(sql.SQL("ALTER TABLE {} DROP COLUMN run_id").format(table))
        cursor.execute(sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(view, table))
        for name in ("tap_key_columns", "tap_keys"):
            cursor.execute(
                sql.SQL("DELETE FROM epntap.{} WHERE catalogue = %s").format(sql.Identifier(name)),
                (catalogue.name,),
            )
        cursor.execute(
            "DELETE FROM epntap.tap_columns WHERE catalogue = %s AND column_name = 'run_id'",
            (catalogue.name,),
        )
        cursor.execute(
            "UPDATE epntap.version SET run_id = NULL WHERE catalogue = %s", (catalogue.name,)
        )
        cursor.execute("SELECT epntap.bump_generation()")
        connection.commit()


def test_a_catalogue_from_before_rows_had_runs_is_carried_over_and_back(
    database, catalogue, craters
):
    publish(database, catalogue, craters(3))
    without_runs(database, catalogue)
    dates = read_published(database, catalogue, "granule_uid, creation_date, modification_date")
    second = publish(database, catalogue, craters(4))
    assert (second.new, second.changed, second.unchanged) == (1, 0, 3)
    assert set(runs_by_uid(database, catalogue).values()) == {second.run_id}
    after = read_published(database, catalogue, "granule_uid, creation_date, modification_date")
    assert after[:3] == dates

    def described():
        with database.reader() as connection:
            table = load_tableset(connection).table(f"{catalogue.name}.epn_core")
        return table.column("run_id") is not None, [key.target for key in table.foreign_keys]

    assert described() == (True, ["provenance.activity"])
    rollback(database, catalogue.name)
    assert described() == (False, [])
    assert len(read_published(database, catalogue, "granule_uid")) == 3
    rollback(database, catalogue.name)
    assert described() == (True, ["provenance.activity"])


def test_the_runs_of_a_catalogue_outlive_it(database, catalogue, craters):
    publication = publish(database, catalogue, craters(1))
    drop(database, catalogue.name)
    with database.publisher() as connection:
        assert get_run(connection, publication.run_id).state == "published"
