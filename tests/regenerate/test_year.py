"""A year of solar wind that grows month by month, made again on a schedule by workers that come
and go, with a clock that a test sets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from psycopg2 import sql

from epntap.catalogue import Catalogue, read_catalogue
from epntap.database import Database
from epntap.publish import drop
from epntap.regenerate.foreground import regenerate
from epntap.regenerate.schedule import begin_due
from epntap.regenerate.tasks import regeneration_tasks
from epntap.settings import Settings
from epntap.worker import Worker

from .conftest import TestClock, ask, order, quiet, rows_of, stored

MONTHS = [datetime(2024, month, 1, tzinfo=UTC) for month in range(2, 13)] + [
    datetime(2025, 1, 1, tzinfo=UTC)
]


@contextmanager
def worker(database: Database, settings: Settings, clock: TestClock) -> Iterator[None]:
    working = Worker(
        database, settings.model_copy(update={"worker_seconds": 4.0}), regeneration_tasks(clock)
    )
    thread = threading.Thread(target=working.run)
    thread.start()
    try:
        yield
    finally:
        working.stop()
        thread.join(120)
        assert not thread.is_alive()


def await_ends(database: Database, catalogue: Catalogue, count: int) -> None:
    """Wait until so many runs have ended well."""
    states = "SELECT state, reason FROM epntap.run WHERE catalogue = %s AND ended IS NOT NULL"
    deadline = time.monotonic() + 200
    while len(found := ask(database, states, catalogue.name)) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    assert {state for state, _ in found} <= {"published", "unchanged"}, found


@dataclass(frozen=True)
class Seen:
    """A granule as a version has it: its dates, its run, and everything else."""

    created: datetime
    modified: datetime
    run_id: str
    content: str


def dated(database: Database, catalogue: Catalogue) -> dict[str, Seen]:
    """Return the granules of the current version by identifier."""
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT granule_uid, creation_date, modification_date, run_id, (to_jsonb(t) -"
                " '{{creation_date,modification_date,release_date,run_id}}'::text[])::text"
                " FROM {} AS t"
            ).format(sql.Identifier(catalogue.name, "epn_core"))
        )
        return {uid: Seen(*rest) for uid, *rest in cursor.fetchall()}


def grow(file: Path, samples: pd.DataFrame, now: datetime) -> None:
    """Write what is measured until now, whole at once."""
    new = file.with_suffix(".new")
    known = samples[pd.to_datetime(samples["time"]) < pd.Timestamp(now.replace(tzinfo=None))]
    known.to_csv(new, index=False)
    new.rename(file)


def month_by_month(
    settings: Settings, catalogue: Catalogue, file: Path, samples: pd.DataFrame
) -> dict[str, Seen]:
    """Let the year pass; the database is closed and opened again, with its worker, each quarter.

    Returns
    -------
    dict
        The events in the end, each seen to keep its identifier and creation date while it was the
        same.
    """
    clock = TestClock(MONTHS[0])
    seen: dict[str, Seen] = {}
    grow(file, samples, clock.now())
    for quarter in range(4):
        with Database.open(settings) as database, worker(database, settings, clock):
            for month in range(3 * quarter, 3 * quarter + 3):
                clock.time = MONTHS[month]
                grow(file, samples, clock.now())
                if month == 0:
                    regenerate(database, order(catalogue, clock.now()), quiet)
                    begin_due(database, clock)
                else:
                    # The worker itself may have looked already.
                    begin_due(database, clock)
                await_ends(database, catalogue, month + 1)
                now = dated(database, catalogue)
                for uid in now.keys() & seen.keys():
                    before, after = seen[uid], now[uid]
                    assert after.created == before.created
                    if after.content == before.content:
                        assert after == before
                    else:
                        assert after.run_id != before.run_id
                seen = now
    return seen


@pytest.fixture
def own_settings(new_home, settings) -> Settings:
    """A database of the test's own, so that it can be stopped."""
    return settings.model_copy(update={"home": new_home()})


YAML_OF = """\
regenerate:
  pipeline: {pipeline}
  source: {source}
  schedule: "0 0 1 * *"
  span: {{from: 2024-01-01, to: now}}
  chunk: 60d
  options: {options}
"""


def test_a_year_month_by_month_on_a_schedule_equals_the_year_at_once(
    own_settings, described, tmp_path
):
    import crossings

    series = crossings.read("series:2024-01-01/2025-01-01/7")
    samples = pd.DataFrame({"time": series.time.astype("datetime64[s]"), "value": series.value})
    file = tmp_path / "series.csv"
    span = "{from: 2024-01-01, to: now}"
    monthly = described("monthly", source=str(file), span=span, schedule="'0 0 1 * *'", chunk="10d")
    last = month_by_month(own_settings, monthly, file, samples)
    once = described("once", source=str(file), span=span, pipeline="whole")
    with Database.open(own_settings) as database:
        regenerate(database, order(once, MONTHS[-1]), quiet)
        assert rows_of(database, monthly) == rows_of(database, once)
        assert set(last) == set(dated(database, once))
        # Of some 37 chunks a month, at most the last ones are computed again.
        ((computed,),) = ask(
            database,
            "SELECT count(*) FILTER (WHERE NOT c.reused) FROM epntap.chunk AS c"
            " JOIN epntap.run AS r USING (run_id) WHERE r.catalogue = 'monthly'"
            " AND r.span_stop = '2025-01-01'",
        )
        assert computed <= 5


@pytest.mark.slow
def test_ejections_of_a_simulated_year_month_by_month_are_those_of_a_single_run(
    own_settings, tmp_path
):
    pytest.importorskip("torch")
    from pipelines.icme import pipeline

    simulation = pipeline.simulate(start="2024-01-01", days=366.0, seed=2024)
    series = simulation.series
    samples = pd.DataFrame({"time": series.time.astype("datetime64[s]")}).join(series.data)
    file = tmp_path / "insitu_wind_simulated.csv"
    text = Path("schema/icme.yaml")
    text = (Path(__file__).parents[2] / text).read_text(encoding="utf-8")
    yaml = tmp_path / "icme.yaml"
    yaml.write_text(
        text + "\n" + YAML_OF.format(pipeline="icme", source=file, options="{spacecraft: Wind}"),
        encoding="utf-8",
    )
    catalogue = read_catalogue(yaml)
    last = month_by_month(own_settings, catalogue, file, samples)
    with Database.open(own_settings) as database:
        content = (
            "SELECT granule_uid, time_min, time_max, bmax, confidence, speed_mean"
            " FROM icme.epn_core ORDER BY 1"
        )
        monthly = ask(database, content)
        assert len(monthly) == len(last) > 5
        drop(database, "icme")
        with database.publisher() as connection, connection.cursor() as cursor:
            # Nothing is left that a single run could take over.
            cursor.execute("DELETE FROM epntap.part")
            connection.commit()
        once = order(catalogue, MONTHS[-1])
        once.description["regenerate"] = {**once.description["regenerate"], "chunk": "5000d"}
        assert regenerate(database, once, quiet).state == "published"
        assert ask(database, content) == monthly
    assert stored(catalogue)["name"] == "icme"
