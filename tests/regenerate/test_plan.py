"""The key ``regenerate`` of a description, the grid of chunks, and the batches of work."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.catalogue import Description, read_catalogue
from epntap.errors import CatalogueError
from epntap.plugins import Span
from epntap.regenerate.chunks import batches, cut, hull
from epntap.regenerate.method import Method
from epntap.regenerate.plan import (
    RegenerationPlan,
    next_time,
    parse_duration,
    write_duration,
)

from .conftest import make_yaml, stored

DAY = timedelta(days=1)

times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))
durations = st.timedeltas(timedelta(minutes=1), timedelta(days=400))


def test_a_whole_plan_is_read_and_kept_as_it_was_written(tmp_path):
    path = make_yaml(
        tmp_path / "whole.yaml", "whole_plan", source="'speasy:wind/{start}/{stop}'",
        schedule="'0 3 * * *'", span="{from: 2019-01-01, to: now, delay: 2d}", chunk="30d",
        overlap="36h", queue="gpu", options="{weights: a.json}", retries=2, retry_after="90s",
        accept="{rows_factor: 1.5, dropped_rows: 3, score: {source: a, labels: b, key: f1, "
        "at_least: 0.5}}",
    )  # fmt: skip
    catalogue = read_catalogue(path)
    plan = catalogue.description.regenerate
    assert plan is not None
    assert plan.span is not None
    assert (plan.span.start, plan.span.stop, plan.span.delay) == (
        datetime(2019, 1, 1),
        "now",
        2 * DAY,
    )
    assert plan.overlap == timedelta(hours=36)
    assert plan.accept.score is not None
    assert plan.accept.score.at_least == 0.5
    assert plan.is_template
    assert Description.model_validate(stored(catalogue)) == catalogue.description


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"source": "x", "schedule": "'0 3 * *'"}, "five fields of cron"),
        ({"source": "x", "schedule": "'0 3 30 2 *'"}, "never comes"),
        ({"source": "x", "chunk": "30"}, "regenerate.chunk: '30' is not a duration"),
        ({"source": "x", "chunk": "1s"}, "a minute at least"),
        ({"source": "x", "span": "{from: 2020-01-01, to: 2019-01-01}"}, "later than 'from'"),
        ({"source": "x", "span": "{from: yesterday, to: now}"}, "'yesterday' is not a time"),
        ({"source": "'a/{start}/{stop}'"}, "needs a 'span'"),
        ({"source": "'a/{start}'"}, "both or none"),
        ({"source": "'a/{0}'"}, "both or none"),
        ({"source": "'a/{start.year}/{stop}'"}, "both or none"),
        ({"source": "'a/{start'"}, "source 'a/{start'"),
        ({"source": "x", "queue": "'a b'"}, "regenerate.queue"),
        ({"source": "x", "retrys": 3}, "did you mean 'retries'"),
        ({"source": "x", "accept": "{rows_factor: 0.5}"}, "rows_factor"),
        ({"source": "x", "accept": "{score: {key: f1}}"}, "this key is missing"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, keys, said):
    path = make_yaml(tmp_path / "wrong.yaml", "wrong", **keys)
    with pytest.raises(CatalogueError) as raised:
        read_catalogue(path)
    assert said in str(raised.value)
    assert f"{path}, line " in str(raised.value)


@given(st.integers(0, 10**9))
def test_durations_are_read_as_they_are_written(seconds):
    duration = timedelta(seconds=seconds)
    assert parse_duration(write_duration(duration)) == duration


@given(st.floats(0, 1e6, allow_nan=False))
def test_parts_of_seconds_survive_to_the_microsecond(seconds):
    duration = timedelta(seconds=seconds)
    assert abs(parse_duration(write_duration(duration)) - duration) <= timedelta(microseconds=1)


def test_a_time_with_an_offset_is_taken_to_utc():
    plan = RegenerationPlan.model_validate(
        {
            "pipeline": "p",
            "source": "s",
            "span": {"from": "2024-01-01T02:00+02:00", "to": "2024-02-01T00:00Z"},
        }
    )
    assert plan.span is not None
    assert (plan.span.start, plan.span.stop) == (datetime(2024, 1, 1), datetime(2024, 2, 1))


@settings(max_examples=200)
@given(times, st.timedeltas(timedelta(seconds=1), timedelta(days=3000)), durations)
def test_chunks_cover_a_span_without_gaps_on_a_grid_that_stays(start, length, size):
    # At most a thousand pieces.
    size = max(size, length / 1000)
    span = Span(start, start + length)
    chunks = cut(span, size)
    assert [chunk.number for chunk in chunks] == list(range(1, len(chunks) + 1))
    assert hull([chunk.span for chunk in chunks]) == span
    for before, after in itertools.pairwise(chunks):
        assert before.span.stop == after.span.start
    assert all(chunk.span.stop - chunk.span.start <= size for chunk in chunks)
    # A longer span has the same inner chunks.
    longer = {chunk.span for chunk in cut(Span(span.start - size, span.stop + size), size)}
    assert {chunk.span for chunk in chunks[1:-1]} <= longer


@given(st.sets(st.integers(1, 3000)), st.integers(1, 3000))
def test_batches_hold_each_chunk_once_and_only_neighbours(numbers, total):
    found = batches(numbers, max([total, *numbers]))
    assert sorted(number for batch in found for number in batch) == sorted(numbers)
    for batch in found:
        assert batch == tuple(range(batch[0], batch[0] + len(batch)))
        assert len(batch) <= 60


def test_five_hundred_chunks_make_fifty_items():
    assert len(batches(range(1, 501), 500)) == 50
    assert len(batches(range(1, 13), 12)) == 12


def test_schedules_are_in_utc_whatever_the_zone_of_the_clock():
    noon = datetime.fromisoformat("2024-03-30T23:30:00-05:00")
    assert next_time("0 3 * * *", noon) == datetime(2024, 4, 1, 3, tzinfo=UTC)
    assert next_time("*/15 * * * *", noon) == datetime(2024, 3, 31, 4, 45, tzinfo=UTC)


def test_a_source_is_asked_for_the_chunk_with_its_margins_and_never_for_the_future():
    plan = RegenerationPlan.model_validate(
        {
            "pipeline": "crossings",
            "source": "service:{start:%Y%m%d}/{stop}",
            "span": {"from": "2024-01-01", "to": "now", "delay": "1d"},
            "overlap": "5d",
        }
    )
    method = Method.of(plan, plan.source, datetime(2024, 3, 1, 12))
    assert method.margin == 5 * DAY
    wide = Span(datetime(2024, 1, 25), datetime(2024, 2, 24)).widened(method.margin)
    assert method.text(wide) == "service:20240120/2024-02-29T00:00:00"
    wide = Span(datetime(2024, 2, 24), datetime(2024, 2, 29, 12)).widened(method.margin)
    assert method.text(wide) == "service:20240219/2024-03-01T12:00:00"
