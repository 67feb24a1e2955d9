"""Detection in real time never looks ahead, and tells how late it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from pipelines.errors import PipelineError, WeightsError
from pipelines.icme.detect import first_sample
from pipelines.icme.evaluate import HeldOut
from pipelines.icme.features import REFERENCE
from pipelines.icme.model import WINDOW
from pipelines.icme.realtime import StreamRules, detect_in_real_time, read_stream_rules
from pipelines.icme.simulate import simulate
from pipelines.icme.streaming import stream_events, stream_inputs, streamed_probabilities
from pipelines.icme.timeliness import announcement_delays, choose_stream_rule, judge_stream
from pipelines.signals.events import EventRule

RULE = EventRule(low=0.3, high=0.6, merge=12, shortest=12)


@pytest.fixture(scope="module")
def wind():
    return simulate(seed=51, days=30, ejections_per_year=60).series


def until(series, present):
    """Return a series of which nothing from a sample on is known."""
    data = series.data.copy()
    data.iloc[present:] = np.nan
    return replace(series, data=data)


@settings(max_examples=5, deadline=None)
@given(present=st.integers(WINDOW, 4000))
def test_a_window_holds_nothing_that_is_measured_after_its_end(wind, present):
    ended = until(wind, present)
    ends = np.array([present])
    whole = stream_inputs(wind, REFERENCE).windows(ends, WINDOW)
    known = stream_inputs(ended, REFERENCE).windows(ends, WINDOW)
    assert (whole == known).all()


def test_answers_do_not_depend_on_what_comes_after_the_waiting_time(wind, detector):
    networks, first, present = detector.networks[:1], first_sample(wind), 2500
    ended = until(wind, present)
    whole, known = (
        streamed_probabilities(networks, stream_inputs(each, REFERENCE), first, [0.5, 6.0])
        for each in (wind, ended)
    )
    for wait, one, other in zip((0.5, 6.0), whole, known, strict=True):
        decided = present - round(wait * 6) - 3
        assert (one[:, :decided] == other[:, :decided]).all()


def answers(samples: int, *events: tuple[int, int]) -> np.ndarray:
    probabilities = np.zeros((5, samples), dtype=np.float32)
    for first, end in events:
        probabilities[2, first:end] = np.minimum(0.41 + 0.02 * np.arange(end - first), 0.95)
    probabilities[0] = 1 - probabilities[2]
    return probabilities


def test_an_event_is_announced_when_the_evidence_is_high_and_starts_where_it_began():
    found, announced = stream_events(answers(500, (100, 200)), RULE, np.ones(500, dtype=bool))
    assert found.tolist() == [[100, 200]]
    assert announced.tolist() == [110]


def test_close_runs_are_one_event_and_weak_ones_none():
    probabilities = answers(500, (100, 200), (205, 260), (400, 405))
    found, _ = stream_events(probabilities, RULE, np.ones(500, dtype=bool))
    assert found.tolist() == [[100, 260]]


def test_the_delay_is_that_of_the_announcement_and_the_wait():
    truth = HeldOut(answers(500, (100, 200)), np.array([[94, 214]]), np.ones(500, dtype=bool))
    scores = judge_stream(truth, RULE, wait=2.0).scores(2.0)
    assert (scores.f1, scores.precision, scores.recall) == (1, 1, 1)
    assert scores.delay_h == pytest.approx(16 / 6 + 2)
    assert scores.delay_fraction == pytest.approx((16 + 12) / 120)
    assert scores.published_fraction == pytest.approx((16 + 12) / 120)
    assert scores.start_mae_h == pytest.approx(1.0)


def test_a_run_that_began_before_an_event_tells_of_it_after_the_wait():
    truth = HeldOut(answers(500, (100, 260)), np.array([[200, 260]]), np.ones(500, dtype=bool))
    scores = judge_stream(truth, RULE, wait=2.0).scores(2.0)
    assert scores.delay_h == 2.0
    found, announced = stream_events(truth.probabilities, RULE, truth.usable)
    delays = announcement_delays(truth.true, found, announced + 12, 2.0)
    published = (110 + 12 - 200) / 60
    assert delays == {
        "delay_h": 2.0,
        "delay_fraction": pytest.approx(published),
        "delay_fraction_strict": pytest.approx(12 / 60),
    }
    assert scores.published_fraction == pytest.approx(published)
    nothing = announcement_delays(truth.true, found[:0], announced[:0], 2.0)
    assert np.isnan(list(nothing.values())).all()


def test_an_announcement_long_before_an_event_is_no_warning_of_it():
    usable = np.ones(500, dtype=bool)
    probabilities = answers(500, (100, 260))
    soon = judge_stream(HeldOut(probabilities, np.array([[140, 260]]), usable), RULE, 0.5)
    late = judge_stream(HeldOut(probabilities, np.array([[200, 260]]), usable), RULE, 0.5)
    assert soon.counts.f1 == late.counts.f1 == 1
    assert (soon.timely.f1, late.timely.f1) == (1, 0)
    assert (late.timely.n_false, late.timely.n_found) == (1, 0)


def test_judgements_of_several_series_are_pooled():
    usable = np.ones(500, dtype=bool)
    found = judge_stream(
        HeldOut(answers(500, (100, 200)), np.array([[94, 214]]), usable), RULE, 2.0
    )
    missed = judge_stream(HeldOut(answers(500), np.array([[94, 214]]), usable), RULE, 2.0)
    scores = (found + missed).scores(2.0)
    assert (scores.precision, scores.recall) == (1, 0.5)
    assert scores.delay_fraction == pytest.approx((16 + 12) / 120)
    nothing = missed.scores(2.0)
    assert nothing.f1 == 0
    assert np.isnan([nothing.delay_h, nothing.delay_fraction, nothing.start_mae_h]).all()


def test_the_rule_for_streaming_is_the_one_that_finds_most():
    usable = np.ones(900, dtype=bool)
    truth = HeldOut(answers(900, (100, 200), (500, 600)), np.array([[94, 214], [494, 614]]), usable)
    never = EventRule(low=0.3, high=0.99, merge=12, shortest=12)
    prompt = replace(RULE, high=0.5)

    def chosen(candidates, latest=np.inf, published=False):
        table = [judge_stream(truth, rule, 0.5) for rule in candidates]
        return candidates[choose_stream_rule([table], latest, published=published)]

    assert chosen([never, RULE]) == RULE
    assert chosen([RULE, prompt], latest=0.12) == prompt
    assert chosen([RULE, prompt], latest=0.01) == prompt
    assert chosen([RULE, prompt], latest=0.12, published=True) == prompt


def test_the_bound_of_the_delay_leaves_room_for_other_events():
    usable = np.ones(900, dtype=bool)
    truth = HeldOut(answers(900, (100, 200), (500, 600)), np.array([[94, 214], [440, 614]]), usable)
    judged = judge_stream(truth, RULE, 0.5)
    fractions = np.array([19 / 120, 73 / 174])
    assert judged.fraction == pytest.approx(fractions.mean())
    error = fractions.std(ddof=1) / np.sqrt(2)
    assert judged.fraction_above == pytest.approx(fractions.mean() + error)
    assert judged.published_fraction == pytest.approx((19 + 73) / (120 + 174))
    assert judged.published_fraction < judged.published_fraction_above < 1


def test_rules_for_real_time_are_read_as_they_were_written(tmp_path):
    rules = StreamRules((0.5, 8.0), (RULE, EventRule(0.5, 0.9, 6, 6, 1008)))
    rules.write(tmp_path)
    assert read_stream_rules(tmp_path) == rules
    assert rules.nearest(5.0) == rules.rules[1]
    prompt = StreamRules((0.5,), (EventRule(0.1, 0.2, 6, 6),))
    assert rules.replaced(prompt) == StreamRules((0.5, 8.0), (prompt.rules[0], rules.rules[1]))
    with pytest.raises(WeightsError, match="real time"):
        read_stream_rules(tmp_path / "nowhere")


def test_detection_in_real_time_announces_after_the_wait(wind, detector):
    found, announced = detect_in_real_time(
        wind, detector.single(0), RULE, 4.0, scaling=detector.scaling
    )
    assert len(found.intervals) == len(announced) > 0
    assert (announced >= found.intervals[:, 0] + 24).all()
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    with pytest.raises(PipelineError, match="cannot be given"):
        detect_in_real_time(wind, detector, RULE, 0.1, scaling=detector.scaling)


def test_a_long_event_ends_in_real_time_too():
    found, _ = stream_events(
        answers(3000, (100, 2500)), replace(RULE, longest=1008), np.ones(3000, dtype=bool)
    )
    assert found.tolist() == [[100, 1108]]
