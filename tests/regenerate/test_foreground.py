"""Catalogues made again by one process: what is computed, what is kept, what is published."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from epntap.catalogue import Catalogue
from epntap.database import Database
from epntap.errors import UserError
from epntap.publish import rollback
from epntap.regenerate.beginning import begin, cancel
from epntap.regenerate.errors import RegenerationError, RunUnderWayError
from epntap.regenerate.foreground import regenerate, rehearse
from epntap.regenerate.storage import Wanted

from .conftest import ask, order, quiet, rows_of, stored, write_series

YEAR = "series:2024-01-01/2025-01-01/7"


def computed(journal: Path) -> list[str]:
    """Return the begins of the chunks that were computed since the last time, in order."""
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    journal.write_text("", encoding="utf-8")
    return [line.partition(" ")[2] for line in lines]


def keys_stored(database: Database, catalogue: Catalogue) -> set[str]:
    found = ask(database, "SELECT key FROM epntap.part WHERE catalogue = %s", catalogue.name)
    return {key for (key,) in found}


def test_a_run_in_chunks_gives_the_rows_of_a_run_over_everything(database, described):
    whole = described(pipeline="whole", source=YEAR)
    cut = described(source=YEAR, chunk="13d")
    assert regenerate(database, order(whole), quiet).state == "published"
    outcome = regenerate(database, order(cut), quiet)
    assert outcome.state == "published"
    assert outcome.publication is not None
    assert outcome.publication.rows > 100
    assert rows_of(database, cut) == rows_of(database, whole)


def test_nothing_new_makes_no_version_and_computes_nothing(database, described, tmp_path):
    journal = tmp_path / "journal"
    catalogue = described(source=YEAR, options=f"{{journal: {journal}}}")
    assert regenerate(database, order(catalogue), quiet).state == "published"
    assert len(computed(journal)) == 13
    outcome = regenerate(database, order(catalogue), quiet)
    assert outcome.state == "unchanged"
    assert computed(journal) == []
    versions = ask(
        database, "SELECT version FROM epntap.version WHERE catalogue = %s", catalogue.name
    )
    assert versions == [(1,)]


def test_only_chunks_whose_data_changed_are_computed_again(
    database: Database, described: Callable[..., Catalogue], tmp_path: Path
):
    journal, file = tmp_path / "journal", tmp_path / "series.csv"
    hours = pd.date_range("2024-01-01", "2024-12-31T23:00", freq="h")
    samples = pd.DataFrame({"time": hours, "value": (hours.day_of_year % 7 == 3) * 3.0})
    write_series(file, samples)
    catalogue = described(source=str(file), options=f"{{journal: {journal}}}")
    regenerate(database, order(catalogue), quiet)
    computed(journal)
    before = rows_of(database, catalogue)
    # The 13th of June lies more than a week from the lines of the grid.
    samples.loc[samples["time"].between("2024-06-13T05:00", "2024-06-13T06:00"), "value"] = 9.0
    write_series(file, samples)
    outcome = regenerate(database, order(catalogue), quiet)
    assert computed(journal) == ["2024-05-24 00:00:00"]
    assert outcome.publication is not None
    assert (outcome.publication.new, outcome.publication.gone) == (1, 0)
    assert outcome.publication.diff is not None
    assert outcome.publication.diff.new == ("crossing_20240613T05",)
    assert {row[0] for row in rows_of(database, catalogue)} - {row[0] for row in before} == {
        "crossing_20240613T05"
    }


def test_a_change_next_to_a_line_of_the_grid_reaches_the_chunk_beyond(
    database: Database, described: Callable[..., Catalogue], tmp_path: Path
):
    journal, file = tmp_path / "journal", tmp_path / "series.csv"
    hours = pd.date_range("2024-01-01", "2024-12-31T23:00", freq="h")
    samples = pd.DataFrame({"time": hours, "value": 0.0})
    samples.loc[samples["time"].between("2024-06-22T20:00", "2024-06-23T03:00"), "value"] = 3.0
    write_series(file, samples)
    catalogue = described(source=str(file), options=f"{{journal: {journal}}}")
    regenerate(database, order(catalogue), quiet)
    ((_, _, before, _),) = rows_of(database, catalogue)
    computed(journal)
    # The event begins on the 22nd, in the chunk before; its end is moved.
    samples.loc[samples["time"] == "2024-06-23T04:00", "value"] = 3.0
    write_series(file, samples)
    outcome = regenerate(database, order(catalogue), quiet)
    assert computed(journal) == ["2024-05-24 00:00:00", "2024-06-23 00:00:00"]
    assert outcome.publication is not None
    assert outcome.publication.changed == 1
    ((_, _, after, _),) = rows_of(database, catalogue)
    assert after - before == pytest.approx(1 / 24, abs=1e-6)


def test_a_year_month_by_month_equals_the_year_at_once(database, described):
    once, monthly = described(source=YEAR, chunk="10d"), described(source=YEAR, chunk="10d")
    regenerate(database, order(once), quiet)
    months = [datetime(2024, month, 1) for month in range(1, 13)] + [datetime(2025, 1, 1)]
    for start, stop in itertools.pairwise(months):
        outcome = regenerate(database, order(monthly, wanted=Wanted(start, stop)), quiet)
        assert outcome.is_good, outcome.reason
    assert rows_of(database, monthly) == rows_of(database, once)


def test_a_part_of_the_time_is_looked_at_again_and_the_rest_taken_over(
    database: Database, described: Callable[..., Catalogue], tmp_path: Path
):
    journal, file = tmp_path / "journal", tmp_path / "series.csv"
    hours = pd.date_range("2024-01-01", "2024-12-31T23:00", freq="h")
    samples = pd.DataFrame({"time": hours, "value": (hours.day_of_year % 7 == 3) * 3.0})
    write_series(file, samples)
    catalogue = described(source=str(file), options=f"{{journal: {journal}}}")
    regenerate(database, order(catalogue), quiet)
    computed(journal)
    samples["value"] *= 2
    write_series(file, samples)
    wanted = Wanted(datetime(2024, 6, 12), datetime(2024, 6, 20))
    outcome = regenerate(database, order(catalogue, wanted=wanted), quiet)
    assert computed(journal) == ["2024-05-24 00:00:00"]
    assert outcome.publication is not None
    assert outcome.publication.changed == 4
    assert outcome.publication.gone == 0


def test_a_rehearsal_tells_what_would_change_and_stores_nothing(database, described):
    catalogue = described(source=YEAR)
    tables = ("run", "regeneration", "chunk", "part", "version", "catalogue", "schedule")

    def contents() -> list[list[tuple[object, ...]]]:
        return [ask(database, f"SELECT t::text FROM epntap.{table} AS t ORDER BY 1")
                for table in tables]  # fmt: skip

    before = contents()
    first = rehearse(database, order(catalogue), quiet)
    assert contents() == before
    assert first.state == "tried"
    assert first.is_good
    published = regenerate(database, order(catalogue), quiet).publication
    assert first.publication is not None
    assert published is not None
    assert first.publication.rows == published.rows == first.publication.new
    before = contents()
    other = rehearse(database, order(catalogue, source="series:2024-01-01/2024-02-01/7"), quiet)
    assert contents() == before
    assert not other.is_good
    assert "rows are less than 1/2" in str(other.reason)


def test_the_plan_fills_in_the_times_of_each_chunk(database, described, tmp_path):
    source = "'series:{start}/{stop}/7'"
    span = "{from: 2024-01-01, to: 2025-01-01}"
    template = described(source=source, span=span)
    plain = described(source=YEAR, span=span)
    regenerate(database, order(template), quiet)
    regenerate(database, order(plain), quiet)
    # Beyond the ends of the year the template finds data, the plain source none.
    inner = [row for row in rows_of(database, plain) if 2460312 < row[1] < 2460672]
    assert len(inner) > 100
    assert [row for row in rows_of(database, template) if 2460312 < row[1] < 2460672] == inner


def test_now_is_the_moment_of_the_run_less_the_delay(database, described):
    catalogue = described(
        source="'series:{start}/{stop}/7'", span="{from: 2024-01-01, to: now, delay: 36h}"
    )
    moment = datetime(2024, 3, 10, 12, tzinfo=UTC)
    run_id = regenerate(database, order(catalogue, moment), quiet).run_id
    span = "SELECT span_start, span_stop, state FROM epntap.run WHERE run_id = %s"
    assert ask(database, span, run_id) == [
        (datetime(2024, 1, 1), datetime(2024, 3, 9), "published")
    ]
    last = "SELECT max(span_stop) FROM epntap.chunk WHERE run_id = %s"
    assert ask(database, last, run_id) == [(datetime(2024, 3, 9),)]


def test_rows_point_to_the_run_that_made_them(database, described, tmp_path):
    file = tmp_path / "series.csv"
    hours = pd.date_range("2024-01-01", "2024-12-31T23:00", freq="h")
    samples = pd.DataFrame({"time": hours, "value": (hours.day_of_year % 7 == 3) * 3.0})
    write_series(file, samples)
    catalogue = described(source=str(file))
    first = regenerate(database, order(catalogue), quiet).run_id
    samples.loc[samples["time"] == "2024-06-10T05:00", "value"] = 9.0
    write_series(file, samples)
    second = regenerate(database, order(catalogue), quiet).run_id
    counts = f"SELECT run_id, count(*) FROM {catalogue.name}.epn_core GROUP BY 1 ORDER BY 2"
    assert dict(ask(database, counts)) == {second: 1, first: len(rows_of(database, catalogue)) - 1}
    known = "SELECT weights_sha256 IS NULL, source_sha256, pipeline_version FROM epntap.run"
    ((no_weights, digest, version),) = ask(database, known + " WHERE run_id = %s", second)
    assert (no_weights, version) == (True, "1.0")
    assert len(digest) == 64


def test_half_of_the_data_are_refused_and_the_catalogue_stays(database, described, tmp_path):
    file = tmp_path / "series.csv"
    hours = pd.date_range("2024-01-01", "2024-12-31T23:00", freq="h")
    samples = pd.DataFrame({"time": hours, "value": (hours.day_of_year % 7 == 3) * 3.0})
    write_series(file, samples)
    catalogue = described(source=str(file), accept="{rows_factor: 1.5}")
    regenerate(database, order(catalogue), quiet)
    before = rows_of(database, catalogue)
    write_series(file, samples[: len(samples) // 2])
    outcome = regenerate(database, order(catalogue), quiet)
    assert outcome.state == "refused"
    assert outcome.reason is not None
    assert "26 rows are less than 1/1.5 of the 52 rows" in outcome.reason
    assert rows_of(database, catalogue) == before
    state = "SELECT state, reason, row_count, gone_rows FROM epntap.run WHERE run_id = %s"
    assert ask(database, state, outcome.run_id) == [("refused", outcome.reason, 26, 26)]


def test_an_empty_result_never_replaces_a_catalogue(database, described, tmp_path):
    weights = tmp_path / "weights.json"
    weights.write_text('{"threshold": 2.2}', encoding="utf-8")
    catalogue = described(
        source=YEAR, options=f"{{weights: {weights}}}", accept="{rows_factor: null}"
    )
    regenerate(database, order(catalogue), quiet)
    before = rows_of(database, catalogue)
    weights.write_text('{"threshold": 1e9}', encoding="utf-8")
    outcome = regenerate(database, order(catalogue), quiet)
    assert (outcome.state, outcome.reason) == ("refused", "there is no row to publish")
    assert rows_of(database, catalogue) == before


def test_broken_weights_fail_the_run_and_the_catalogue_stays(database, described, tmp_path):
    weights = tmp_path / "weights.json"
    weights.write_text('{"threshold": 2.2}', encoding="utf-8")
    catalogue = described(source=YEAR, options=f"{{weights: {weights}}}")
    regenerate(database, order(catalogue), quiet)
    before = rows_of(database, catalogue)
    weights.write_text('{"threshold":', encoding="utf-8")
    outcome = regenerate(database, order(catalogue), quiet)
    assert outcome.state == "failed"
    assert outcome.reason is not None
    assert "weights weights.json cannot be used" in outcome.reason
    assert rows_of(database, catalogue) == before
    weights.write_text('{"threshold": 2.2}', encoding="utf-8")
    assert regenerate(database, order(catalogue), quiet).state == "unchanged"


def test_a_score_below_what_is_asked_for_is_refused_each_time(database, described, tmp_path):
    weights, labels = tmp_path / "weights.json", tmp_path / "labels.csv"
    weights.write_text('{"threshold": 2.2}', encoding="utf-8")
    score = (
        f"{{rows_factor: 5, score: {{source: '{YEAR}', labels: {labels}, key: f1_any, "
        "at_least: 0.9}}"
    )
    catalogue = described(source=YEAR, options=f"{{weights: {weights}}}", accept=score)
    regenerate_plain = described(source=YEAR, options=f"{{weights: {weights}}}")
    regenerate(database, order(regenerate_plain), quiet)
    known = pd.DataFrame({"id": [row[0] for row in rows_of(database, regenerate_plain)]})
    known.to_csv(labels, index=False)
    assert regenerate(database, order(catalogue), quiet).state == "published"
    weights.write_text('{"threshold": 3.0}', encoding="utf-8")
    for _ in range(2):
        # The second time all parts are there already, and are refused all the same.
        outcome = regenerate(database, order(catalogue), quiet)
        assert outcome.state == "refused"
        assert "f1_any is 0." in str(outcome.reason)
        assert "has to be 0.9" in str(outcome.reason)


def test_rows_that_break_a_rule_are_refused_or_left_out_as_the_plan_says(
    database, described, monkeypatch
):
    import crossings

    detect = crossings.detect
    first = detect(crossings.read(YEAR), None, 2.2, crossings.LONGEST)["id"][3]
    monkeypatch.setattr(
        crossings,
        "detect",
        lambda *given: detect(*given).assign(
            stop=lambda frame: frame["stop"].where(
                frame["id"] != first, pd.Timestamp("2023-01-01").as_unit("us")
            )
        ),
    )
    strict = described(source=YEAR)
    outcome = regenerate(database, order(strict), quiet)
    assert outcome.state == "refused"
    assert "1 violations of the rules of EPNcore: row 4" in str(outcome.reason)
    lenient = described(source=YEAR, accept="{dropped_rows: 1}")
    outcome = regenerate(database, order(lenient), quiet)
    assert outcome.state == "published"
    assert outcome.publication is not None
    assert len(outcome.publication.dropped) == 1


def test_a_failed_run_is_taken_up_where_it_stopped(database, described, tmp_path):
    journal = tmp_path / "journal"
    catalogue = described(source=YEAR, options=f"{{journal: {journal}}}")

    def stop_after_five(description: str, done: int, total: int) -> None:
        if description == "Chunks" and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        regenerate(database, order(catalogue), stop_after_five)
    assert len(computed(journal)) == 5
    state = "SELECT state, reason FROM epntap.run WHERE catalogue = %s"
    assert ask(database, state, catalogue.name) == [("failed", "KeyboardInterrupt")]
    assert regenerate(database, order(catalogue), quiet).state == "published"
    assert len(computed(journal)) == 13 - 5


def test_one_catalogue_has_one_run_at_a_time_and_it_can_be_cancelled(database, described):
    catalogue = described(source=YEAR)
    with database.publisher() as connection:
        run = begin(connection, stored(catalogue), moment=datetime.now(UTC))
        connection.commit()
    with pytest.raises(RunUnderWayError, match=f"run {run.run_id} is waiting"):
        regenerate(database, order(catalogue), quiet)
    assert cancel(database, catalogue.name) == run.run_id
    assert regenerate(database, order(catalogue), quiet).state == "published"
    with pytest.raises(RegenerationError, match="no run is under way"):
        cancel(database, catalogue.name)


def test_a_run_of_the_foreground_whose_process_is_gone_is_in_nobodys_way(database, described):
    catalogue = described(source=YEAR)
    with database.publisher() as connection:
        lost = begin(connection, stored(catalogue), moment=datetime.now(UTC), foreground=True)
        connection.commit()
    assert regenerate(database, order(catalogue), quiet).state == "published"
    state = "SELECT state, reason FROM epntap.run WHERE run_id = %s"
    assert ask(database, state, lost.run_id) == [("failed", "the process that did it is gone")]


def test_parts_that_no_version_needs_are_removed(database, described, tmp_path):
    weights = tmp_path / "weights.json"
    catalogue = described(
        source="series:2024-01-01/2024-07-01/7", options=f"{{weights: {weights}}}"
    )
    counts = []
    for threshold in (2.2, 2.0, 1.9, 1.8):
        weights.write_text(json.dumps({"threshold": threshold}), encoding="utf-8")
        assert regenerate(database, order(catalogue), quiet).state == "published"
        counts.append(len(keys_stored(database, catalogue)))
    assert counts == [7, 14, 14, 14]
    rollback(database, catalogue.name)
    assert regenerate(database, order(catalogue), quiet).state == "published"


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"source": "gone.csv"}, "there is no such file"),
        ({"source": YEAR, "pipeline": "crossing"}, "did you mean 'crossings'"),
        ({"source": YEAR, "options": "{wieghts: x}"}, "no option 'wieghts'"),
        ({"source": YEAR, "span": "{from: 2026-01-01, to: now}"}, "no time between"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(database, described, plan, said):
    with pytest.raises(UserError, match=said):
        regenerate(database, order(described(**plan)), quiet)
