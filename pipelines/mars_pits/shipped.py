"""Train the weights that come with the package: ``python -m pipelines.mars_pits.shipped``.

They learn from rendered pictures alone: no labelled images of pits could be had whose licence
allows it. Rules are chosen on other pictures; those of the README's scores are seen nowhere here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.errors import PipelineError, require
from pipelines.mars_pits.classes import CLASSES, NEGATIVES
from pipelines.mars_pits.samples import Sample, sample_of
from pipelines.mars_pits.simulate import Purpose, picture
from pipelines.mars_pits.weights import SHIPPED_WEIGHTS, Member, network_file, write_weights

if TYPE_CHECKING:
    from pipelines.images.network import UNet
    from pipelines.mars_pits.instances import Rule

#: Pictures that are learnt from, and that rules are chosen by.
TRAINING, VALIDATION = 1000, 120
NETWORKS = 5
#: Pictures that are kept in one file, and those that losses are told of while a network learns.
_CHUNK, _LOOKED_AT = 20, 64


def rendered(
    purpose: Purpose, count: int, *, cache: Path | None = None, progress: Progress = silent
) -> list[Sample]:
    """Return the first pictures of a purpose as samples.

    Parameters
    ----------
    purpose
        What they are for.
    count
        How many.
    cache
        A folder where they are kept and looked for first.
    progress
        Told after some of them.
    """
    samples: list[Sample] = []
    for first in range(0, count, _CHUNK):
        path = None if cache is None else cache / f"{purpose}_{first:05d}.npz"
        if path is not None and path.is_file():
            samples += _kept(path)
        else:
            numbers = range(first, first + _CHUNK)
            made = [_rounded(sample_of(picture(purpose, n), CLASSES)) for n in numbers]
            if path is not None:
                _keep(made, path)
            samples += made
        progress(f"rendering {purpose} pictures", min(first + _CHUNK, count), count)
    return samples[:count]


def _rounded(sample: Sample) -> Sample:
    """Return a sample as it is kept, so that it makes no difference whether it was."""
    cover = (np.round(sample.cover * 255.0) / 255.0).astype(np.float32)
    return Sample(sample.name, sample.pixels, cover, sample.numbers, sample.kinds)


def _keep(samples: Sequence[Sample], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        names=np.array([each.name for each in samples]),
        kinds=np.array([json.dumps(each.kinds) for each in samples]),
        pixels=np.array([each.pixels for each in samples]).astype(np.uint16),
        cover=np.round(np.array([each.cover for each in samples]) * 255.0).astype(np.uint8),
        numbers=np.array([each.numbers for each in samples]).astype(np.uint8),
    )


def _kept(path: Path) -> list[Sample]:
    with np.load(path) as kept:
        names, kinds = kept["names"], kept["kinds"]
        arrays = zip(kept["pixels"], kept["cover"], kept["numbers"], strict=True)
        return [
            Sample(
                str(name),
                pixels.astype(float),
                (cover / 255.0).astype(np.float32),
                numbers.astype(np.int32),
                tuple(json.loads(str(each))),
            )
            for name, each, (pixels, cover, numbers) in zip(names, kinds, arrays, strict=True)
        ]


def train_network(
    training: Sequence[Sample],
    validation: Sequence[Sample],
    *,
    seed: int,
    steps: int,
    path: Path,
    progress: Progress = silent,
) -> None:
    """Train one network and write it to a file."""
    from pipelines.images.network import save_network
    from pipelines.mars_pits.train import Plan, fit

    network, _ = fit(
        training,
        validation[:_LOOKED_AT],
        len(CLASSES),
        seed=seed,
        plan=Plan(steps=steps),
        progress=progress,
    )
    save_network(network, path, half=True)


def gather(
    paths: Sequence[Path],
    validation: Sequence[Sample],
    output: Path,
    *,
    progress: Progress = silent,
) -> None:
    """Choose the rule of each network, and put all of them together.

    Parameters
    ----------
    paths
        Of the networks.
    validation
        What rules are chosen by.
    output
        Folder of weights.
    progress
        Told after each network.
    """
    from pipelines.images.network import load_network
    from pipelines.mars_pits.choose import choose_rule
    from pipelines.mars_pits.instances import quantised
    from pipelines.mars_pits.model import mean_maps

    networks = [load_network(path)[0] for path in paths]
    ready = [each.folded() for each in networks]

    def chosen(several: Sequence[UNet]) -> tuple[Rule, float]:
        maps = [quantised(mean_maps(several, each.pixels)) for each in validation]
        return choose_rule(maps, validation, CLASSES, NEGATIVES)

    members = []
    for seed, each in enumerate(ready):
        members.append(Member(network_file(seed), *chosen([each])))
        progress("rules", seed + 1, len(paths))
    write_weights(
        output,
        networks,
        members,
        classes=CLASSES,
        negatives=NEGATIVES,
        simulated=True,
        together=chosen(ready)[0] if len(ready) > 1 else None,
    )


def main() -> int:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the weights of the package.")
    parser.add_argument("--output", type=Path, default=SHIPPED_WEIGHTS)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is half done")
    parser.add_argument("--networks", type=int, default=NETWORKS)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--training", type=int, default=TRAINING, help="pictures")
    parser.add_argument("--validation", type=int, default=VALIDATION, help="pictures")
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        if done % 50 == 0 or done == total:
            print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)

    try:
        cache = arguments.work / "pictures"
        validation = rendered("validation", arguments.validation, cache=cache, progress=tell)
        training = rendered("training", arguments.training, cache=cache, progress=tell)
        paths = [
            arguments.work / f"network{seed}" / network_file(seed)
            for seed in range(arguments.networks)
        ]
        for seed, path in enumerate(paths):
            if not path.is_file():  # else it was interrupted after this
                train_network(
                    training,
                    validation,
                    seed=seed,
                    steps=arguments.steps,
                    path=path,
                    progress=tell,
                )
        gather(paths, validation, arguments.output, progress=tell)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
