"""Leaving one series out after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from pipelines.icme import crossing
from pipelines.icme.baselines import forest_answers, threshold_answers
from pipelines.icme.crossed import crossed_scores
from pipelines.icme.crossing import kept_network, network_name
from pipelines.icme.evaluate import Scored, score_together
from pipelines.icme.leftout import Answers, RealSeries, read_answers, write_answers
from pipelines.icme.simulate import simulate
from pipelines.icme.train import label_simulation


@pytest.fixture(scope="module")
def years() -> list[RealSeries]:
    several = []
    for seed in (61, 62, 63):
        year = simulate(seed=seed, days=60, ejections_per_year=60)
        several.append(RealSeries(f"year {seed}", year.series, year.truth, year.regions, True))
    return several


@pytest.fixture
def one_simulated_year(monkeypatch):
    year = label_simulation(simulate(seed=64, days=30, ejections_per_year=60))
    monkeypatch.setattr(crossing, "training_simulations", lambda: [year])


def test_every_series_is_answered_for_by_networks_that_never_saw_it(
    years, one_simulated_year, monkeypatch
):
    taught = []
    original = crossing.fit_fully

    def watched(training, simulated, *, seed, steps):
        taught.append(len(training))
        return original(training, simulated, seed=seed, steps=steps)

    monkeypatch.setattr(crossing, "fit_fully", watched)
    answers = crossing.cross(years, [], seeds=(0, 1), inner_seeds=(10,), steps=2)
    assert taught == [2] * 6 + [1] * 3
    assert {out: len(each) for out, each in answers.outer.items()} == {0: 2, 1: 2, 2: 2}
    assert {out: set(each) for out, each in answers.inner.items()} == {
        0: {1, 2},
        1: {0, 2},
        2: {0, 1},
    }
    for out, several in answers.outer.items():
        assert all(each.shape == (5, len(years[out].series)) for each in several)


def test_nothing_of_a_series_left_out_changes_its_networks(years, one_simulated_year):
    spoilt = years[0].series.data.assign(bt=50.0)
    other = [replace(years[0], series=replace(years[0].series, data=spoilt)), *years[1:]]
    networks = []
    for several in (years, other):
        labelled = [each.labelled() for each in several[1:]]
        simulated = crossing.training_simulations()
        networks.append(crossing.fit_fully(labelled, simulated, seed=3, steps=2))
    for one, two in zip(*(each.parameters() for each in networks), strict=True):
        assert (one == two).all()


def test_kept_networks_are_not_trained_again(tmp_path, detector):
    name = network_name((0, 2), 11)
    assert name == "without02_seed11.safetensors"
    kept_network(tmp_path, name, lambda: detector.networks[0])
    again = kept_network(tmp_path, name, partial(pytest.fail, "trained again"))
    for one, two in zip(again.parameters(), detector.networks[0].parameters(), strict=True):
        assert (one == two).all()


def test_answers_are_read_as_they_were_written(tmp_path):
    random = np.random.default_rng(5)
    made = Answers(
        {0: [random.random((5, 9), dtype=np.float32)] * 2, 1: [np.zeros((5, 4), np.float32)]},
        {0: {1: np.ones((5, 4), np.float32)}, 1: {0: random.random((5, 9), dtype=np.float32)}},
    )
    write_answers(made, tmp_path / "answers.npz")
    read = read_answers(tmp_path / "answers.npz")
    assert {out: len(each) for out, each in read.outer.items()} == {0: 2, 1: 1}
    assert read.outer[0][1] == pytest.approx(made.outer[0][1], abs=1e-3)
    assert read.inner[1][0] == pytest.approx(made.inner[1][0], abs=1e-3)


def test_the_scores_of_perfect_answers_are_perfect(years):
    perfect = []
    for each in years:
        codes = each.labelled().classes
        perfect.append(np.eye(5, dtype=np.float32)[:, codes])
    numbers = range(len(years))
    answers = Answers(
        {number: [perfect[number]] * 2 for number in numbers},
        {out: {other: perfect[other] for other in numbers if other != out} for out in numbers},
    )
    scores = crossed_scores(years, answers)
    assert scores["pooled"]["f1_any"] == 1
    assert scores["pooled"]["start_mae_h"] < 0.5
    assert set(scores["series"]) == {each.name for each in years}
    assert scores["spread"]["f1_any"] == (1, 0)


def test_series_scored_together_count_every_event_once():
    usable = np.ones(100, dtype=bool)
    one = Scored(np.array([[10, 20]]), np.array([[12, 22]]), usable)
    two = Scored(np.array([[-5, 10], [90, 120]]), np.empty((0, 2), dtype=np.int64), usable)
    scores = score_together([one, two])
    assert (scores["n_true"], scores["n_found"], scores["n_detected"]) == (3, 1, 1)


def test_the_baselines_find_simulated_ejections_better_than_chance(years):
    for answers in (threshold_answers(years), forest_answers(years, seeds=[0])):
        assert crossed_scores(years, answers)["pooled"]["tss"] > 0.2
