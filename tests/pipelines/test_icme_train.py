"""What a network is trained on."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")

from pipelines.icme.features import FEATURES
from pipelines.icme.protocol import block_masks, fit_leaving
from pipelines.icme.simulate import simulate
from pipelines.icme.train import (
    BATCH,
    FIRST_SEED,
    SIMULATED_YEARS,
    batches,
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
