"""Working span by span gives what working on everything at once gives."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from pipelines.contract import Span, SpanPipeline
from pipelines.icme import pipeline
from pipelines.icme.decide import LONGEST
from pipelines.icme.detect import STEP
from pipelines.icme.model import WINDOW
from pipelines.signals.events import EventRule, find_events
from pipelines.signals.rolling import rolling_moments
from pipelines.sources.grid import LONGEST_BRIDGE
from pipelines.sources.insitu import SAMPLES_PER_HOUR
from pipelines.sources.spans import SeriesInMemory, digest_within, to_datetime

START, STOP = datetime(2024, 1, 1), datetime(2024, 12, 31)


@pytest.fixture(scope="module")
def whole(simulated_year, detector):
    return pipeline.run(simulated_year.series)


def rows_of(source, spans):
    frames = [pipeline.run(source, span=span).frame for span in spans]
    return pd.concat([each for each in frames if len(each)], ignore_index=True)


def test_the_pipeline_offers_spans():
    assert isinstance(pipeline, SpanPipeline)


def test_the_margin_holds_everything_that_an_event_depends_on(detector):
    unrest, smoothing = 3 * SAMPLES_PER_HOUR, 3
    samples = WINDOW + LONGEST + detector.rule.merge + LONGEST_BRIDGE + unrest + smoothing
    assert pipeline.margin >= timedelta(hours=samples / SAMPLES_PER_HOUR)
    assert detector.rule.longest == LONGEST
    assert WINDOW % STEP == 0


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, 365 * 144 - 1), min_size=1, max_size=8, unique=True))
def test_the_rows_of_any_division_are_those_of_a_run_over_everything(simulated_year, whole, cuts):
    times = [START, *(START + timedelta(minutes=10 * cut) for cut in sorted(cuts)), STOP]
    spans = [Span(first, last) for first, last in itertools.pairwise(times)]
    pd.testing.assert_frame_equal(
        rows_of(simulated_year.series, spans), whole.frame, check_exact=True
    )


def test_months_of_a_year_give_the_rows_of_the_year(simulated_year, whole):
    months = [datetime(2024, month, 1) for month in range(1, 13)] + [STOP]
    spans = [Span(first, last) for first, last in itertools.pairwise(months)]
    opened = pipeline.open(simulated_year.series)
    pd.testing.assert_frame_equal(rows_of(opened, spans), whole.frame, check_exact=True)


def test_nothing_beyond_the_margin_is_looked_at(simulated_year, whole):
    series = simulated_year.series
    span = Span(datetime(2024, 5, 3, 1, 10), datetime(2024, 7, 1))
    first, last = span.start - pipeline.margin, span.stop + pipeline.margin
    spoilt = series.data.copy()
    outside = (series.time < np.datetime64(first)) | (series.time >= np.datetime64(last))
    spoilt.loc[outside, ["bt", "vt"]] = 3000.0
    from dataclasses import replace

    other = SeriesInMemory(replace(series, data=spoilt))
    opened = pipeline.open(series)
    around = Span(first, last)
    assert other.digest(around) == opened.digest(around)
    assert other.digest(Span(START, STOP)) != opened.digest(Span(START, STOP))
    pd.testing.assert_frame_equal(
        pipeline.run(other, span=span).frame, pipeline.run(opened, span=span).frame
    )


def test_a_span_without_any_measurement_has_no_rows(simulated_year, detector):
    found = pipeline.run(
        simulated_year.series, span=Span(datetime(2030, 1, 1), datetime(2030, 2, 1))
    )
    assert len(found.frame) == 0
    assert found.provenance.time_min == datetime(2030, 1, 1)


def test_a_digest_knows_values_and_times_but_not_where_the_series_was_cut(simulated_year):
    series = simulated_year.series
    part = series.between(series.time[1000], series.time[9000])
    span = Span(to_datetime(series.time[2000]), to_datetime(series.time[3000]))
    assert digest_within(part, span) == digest_within(series, span)
    changed = series.data.copy()
    changed.loc[2500, "vt"] += 0.01
    from dataclasses import replace

    assert digest_within(replace(series, data=changed), span) != digest_within(series, span)
    assert digest_within(replace(series, start=series.time[1]), span) != digest_within(series, span)


def test_simulated_wind_is_the_same_whatever_span_is_asked_and_however_far_it_has_got():
    short = pipeline.open("simulation:2024-01-01/2024-03-01/7")
    long = pipeline.open("simulation:2024-01-01/2026-06-01/7")
    span = Span(datetime(2024, 2, 1), datetime(2024, 2, 20))
    assert short.digest(span) == long.digest(span)
    across = Span(datetime(2024, 12, 20), datetime(2025, 1, 10))
    whole = long.series()
    assert whole is not None
    assert digest_within(whole, across) == long.digest(across)
    assert long.extent == Span(datetime(2024, 1, 1), datetime(2026, 6, 1))


def test_the_state_changes_with_the_weights(tmp_path, detector):
    from pipelines.icme.detect import write_detector

    networks = {"seed0": detector.networks[0]}
    write_detector(tmp_path, networks, detector.rule, detector.calibration, {})
    assert pipeline.state() == pipeline.state()
    assert len(pipeline.state()) == 64
    assert pipeline.state(weights=tmp_path) != pipeline.state()


def test_an_event_that_goes_on_for_ever_ends_after_the_longest():
    probability = np.full(500, 0.9)
    rule = EventRule(0.3, 0.7, merge=10, shortest=5, longest=100)
    assert find_events(probability, rule).tolist() == [[0, 100]]
    probability[250:270] = 0.0
    assert find_events(probability, rule).tolist() == [[0, 100], [270, 370]]


@given(
    values=st.lists(
        st.one_of(st.just(float("nan")), st.floats(-1e3, 1e3)), min_size=1, max_size=60
    ),
    half=st.integers(1, 6),
)
def test_rolling_moments_are_those_of_pandas_and_of_any_excerpt(values, half):
    series, width = np.array(values), 2 * half + 1
    mean, variance = rolling_moments(series, width)
    rolling = pd.Series(series).rolling(width, center=True, min_periods=3)
    assert mean == pytest.approx(rolling.mean().to_numpy(), abs=1e-6, nan_ok=True)
    assert variance == pytest.approx(rolling.var().to_numpy(), rel=1e-6, abs=1e-3, nan_ok=True)
    if len(series) > 4 * half + 1:
        part, _ = rolling_moments(series[half:], width)
        same = (part[half:] == mean[2 * half :]) | np.isnan(part[half:])
        assert same.all()


def test_a_window_without_a_middle_is_refused():
    with pytest.raises(ValueError, match="no middle"):
        rolling_moments(np.zeros(5), 4)
