"""What a network is trained on."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from pipelines.errors import LabelError
from pipelines.icme import pipeline
from pipelines.icme.features import FEATURES
from pipelines.icme.protocol import QUIET_SEED, QUIET_YEARS, block_masks, fit_leaving
from pipelines.icme.simulate import simulate
from pipelines.icme.train import (
    BATCH,
    FIRST_SEED,
    SIMULATED_YEARS,
    batches,
    label,
    label_simulation,
    time_blocks,
    validation_windows,
)
from pipelines.signals.training import TrainingPlan


@pytest.fixture(scope="module")
def labelled():
    return label_simulation(simulate(seed=31, days=120, ejections_per_year=40))


def test_batches_are_the_same_for_the_same_seed(labelled):
    first, again = (
        next(batches([labelled], [labelled], np.random.default_rng(1), 256)) for _ in range(2)
    )
    for one, other in zip(first, again, strict=True):
        assert (one == other).all()
    assert first[0].shape == (BATCH, len(FEATURES), 256)
    assert np.isfinite(first[0]).all()


def test_blocks_divide_the_series_without_overlap():
    blocks = np.array(time_blocks(1003, 5))
    assert (blocks.sum(axis=0) == 1).all()
    assert blocks.sum(axis=1).max() - blocks.sum(axis=1).min() <= 1


def test_nothing_of_a_held_out_block_can_be_seen_or_counts(labelled):
    block = time_blocks(len(labelled.classes), 5)[2]
    kept = labelled.keep(~block)
    assert (kept.inputs[:, block] == 0).all()
    assert (kept.weights[block] == 0).all()
    assert (kept.classes[block] == 0).all()
    assert (kept.inputs[:, ~block] == labelled.inputs[:, ~block]).all()


def test_training_batches_hold_no_value_of_a_held_out_block(labelled):
    block = time_blocks(len(labelled.classes), 3)[1]
    inputs = np.zeros_like(labelled.inputs)
    inputs[FEATURES.index("field_mask")] = inputs[FEATURES.index("plasma_mask")] = 1
    inputs[0] = np.where(block, 5.0, 0.0)  # a mark on everything that is held out
    marked = type(labelled)(inputs, labelled.classes, labelled.weights).keep(~block)
    random = np.random.default_rng(2)
    for windows, _, _ in itertools.islice(batches([marked], [marked], random, 256), 20):
        assert windows[:, 0].max() < 3


def without(simulation, *names):
    data = simulation.series.data.assign(**dict.fromkeys(names, np.nan))
    return label(replace(simulation.series, data=data), simulation.truth)


def test_a_series_without_temperature_is_learnt_from_with_its_plasma_masked():
    simulation = simulate(seed=32, days=60, ejections_per_year=40)
    whole, reduced = without(simulation), without(simulation, "tp", "bx", "by")
    assert (reduced.classes == whole.classes).all()
    assert (reduced.weights == whole.weights).all(), "field and speed are enough to learn from"
    for name in ("log_tp", "log_beta", "log_texrat", "unrest_6h", "bx", "plasma_mask"):
        assert (reduced.inputs[FEATURES.index(name)] == 0).all()
    for name in ("log_bt", "vt", "log_np", "bz", "field_mask"):
        row = FEATURES.index(name)
        assert (reduced.inputs[row] == whole.inputs[row]).all()


def test_some_training_windows_lose_the_channels_that_hourly_values_lack(labelled):
    mask, field = FEATURES.index("plasma_mask"), FEATURES.index("field_mask")
    drawn = itertools.islice(batches([labelled], [labelled], np.random.default_rng(3), 256), 40)
    windows = np.concatenate([inputs for inputs, _, _ in drawn])
    windows = windows[windows[:, field].any(axis=1)]
    reduced = ~windows[:, mask].any(axis=1)
    assert 0.15 < reduced.mean() < 0.35
    assert (windows[reduced][:, FEATURES.index("log_texrat")] == 0).all()
    assert (windows[reduced][:, FEATURES.index("log_bt")] != 0).any()


def test_a_series_that_decides_when_to_stop_must_have_all_channels(tmp_path):
    simulation = simulate(seed=33, days=30, ejections_per_year=60)
    labels = tmp_path / "labels.csv"
    simulation.truth.to_csv(labels, index=False)
    series = replace(simulation.series, data=simulation.series.data.assign(tp=np.nan))
    with pytest.raises(LabelError, match="no measurements of tp"):
        pipeline.train([series], [labels], tmp_path / "w")


def test_validation_windows_hold_every_sample_that_counts(labelled):
    block = time_blocks(len(labelled.classes), 4)[1]
    _, _, weights = validation_windows(labelled.keep(block), 256)
    assert weights.sum() >= labelled.weights[block].sum()


def test_training_on_blocks_gives_the_same_network_for_the_same_seed(labelled):
    plan = TrainingPlan(steps=2, check_every=1, warm_up=1)
    (one, report), (two, _) = (
        fit_leaving([labelled], [labelled], 0, 3, 5, plan, testing=1) for _ in range(2)
    )
    assert len(report.history) == 2
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        assert (first == second).all()


def test_masks_are_made_for_every_fold_and_series(labelled):
    masks = block_masks([labelled, labelled], 4)
    assert [len(fold) for fold in masks] == [2, 2, 2, 2]


def test_demonstrations_and_tests_never_use_a_seed_that_was_trained_on():
    from inspect import signature

    from pipelines.icme.report import SIMULATED_SEEDS

    trained = set(range(FIRST_SEED, FIRST_SEED + SIMULATED_YEARS))
    assert signature(simulate).parameters["seed"].default not in trained
    assert not trained.intersection(SIMULATED_SEEDS)
    assert not trained.intersection(range(QUIET_SEED, QUIET_SEED + QUIET_YEARS))
