"""Interaction regions from probabilities, beside ejections; streams behind them; their scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from pipelines.errors import WeightsError
from pipelines.signals.calibration import Calibration
from pipelines.signals.events import EventRule, flags
from pipelines.sir.detect import Regions, decide_regions, interface_sample
from pipelines.sir.evaluate import (
    HeldOutRegions,
    candidate_rules,
    choose_rule,
    confusion,
    join,
    rule_values,
    sample_auc,
    score_regions,
)
from pipelines.sir.parameters import PARAMETERS_FILE, RegionParameters, read_parameters
from pipelines.sir.streams import (
    carrington,
    hourly_mean,
    recurrence_group,
    returns_of,
    stream_end,
    total_pressure,
)

RULE = EventRule(low=0.3, high=0.6, merge=12, shortest=12, longest=864)
NOTHING = np.empty((0, 2), dtype=np.int64)


def answers(samples: int, *regions: tuple[int, int, int], level: float = 0.9):
    """Return answers that are sure of regions (start, interface, end)."""
    probabilities = np.zeros((5, samples), dtype=np.float32)
    for first, interface, end in regions:
        probabilities[3, first:interface] = level
        probabilities[4, interface:end] = level
    probabilities[0] = 1 - probabilities.sum(axis=0)
    return probabilities


def all_usable(samples: int):
    return np.ones(samples, dtype=bool)


def test_a_clear_region_is_found_with_its_interface():
    found = decide_regions(answers(600, (200, 290, 400)), RULE, all_usable(600), NOTHING)
    assert np.abs(found.intervals - [[200, 400]]).max() <= 3
    assert found.interface.tolist() == [290]
    assert found.confidence[0] > 0.8


def test_the_division_of_a_region_needs_both_sides():
    assert interface_sample(answers(100, (0, 40, 100))) == 40
    assert interface_sample(answers(100, (0, 0, 100))) == 0


@settings(max_examples=50)
@given(data=st.data())
def test_no_sample_is_both_a_region_and_an_ejection(data):
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    probabilities = random.dirichlet(np.full(5, 0.3), size=400).T.astype(np.float32)
    probabilities = np.repeat(probabilities, 6, axis=1)[:, :1500]
    edges = np.sort(random.choice(1500, 6, replace=False)).reshape(-1, 2)
    found = decide_regions(probabilities, RULE, all_usable(1500), edges)
    assert not (flags(found.intervals, 1500) & flags(edges, 1500)).any()


def test_an_ejection_within_a_region_divides_it():
    found = decide_regions(
        answers(900, (100, 300, 800)), RULE, all_usable(900), np.array([[400, 500]])
    )
    assert found.intervals[:, 0].tolist()[1] == 500
    assert found.intervals[:, 1].tolist()[0] == 400


def test_true_events_found_as_the_other_kind_are_counted():
    regions, ejections = np.array([[0, 100], [200, 300]]), np.array([[400, 500], [600, 700]])
    counted = confusion(
        regions, ejections, np.array([[10, 90], [420, 480]]), np.array([[210, 290]])
    )
    assert counted["confusion"] == [[1, 1, 0], [1, 0, 1]]
    assert counted["confusion_rate"] == 0.5


def test_a_perfect_answer_has_perfect_scores():
    true = np.array([[200, 400]])
    found = Regions(true, np.array([290]), np.array([0.9]))
    scores = score_regions(true, np.array([290]), found, all_usable(600))
    assert scores["f1_samples"] == scores["f1_any"] == scores["tss"] == 1
    assert scores["interface_mae_h"] == 0


def held_out(*regions: tuple[int, int, int]) -> HeldOutRegions:
    intervals = np.array([[first, end] for first, _, end in regions])
    return HeldOutRegions(
        answers(1000, *regions),
        intervals,
        np.array([each[1] for each in regions]),
        NOTHING,
        all_usable(1000),
    )


def test_the_rule_chosen_on_clear_answers_finds_all():
    parts = [held_out((100, 200, 300)), held_out((400, 500, 700), (800, 840, 900))]
    rule = choose_rule([rule_values(each, RULE) for each in parts])
    assert rule in candidate_rules()
    found = decide_regions(parts[1].probabilities, rule, parts[1].usable, NOTHING)
    assert len(found.intervals) == 2


def test_samples_of_a_rule_are_counted_inside_and_outside_of_true_regions():
    part = held_out((100, 200, 300))
    for counts in rule_values(part, RULE):
        assert (counts.inside, counts.outside) == (200, 800)
        assert counts.tss == pytest.approx(counts.hits / 200 - counts.false / 800)
    both = counts + counts
    assert (both.inside, both.tss) == (400, pytest.approx(counts.tss))
    assert sample_auc(part) > 0.99


def test_joined_stretches_keep_their_events_apart():
    whole = join([held_out((100, 200, 300)), held_out((400, 500, 700))])
    assert whole.regions.tolist() == [[100, 300], [1400, 1700]]
    assert whole.interface.tolist() == [200, 1500]
    assert whole.probabilities.shape == (5, 2000)


def test_parameters_are_read_as_they_were_written_and_missing_ones_are_told(tmp_path):
    written = RegionParameters(RULE, Calibration(1.0, 0.2), {"folds": 5})
    written.write(tmp_path / PARAMETERS_FILE)
    assert read_parameters(tmp_path) == written
    with pytest.raises(WeightsError, match="no usable rule"):
        read_parameters(tmp_path / "nowhere")


def test_the_longitude_below_the_earth_is_that_of_the_almanac():
    # Meeus (1998), example 29.a: L0 = 238.63 degrees on 1992 October 13.0; the mean rotation that
    # is used here is off by the eccentricity of the orbit, two degrees at most.
    day = np.array(["1992-10-13"], dtype="datetime64[us]")
    rotation, below = carrington(day, np.array([0.0]))
    assert below[0] == pytest.approx(238.63, abs=2.5)
    ahead, west = carrington(day, np.array([10.0]))
    assert west[0] == pytest.approx(below[0] + 10)
    assert rotation[0] == ahead[0] == 1861


def test_a_group_lasts_six_rotations_and_thirty_degrees():
    assert recurrence_group("WIND", 2202, 119.0) == recurrence_group("WIND", 2207, 91.0)
    assert recurrence_group("WIND", 2202, 119.0) != recurrence_group("WIND", 2202, 121.0)


def test_a_region_returns_after_a_rotation_within_a_day_and_a_half():
    days = np.array([0.0, 10.0, 27.9, 60.0])
    times = np.datetime64("2019-01-01", "us") + (days * 86_400e6).astype("timedelta64[us]")
    assert returns_of(times, np.ones(4, dtype=bool)).tolist() == [-1, -1, 0, -1]


def test_a_stream_ends_where_half_of_its_rise_is_lost():
    speed = np.concatenate([np.full(100, 300.0), np.linspace(300, 600, 60), np.full(100, 600.0)])
    speed = np.concatenate([speed, np.linspace(600, 300, 301), np.full(100, 300.0)])
    stop = stream_end(speed, 90, 120, 170, len(speed))
    assert speed[stop] == pytest.approx(450, abs=2)
    assert stream_end(speed, 90, 120, 170, 300) == 300
    assert stream_end(np.full(600, np.nan), 90, 120, 170, 600) == 170


def test_the_total_pressure_of_known_wind():
    # 5 cm-3 at 1e5 K with electrons, and 5 nT: 0.01664 + 0.00995 nPa.
    value = total_pressure(np.array([5.0]), np.array([1e5]), np.array([5.0]))[0]
    assert value == pytest.approx(0.01664 + 0.00995, rel=1e-3)


def test_means_over_hours_leave_gaps_out():
    values = np.array([1.0, np.nan, 3.0] * 20)
    assert hourly_mean(values, 2)[20:40] == pytest.approx(2.0, abs=0.2)
    assert np.isnan(hourly_mean(np.full(30, np.nan), 2)).all()
