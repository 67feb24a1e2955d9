"""The curve of scores over the amount of real data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from pipelines.icme import learning
from pipelines.icme.evaluate import HeldOut
from pipelines.icme.learning import (
    count_events,
    kept_samples,
    learning_curve,
    learning_lines,
    plain_points,
    sample_auc,
)
from pipelines.icme.leftout import Answers, RealSeries
from pipelines.icme.simulate import simulate
from pipelines.icme.train import label_simulation

ROTATION = round(27.27 * 24 * 6)


@pytest.fixture(scope="module")
def years() -> list[RealSeries]:
    several = []
    for seed in (61, 62, 63):
        year = simulate(seed=seed, days=60, ejections_per_year=60)
        several.append(RealSeries(f"year {seed}", year.series, year.truth, year.regions, True))
    return several


def perfect_answers(years: list[RealSeries]) -> Answers:
    said = [np.eye(5, dtype=np.float32)[:, each.labelled().classes] for each in years]
    numbers = range(len(years))
    return Answers(
        {number: [said[number]] for number in numbers},
        {out: {other: said[other] for other in numbers if other != out} for out in numbers},
    )


@given(
    rotations=st.integers(1, 30),
    fractions=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seed=st.integers(0, 9),
)
def test_more_data_hold_all_that_fewer_hold(rotations, fractions, seed):
    samples = rotations * ROTATION
    less, more = (kept_samples(samples, each, seed) for each in sorted(fractions))
    assert not (less & ~more).any()
    for kept, fraction in zip((less, more), sorted(fractions), strict=True):
        blocks = kept.reshape(rotations, ROTATION)
        assert (blocks.all(axis=1) | ~blocks.any(axis=1)).all()
        assert blocks.any(axis=1).sum() == np.ceil(fraction * rotations)


def test_events_of_all_and_of_no_data_are_counted(years):
    samples = len(years[0].series)
    assert count_events(years[0], np.zeros(samples, dtype=bool)) == 0
    assert count_events(years[0], np.ones(samples, dtype=bool)) == len(years[0].ejections)


def test_the_area_under_the_curve_is_one_for_perfect_and_a_half_for_constant_answers(years):
    perfect = years[0].held_out(perfect_answers(years).outer[0][0])
    assert sample_auc(perfect) > 0.99
    constant = np.full_like(perfect.probabilities, 0.2)
    assert sample_auc(HeldOut(constant, perfect.true, perfect.usable)) == 0.5


def test_networks_learn_from_parts_and_nothing_real_at_zero(years, tmp_path, monkeypatch):
    simulated = label_simulation(simulate(seed=64, days=30, ejections_per_year=60))
    monkeypatch.setattr(learning, "training_simulations", lambda: [simulated])
    taught = []
    original = learning.fit_fully

    def watched(training, simulated, *, seed, steps):
        taught.append([float(each.weights.mean()) for each in training])
        return original(training, simulated, seed=seed, steps=steps)

    monkeypatch.setattr(learning, "fit_fully", watched)
    points = learning_curve(
        years,
        [],
        perfect_answers(years),
        networks=tmp_path,
        fractions=(0.0, 0.3),
        steps=2,
    )
    # One network without real data for all series, then one for each series left out.
    assert [len(each) for each in taught] == [0, 2, 2, 2]
    assert all(share < 0.6 for each in taught for share in each)
    assert [each.fraction for each in points] == [0.0, 0.3, 1.0]
    assert points[0].events == 0 < points[1].events < points[2].events
    assert points[2].scores["f1_any"] == 1
    assert points[2].auc > 0.99
    assert len(list(tmp_path.glob("part*.safetensors"))) == 4
    lines = learning_lines(plain_points(points))
    assert len(lines) == 5
    assert lines[2].startswith("| 0 % | 0 | 0 |")
    assert lines[-1].startswith("| 100 % |")
