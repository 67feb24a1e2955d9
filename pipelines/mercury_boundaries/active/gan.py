"""The detector of drift of the literature: a semi-supervised generative adversarial network.

After Julka et al. (2023, Machine Learning, Optimization, and Data Science, LOD): means over some
minutes of the north component of the field and of a cosine; a generator that goes on with ten of
them; a discriminator with one output for every drift that is known and one for what is generated.
Orbits for which no known drift is likely begin another one, and both networks learn again.

Its layers are narrower here (generator 20-128-256-2 in place of 20-128-4096-2, discriminator
2-128-128-64 in place of 2-1024-1024-512), and the optimizer is Adam. The authors' cosine is not
defined in what was read; here it is that of the angle between spacecraft and Sun. How unlikely the
drift that is on must be is set on simulated orbits without drift.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.mercury_boundaries.active.drift import BLOCK, Drifts

Values = NDArray[np.float32]

#: Rolling means that the generator goes on with.
SEQUENCE: Final = 10

#: Scale of the north component, nT.
_SCALE: Final = 20.0

#: Rounds of learning for a new drift and after another block of a known one, and samples a batch.
_FIRST_ROUNDS: Final = 80
_ROUNDS: Final = 25
_BATCH: Final = 64

#: Blocks of each drift that are remembered, the last ones.
_REMEMBERED: Final = 4


@dataclass
class DriftGan:
    """The two networks and what they have seen.

    Attributes
    ----------
    seed
        Of weights and batches.
    memory
        Rolling means of the last blocks of each known drift.
    """

    seed: int
    memory: list[list[list[Values]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the networks."""
        torch = require("torch")
        torch.manual_seed(self.seed)
        self._random = np.random.default_rng(self.seed)
        layers = torch.nn
        self._generator = layers.Sequential(
            layers.Linear(2 * SEQUENCE, 128),
            layers.Linear(128, 256),
            layers.ReLU(),
            layers.Linear(256, 2),
        )
        self._body = layers.Sequential(
            layers.Linear(2, 128),
            layers.Linear(128, 128),
            layers.ReLU(),
            layers.Linear(128, 64),
            layers.Sigmoid(),
        )
        self._head = layers.Linear(64, 1)
        self._adapt: tuple[Any, Any] | None = None

    def know(self, block: Sequence[Values], drift: int) -> None:
        """Take a block as one of a drift, a new one if its number is the next, and learn it.

        Parameters
        ----------
        block
            Rolling means of its orbits, shape (n, 2) each.
        drift
            Number.
        """
        fresh = drift == len(self.memory)
        if fresh:
            self.memory.append([])
            self._widen()
        self.memory[drift] = [*self.memory[drift], [_scaled(each) for each in block]][-_REMEMBERED:]
        self._learn(_FIRST_ROUNDS if fresh else _ROUNDS)

    def posterior(self, block: Sequence[Values]) -> NDArray[np.float64]:
        """Return the mean probability of each known drift, and last of none, over a block."""
        torch = require("torch")
        given = torch.from_numpy(np.concatenate([_scaled(each) for each in block]))
        with torch.inference_mode():
            said = torch.softmax(self._head(self._body(given)), dim=1)
        return np.asarray(said.mean(dim=0).numpy(), dtype=np.float64)

    def copy(self, seed: int) -> DriftGan:
        """Return networks that know the same and go on learning by themselves."""
        other = copy.deepcopy(self)
        other._random = np.random.default_rng(seed)
        return other

    def _widen(self) -> None:
        """Give the discriminator an output more; those of known drifts keep their weights."""
        torch = require("torch")
        old = self._head
        torch.manual_seed(int(self._random.integers(2**31)))
        self._head = torch.nn.Linear(64, old.out_features + 1)
        with torch.no_grad():
            kept = old.out_features - 1
            self._head.weight[:kept] = old.weight[:kept]
            self._head.bias[:kept] = old.bias[:kept]
        judges = [*self._body.parameters(), *self._head.parameters()]
        self._adapt = (
            torch.optim.Adam(judges, 2e-3, weight_decay=5e-4),
            torch.optim.Adam(self._generator.parameters(), 2e-3, weight_decay=5e-4),
        )

    def _learn(self, rounds: int) -> None:
        torch = require("torch")
        assert self._adapt is not None  # noqa: S101
        judge, forger = self._adapt
        none = len(self.memory)
        loss, square = torch.nn.functional.cross_entropy, torch.nn.functional.mse_loss
        for _ in range(rounds):
            before, after, labels = self._draw()
            judge.zero_grad()
            with torch.no_grad():
                forged = self._generator(before)
            generated = torch.full((len(forged),), none)
            wrong = loss(self._say(after), labels) + loss(self._say(forged), generated)
            wrong.backward()
            judge.step()
            forger.zero_grad()
            forged = self._generator(before)
            (loss(self._say(forged), labels) + square(forged, after)).backward()
            forger.step()

    def _say(self, values: Any) -> Any:
        return self._head(self._body(values))

    def _draw(self) -> tuple[Any, Any, Any]:
        """Return sequences, what follows each and its drift, as many of each drift."""
        torch = require("torch")
        before, after, labels = [], [], []
        for number in range(_BATCH):
            drift = number % len(self.memory)
            block = self.memory[drift][self._random.integers(len(self.memory[drift]))]
            orbit = block[self._random.integers(len(block))]
            start = self._random.integers(len(orbit) - SEQUENCE)
            before.append(orbit[start : start + SEQUENCE].ravel())
            after.append(orbit[start + SEQUENCE])
            labels.append(drift)
        return (
            torch.from_numpy(np.array(before)),
            torch.from_numpy(np.array(after)),
            torch.tensor(labels),
        )


def _scaled(rolling: Values) -> Values:
    return (rolling / np.array([_SCALE, 1.0], np.float32)).astype(np.float32)


def learn_known_drifts(groups: Sequence[Sequence[Values]], seed: int = 0) -> DriftGan:
    """Return networks that know groups of orbits, each as a drift of its own.

    Parameters
    ----------
    groups
        Rolling means of the orbits of each group.
    seed
        Of weights and batches.
    """
    gan = DriftGan(seed)
    for drift, group in enumerate(groups):
        for low in range(0, len(group), BLOCK):
            gan.know(group[low : low + BLOCK], drift)
    return gan


def find_drifts_by_gan(
    rolling: Sequence[Values],
    threshold: float,
    known: DriftGan,
    *,
    seed: int,
    block: int = BLOCK,
) -> Drifts:
    """Divide a sequence of orbits into drifts by the published method.

    Parameters
    ----------
    rolling
        Rolling means of each orbit (`prepare.rolling_means`), in order of time.
    threshold
        A block begins another drift when the probability of the one that is on is below one minus
        this: the likeliest of the known ones, or a new one if that nothing is known is likelier.
    known
        Networks that know some drifts already; they are copied.
    seed
        Of batches.
    block
        Orbits a block.

    Returns
    -------
    drifts
        Numbered from the first known drift on; the statistic is one minus the probability of the
        drift that is on.
    """
    count = len(rolling) // block
    labels = np.zeros(len(rolling), dtype=np.int64)
    statistic, alarms = np.full(count, np.nan), np.zeros(count, dtype=bool)
    gan = known.copy(seed)
    present = len(gan.memory)
    for number in range(count):
        low, high = number * block, (number + 1) * block
        mine = rolling[low:high]
        if number:
            said = gan.posterior(mine)
            statistic[number] = 1.0 - said[present]
            alarms[number] = statistic[number] > threshold
            if alarms[number]:
                present = _another(said, present)
        gan.know(mine, present)
        labels[low:high] = present
    labels[count * block :] = present
    return Drifts(labels, statistic, alarms)


def _another(said: NDArray[np.float64], present: int) -> int:
    """Return the likeliest drift but the present one, the next number for a new one."""
    others = said.copy()
    others[present] = -1.0
    return int(others.argmax())
