"""Train weights: those that come with the package, ``python -m pipelines.mars_mounds.shipped``.

They learn from simulation alone: labelled height models could not be had. Five networks for height
models and five for shaded pictures, each with sites of its own; then, on sites that none of them
learnt from, the rules of detection are chosen.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.errors import PipelineError, require
from pipelines.images.network import UNet, load_network, save_network
from pipelines.mars_mounds.choose import SITES as RULE_SITES
from pipelines.mars_mounds.choose import choose
from pipelines.mars_mounds.detect import SHIPPED_WEIGHTS
from pipelines.mars_mounds.evaluate import read_truth
from pipelines.mars_mounds.model import height_network, mound_loss, picture_network
from pipelines.mars_mounds.rules import FILE, read_rules, write_rules
from pipelines.mars_mounds.simulate import Site, simulate_site
from pipelines.mars_mounds.source import SIMULATION, open_terrain
from pipelines.mars_mounds.train import (
    SITES,
    STEPS,
    TRAINING_SEED,
    VALIDATION_SEED,
    WINDOW,
    Ground,
    Inputs,
    batches,
    fit,
    ground_of,
    ground_of_labels,
    ground_of_picture,
    picture_inputs,
    shape_inputs,
    training_sites,
)

#: Networks of either kind.
NETWORKS = 5

#: Sites that the loss is watched on while training.
_WATCHED_SITES = 10


#: Rules are chosen on sites that the loss was not watched on either.
_RULE_SEED = VALIDATION_SEED + 500


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained.

    Attributes
    ----------
    kind
        ``heights`` or ``pictures``.
    first, networks
        Number of the first network, and how many with consecutive numbers.
    steps, sites, rule_sites
        Batches of each; simulated sites to learn from, and to choose the rules on.
    """

    kind: str
    first: int = 0
    networks: int = NETWORKS
    steps: int = STEPS
    sites: int = SITES
    rule_sites: int = RULE_SITES


def train_one(
    kind: str,
    number: int,
    *,
    steps: int = STEPS,
    sites: int = SITES,
    labelled: Sequence[Ground] = (),
    progress: Progress = silent,
) -> UNet:
    """Train one network on simulated sites and whatever else is labelled.

    Parameters
    ----------
    kind
        ``heights`` or ``pictures``.
    number
        Seed of the weights, of the batches and of the sites.
    steps, sites
        Batches, and sites to learn from.
    labelled
        Learnt from as often as the sites of simulation together, where there are any.
    progress
        Told of sites and of validations.
    """
    task = _task(kind, number)
    grounds = training_sites(number, sites, task.prepare, progress)
    grounds += list(labelled) * max(1, len(grounds) // max(len(labelled), 1))
    watched = [
        task.prepare(simulate_site(VALIDATION_SEED + each)) for each in range(_WATCHED_SITES)
    ]
    fit(
        task.network, grounds, watched, seed=number, inputs=task.inputs, steps=steps,
        progress=progress,
    )  # fmt: skip
    return task.network


@dataclass(frozen=True)
class _Task:
    """An untrained network, and what it is shown of a site."""

    network: UNet
    prepare: Callable[[Site], Ground]
    inputs: Inputs


def _task(kind: str, number: int) -> _Task:
    require("torch").manual_seed(number)
    if kind == "heights":
        return _Task(height_network(), ground_of, shape_inputs)
    return _Task(picture_network(), ground_of_picture, picture_inputs)


def fingerprint(kind: str, number: int, labelled: Sequence[Ground] = ()) -> str:
    """Return a digest of what a network would learn from, so that none is trained twice.

    Of one batch and of the loss of the untrained network on it: it changes with simulator, bands,
    targets, loss and size of the network.

    Parameters
    ----------
    kind, number, labelled
        As for `train_one`.
    """
    torch = require("torch")
    task = _task(kind, number)
    grounds = [task.prepare(simulate_site(TRAINING_SEED + 1000 * number, size=2 * WINDOW))]
    drawn = next(batches(grounds, np.random.default_rng(number), task.inputs, batch=2))
    with torch.no_grad():
        tensors = [torch.from_numpy(each) for each in drawn]
        loss = float(mound_loss(task.network(tensors[0]), tensors[1], tensors[2]))
    digest = hashlib.sha256(f"{loss:.3f}".encode())
    # Rounded: other processors add in another order.
    for values in (*drawn, *(part for each in labelled for part in (each.heights, each.targets))):
        digest.update(np.round(np.asarray(values, dtype=np.float64), 3).tobytes())
    return digest.hexdigest()


def train_networks(
    plan: Plan,
    inputs: Sequence[str | Path] = (),
    labels: Sequence[Path] = (),
    output: Path = SHIPPED_WEIGHTS,
    *,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train networks, write them, and choose and write their rules.

    Each network is written when it is trained; one that is in the folder already, of the same plan
    and data, is kept, so that an interrupted training goes on.

    Parameters
    ----------
    plan
        What.
    inputs, labels
        Labelled height models to learn from besides.
    output
        Folder for weights and rules.
    progress
        Told how the work goes on.

    Returns
    -------
    report
        Plan, labelled rasters and rules; plain values.

    Raises
    ------
    PipelineError
        If inputs or labels cannot be used, or nothing can be written.
    """
    labelled = labelled_grounds(inputs, labels)
    for number in range(plan.first, plan.first + plan.networks):
        path = output / f"{plan.kind}_{number}.safetensors"
        metadata = {
            "kind": plan.kind,
            "seed": str(number),
            "steps": str(plan.steps),
            "sites": str(plan.sites),
            "learnt_from": fingerprint(plan.kind, number, labelled),
        }
        if path.is_file() and load_network(path)[1] == metadata:
            progress(f"{path.name} is there already", number + 1, plan.first + plan.networks)
            continue
        network = train_one(
            plan.kind, number, steps=plan.steps, sites=plan.sites, labelled=labelled,
            progress=progress,
        )  # fmt: skip
        save_network(network, path, metadata, half=True)
    rules = choose_rules(plan.kind, output, sites=plan.rule_sites, progress=progress)
    return {**asdict(plan), "labelled": len(labelled), "rules": rules}


def labelled_grounds(inputs: Sequence[str | Path], labels: Sequence[Path]) -> list[Ground]:
    """Read labelled height models.

    Raises
    ------
    PipelineError
        If one cannot be used.
    """
    made = []
    for source, truth in zip(inputs, labels, strict=True):
        if str(source).startswith(SIMULATION):
            continue
        with open_terrain(source, kind="heights") as terrain:
            rows, cols = terrain.raster.shape
            heights = terrain.raster.read(slice(0, rows), slice(0, cols))[0]
            made.append(ground_of_labels(heights, terrain.pixel, read_truth(truth, terrain).labels))
    return made


def choose_rules(
    kind: str, folder: Path, *, sites: int = RULE_SITES, progress: Progress = silent
) -> dict[str, Any]:
    """Choose the rules for the networks of a folder and write them there, beside other ones."""
    paths = sorted(folder.glob(f"{kind}_*.safetensors"))
    networks = [load_network(path)[0] for path in paths]
    kept = read_rules(folder) if (folder / FILE).is_file() else {}
    found = choose(
        "heights" if kind == "heights" else "pictures",
        networks,
        first_seed=_RULE_SEED,
        sites=sites,
        progress=progress,
    )
    write_rules(folder, {**kept, kind: found})
    return asdict(found)


def main() -> int:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the weights of the package.")
    parser.add_argument("--output", type=Path, default=SHIPPED_WEIGHTS)
    parser.add_argument("--kinds", nargs="*", default=["heights", "pictures"])
    parser.add_argument("--first", type=int, default=0, help="number of the first network")
    parser.add_argument("--networks", type=int, default=NETWORKS, help="how many; 0: only rules")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)

    try:
        for kind in arguments.kinds:
            plan = Plan(kind, arguments.first, arguments.networks, arguments.steps)
            print(train_networks(plan, output=arguments.output, progress=tell))
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
