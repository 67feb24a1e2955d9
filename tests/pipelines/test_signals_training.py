"""The training loop, on a problem that takes a moment."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pipelines.signals.training import TrainingPlan, fix_seeds, train_network  # noqa: E402

PLAN = TrainingPlan(steps=200, learning_rate=0.05, warm_up=5, check_every=10, memory=0.5)


def squared(outputs, targets, weights):
    return (((outputs - targets) ** 2) * weights).mean()


def lines(random):
    while True:
        x = random.normal(size=(16, 1)).astype(np.float32)
        yield x, 2 * x + 1, np.ones_like(x)


def trained(seed, validate=None, plan=PLAN):
    random = fix_seeds(seed)
    network = torch.nn.Linear(1, 1)
    x = torch.linspace(-1, 1, 9).unsqueeze(1)

    def held_out(current):
        return float(squared(current(x), 2 * x + 1, torch.ones_like(x)))

    report = train_network(network, lines(random), squared, validate or held_out, plan)
    return network, report


def test_a_line_is_learnt():
    network, report = trained(1)
    assert report.best_loss < 1e-3
    assert network.weight.item() == pytest.approx(2, abs=0.1)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = trained(1)[0], trained(1)[0], trained(2)[0]
    assert first.weight.item() == again.weight.item() != other.weight.item()


def test_training_stops_early_and_keeps_the_best_state():
    losses = iter([3.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    seen = []

    def validate(network):
        seen.append(network.weight.item())
        return next(losses)

    plan = TrainingPlan(steps=200, warm_up=5, check_every=10, patience=2, settled=0.0)
    network, report = trained(1, validate, plan)
    assert report.best_step == 20
    assert report.history[-1][0] == 40
    assert network.weight.item() == seen[1]


def test_no_state_is_kept_before_training_has_settled():
    losses = iter([0.1, 0.2, 3.0, 1.0, 2.0, 2.0])
    plan = TrainingPlan(steps=60, warm_up=5, check_every=10, patience=9, settled=0.5)
    _, report = trained(1, lambda _: next(losses), plan)
    assert (report.best_step, report.best_loss) == (40, 1.0)
    assert len(report.history) == 6
