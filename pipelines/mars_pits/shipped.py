"""Train the weights that come with the package: ``python -m pipelines.mars_pits.shipped``.

They learn from rendered pictures alone: no labelled images of pits could be had whose licence
allows it. Rules are chosen on other pictures; those of the README's scores are seen nowhere here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.errors import PipelineError, require
from pipelines.mars_pits.classes import CLASSES, NEGATIVES
from pipelines.mars_pits.plan import Plan, Stage
from pipelines.mars_pits.samples import Sample, sample_of
from pipelines.mars_pits.simulate import Purpose, picture
from pipelines.mars_pits.weights import SHIPPED_WEIGHTS, Member, network_file, write_weights

if TYPE_CHECKING:
    from pipelines.images.network import UNet
    from pipelines.mars_pits.instances import Rule

#: Pictures that rules are chosen by.
VALIDATION = 240
NETWORKS = 5
_AGAIN = Plan(steps=700, learning_rate=1.5e-3, classes=1.0, window=112, mirror=True)
#: What a network goes through; the learning rate rises again from one to the next (Loshchilov and
#: Hutter 2017, arXiv:1608.03983).
STAGES = (
    Stage(range(1000), Plan(steps=2000)),
    Stage(range(2500), replace(_AGAIN, steps=1000, learning_rate=2e-3)),
    Stage(range(1000, 2500), _AGAIN, crowded=700),
    Stage(range(2000, 2500), _AGAIN, crowded=700),
)
#: Pictures that are kept in one file, and those that losses are told of while a network learns.
_CHUNK, _LOOKED_AT = 20, 64


def rendered(
    purpose: Purpose,
    count: int,
    *,
    crowded: bool = False,
    cache: Path | None = None,
    progress: Progress = silent,
) -> list[Sample]:
    """Return the first pictures of a purpose as samples.

    Parameters
    ----------
    purpose
        What they are for.
    count
        How many.
    crowded
        See `simulate.picture`.
    cache
        A folder where they are kept and looked for first.
    progress
        Told after some of them.
    """
    name = "crowded" if crowded else purpose
    samples: list[Sample] = []
    for first in range(0, count, _CHUNK):
        path = None if cache is None else cache / f"{name}_{first:05d}.npz"
        if path is not None and path.is_file():
            samples += _kept(path)
        else:
            numbers = range(first, first + _CHUNK)
            made = [
                _rounded(sample_of(picture(purpose, n, crowded=crowded), CLASSES)) for n in numbers
            ]
            if path is not None:
                _keep(made, path)
            samples += made
        progress(f"rendering {name} pictures", min(first + _CHUNK, count), count)
    return samples[:count]


def _rounded(sample: Sample) -> Sample:
    """Return a sample as it is kept, so that it makes no difference whether it was."""
    cover = (np.round(sample.cover * 255.0) / 255.0).astype(np.float32)
    return replace(sample, cover=cover)


def _keep(samples: Sequence[Sample], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half_done = path.with_suffix(".new.npz")
    np.savez_compressed(
        half_done,
        names=np.array([each.name for each in samples]),
        kinds=np.array([json.dumps(each.kinds) for each in samples]),
        mirrored=np.array([each.mirrored for each in samples]),
        pixels=np.array([each.pixels for each in samples]).astype(np.uint16),
        cover=np.round(np.array([each.cover for each in samples]) * 255.0).astype(np.uint8),
        numbers=np.array([each.numbers for each in samples]).astype(np.uint8),
    )
    half_done.replace(path)


def _kept(path: Path) -> list[Sample]:
    with np.load(path) as kept:
        words = zip(kept["names"], kept["kinds"], kept["mirrored"], strict=True)
        arrays = zip(kept["pixels"], kept["cover"], kept["numbers"], strict=True)
        return [
            Sample(
                str(name),
                pixels.astype(float),
                (cover / 255.0).astype(np.float32),
                numbers.astype(np.int32),
                tuple(json.loads(str(kinds))),
                bool(mirrored),
            )
            for (name, kinds, mirrored), (pixels, cover, numbers) in zip(words, arrays, strict=True)
        ]


def train_network(
    training: Sequence[Sample],
    crowded: Sequence[Sample],
    validation: Sequence[Sample],
    *,
    seed: int,
    folder: Path,
    stages: Sequence[Stage] = STAGES,
    progress: Progress = silent,
) -> Path:
    """Train one network, stage by stage; what is there already is not done again.

    Parameters
    ----------
    training, crowded, validation
        Pictures; of the former two each stage takes some.
    seed
        Of the network.
    folder
        Where the network is written to after each stage.
    stages
        What it goes through.
    progress
        Told how it goes on.

    Returns
    -------
    path
        Of the network after the last stage.
    """
    from pipelines.images.network import load_network, save_network
    from pipelines.mars_pits.train import fit

    done: list[Path] = []
    for number, stage in enumerate(stages, start=1):
        path = folder / f"stage{number}.safetensors"
        if not path.is_file():  # else it was interrupted after this
            network, _ = fit(
                [*(training[n] for n in stage.pictures), *crowded[: stage.crowded]],
                validation[:_LOOKED_AT],
                len(CLASSES),
                seed=seed,
                plan=stage.plan,
                start=load_network(done[-1])[0] if done else None,
                progress=progress,
            )
            save_network(network, path, half=True)
        done.append(path)
    return done[-1]


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
    parser.add_argument("--validation", type=int, default=VALIDATION, help="pictures")
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        if done % 50 == 0 or done == total:
            print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)

    try:
        cache = arguments.work / "pictures"
        validation = rendered("validation", arguments.validation, cache=cache, progress=tell)
        most = max(stage.pictures.stop for stage in STAGES)
        training = rendered("training", most, cache=cache, progress=tell)
        most = max(stage.crowded for stage in STAGES)
        crowded = rendered("training", most, crowded=True, cache=cache, progress=tell)
        paths = [
            train_network(
                training,
                crowded,
                validation,
                seed=seed,
                folder=arguments.work / f"network{seed}",
                progress=tell,
            )
            for seed in range(arguments.networks)
        ]
        gather(paths, validation, arguments.output, progress=tell)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
