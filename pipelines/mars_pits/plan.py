"""How networks are trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """How a network is trained.

    Attributes
    ----------
    steps
        Batches.
    learning_rate
        Largest, after a short rise; it falls to zero as half a cosine.
    check_every
        Batches between two looks at the validation samples.
    classes
        How much the classes count beside rims and cores, see `model.loss`.
    window
        Pixels along a side of the windows that are cut from samples at random, a multiple of
        `model.MULTIPLE`; whole samples if `None`. Windows cut more objects at their edges, and
        bring every object to other places of the network's grid.
    mirror
        Whether mirror images are learnt from, of samples of which that is allowed.
    """

    steps: int = 900
    learning_rate: float = 3e-3
    check_every: int = 200
    classes: float = 0.5
    window: int | None = None
    mirror: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training, at the end of which the learning rate is zero.

    Attributes
    ----------
    pictures
        Numbers of those that are learnt from.
    plan
        How.
    crowded
        How many crowded ones are learnt from besides, see `simulate.picture`.
    """

    pictures: range
    plan: Plan
    crowded: int = 0
