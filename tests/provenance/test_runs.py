"""The record of runs: how it begins, how it ends, and only once."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import psycopg2
import pytest

from epntap.cli import main
from epntap.errors import PublishError
from epntap.provenance import (
    finish,
    get_run,
    list_runs,
    new_run,
    run_of_provenance,
    start,
)
from epntap.publish import attempt

_numbers = itertools.count(1)


@pytest.fixture
def name(database):
    """A catalogue that nobody else has; its runs are removed in the end."""
    chosen = f"recorded{next(_numbers)}"
    yield chosen
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM epntap.run WHERE catalogue = %s", (chosen,))
        connection.commit()


def test_ids_are_readable_and_never_the_same():
    moment = datetime(2024, 1, 1, 3, tzinfo=UTC)
    ids = {new_run("icme", "regeneration", started=moment).run_id for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"icme-20240101-030000-[0-9a-f]{8}", each) for each in ids)


def test_a_run_is_made_of_what_a_pipeline_says():
    run = run_of_provenance(
        "icme",
        "publication",
        {
            "pipeline": "icme",
            "version": "1.2",
            "weights_sha256": "ab" * 32,
            "source": "/data/jane/wind.csv",
            "source_sha256": "",
            "time_min": "2019-01-01T00:00:00",
            "time_max": "2020-01-01T00:00:00",
            "parameters": {"threshold": 0.5},
        },
    )
    assert (run.pipeline, run.pipeline_version, run.source) == ("icme", "1.2", "wind.csv")
    assert run.source_sha256 is None
    assert (run.span_start, run.span_stop) == (datetime(2019, 1, 1), datetime(2020, 1, 1))
    assert run.parameters == {"threshold": 0.5}


def test_a_run_that_was_recorded_comes_back_as_it_was(database, name):
    run = new_run(
        name,
        "regeneration",
        pipeline="icme",
        source="simulation",
        span_start=datetime(2019, 1, 1),
        span_stop=datetime(2020, 1, 1),
        parameters={"options": {"threshold": 0.5}},
    )
    with database.publisher() as connection:
        start(connection, run)
        assert get_run(connection, run.run_id) == run
        assert get_run(connection, "nobody") is None


def test_a_waiting_run_begins_once(database, name):
    run = new_run(name, "regeneration", state="waiting")
    with database.publisher() as connection:
        start(connection, run)
        connection.commit()
        start(connection, replace(run, state="running"))
        connection.commit()
        assert get_run(connection, run.run_id).state == "running"
        with pytest.raises(psycopg2.errors.UniqueViolation):
            start(connection, replace(run, state="running"))


def test_a_run_ends_once_and_keeps_what_was_known_before(database, name):
    run = new_run(name, "regeneration", source="simulation", parameters={"a": 1})
    with database.publisher() as connection:
        start(connection, run)
        learnt = replace(run, source=None, source_sha256="cd" * 32, row_count=7)
        ended = finish(connection, learnt, "refused", "too few rows in /data/jane/wind.csv")
        connection.commit()
        stored = get_run(connection, run.run_id)
        assert (stored.source, stored.source_sha256) == ("simulation", "cd" * 32)
        assert (stored.state, stored.reason) == ("refused", "too few rows in wind.csv")
        assert stored.row_count == 7
        assert stored.ended == ended.ended >= run.started
        with pytest.raises(PublishError, match="has ended already: it was refused"):
            finish(connection, run, "published")


def test_a_failure_is_recorded_and_goes_on(database, name):
    run = new_run(name, "publication")
    with pytest.raises(ZeroDivisionError), attempt(database, run):
        raise ZeroDivisionError("password=abc did not help")
    with database.publisher() as connection:
        stored = get_run(connection, run.run_id)
    assert (stored.state, stored.reason) == (
        "failed",
        "ZeroDivisionError: password=*** did not help",
    )


def test_a_failure_that_cannot_be_recorded_is_told_beside_the_first(database, name):
    run = new_run(name, "publication")
    with database.publisher() as connection:
        finish(connection, run, "published")
        connection.commit()
    with pytest.raises(ZeroDivisionError) as caught, attempt(database, run):
        raise ZeroDivisionError
    (note,) = caught.value.__notes__
    assert "could not be recorded" in note
    assert "has ended already" in note


def test_a_long_reason_is_cut_and_no_password_shows_at_the_cut(database, name):
    words = "it failed. " * 180 + "at https://jane:secret" + "x" * 3000 + "@example.org/a"
    for text in (words, "y" * 5000, "it failed at /data/jane/wind.csv " * 100):
        run = new_run(name, "publication")
        with database.publisher() as connection:
            reason = finish(connection, run, "failed", text).reason
            connection.commit()
        assert len(reason) <= 2000
        assert "secret" not in reason
        assert "jane" not in reason


def test_runs_are_listed_the_latest_first(database, name):
    moments = [datetime(2024, 1, day, tzinfo=UTC) for day in (2, 3, 1)]
    with database.publisher() as connection:
        for moment in moments:
            start(connection, new_run(name, "publication", started=moment))
        connection.commit()
        found = list_runs(connection, name)
        assert [run.started.day for run in found] == [3, 2, 1]
        assert [run.started.day for run in list_runs(connection, name, limit=1)] == [3]
        assert len(list_runs(connection)) >= 3


@pytest.fixture
def command(settings, monkeypatch, capsys):
    """Runs ``epntap`` on the session's database; returns what it printed."""

    def run(*words: str) -> str:
        monkeypatch.setenv("EPNTAP_HOME", str(settings.home))
        if settings.postgres_bin:
            monkeypatch.setenv("EPNTAP_POSTGRES_BIN", str(settings.postgres_bin))
        monkeypatch.setattr("sys.argv", ["epntap", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 0
        printed = capsys.readouterr()
        return printed.out + printed.err

    return run


def test_the_command_shows_them_as_a_table_and_as_json(database, name, command):
    run = new_run(
        name,
        "regeneration",
        pipeline="icme",
        pipeline_version="1.2",
        weights_sha256="ab" * 32,
        source="wind",
        span_start=datetime(2019, 1, 1),
        span_stop=datetime(2020, 1, 1),
    )
    with database.publisher() as connection:
        start(connection, run)
        finish(connection, replace(run, row_count=5, new_rows=5), "refused", "[half] the data")
        connection.commit()
    shown = command("runs", name)
    for text in (run.run_id, "icme 1.2", "abababab", "wind", "2019-01-01 to 2020-01-01"):
        assert text in shown
    assert "abababababab" not in shown
    assert "refused" in shown
    assert "5 (+5 ~0 -0)" in shown
    assert "[half] the data" in shown
    (record,) = json.loads(command("runs", name, "--json"))
    assert (record["run_id"], record["state"]) == (run.run_id, "refused")
    assert record["weights_sha256"] == "ab" * 32
    assert "No run of nobody is recorded" in command("runs", "nobody")
