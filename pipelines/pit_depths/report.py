"""Print the tables of the README: ``make evaluate CASE=pit_depths``.

Pits of exactly known shape are rendered anew from five seeds. Real height models are rendered under
20 Suns when they are given, as ``--terrain MODEL.tif``; images with labels are scored when they are
given, as ``--real IMAGES LABELS``. ``--picture FILE.png`` draws one of the pits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pipelines.errors import PipelineError
from pipelines.pit_depths import TERRAIN, pipeline
from pipelines.pit_depths.catalogue import write_profiles
from pipelines.pit_depths.detect import measure_scene
from pipelines.pit_depths.source import open_scenes
from pipelines.pit_depths.terrain import exact_sights, write_sights

SEEDS = (11, 12, 13, 14, 15)
PITS = 6

#: Pairs of a way to find shadows and one to correct for emission.
WAYS = (("subpixel", "exact"), ("published", "exact"), ("published", "published"))

_HEADER = (
    "| data | shadow | correction | images | F1 | IoU | depth error median | mean | largest | bias"
    " | within 1 sigma |\n" + "|---" * 11 + "|"
)


@dataclass(frozen=True)
class Data:
    """Images with labels, and what they are called in the table."""

    name: str
    images: Path | str
    labels: Path


def table_row(name: str, method: str, correction: str, scores: Mapping[str, Any]) -> str:
    """Return a line of the table for one set of scores; what is not known is left empty."""

    def cell(key: str, percent: bool) -> str:
        if key not in scores:
            return ""
        return f"{100 * scores[key]:.2f} %" if percent else f"{scores[key]:.3f}"

    cells = [
        name,
        method,
        correction,
        str(scores["n_images"]),
        *(cell(key, percent=False) for key in ("f1", "iou")),
        *(
            cell(f"depth_{key}", percent=True)
            for key in ("error_median", "error_mean", "error_max", "bias")
        ),
        f"{100 * scores['within_errors']:.0f} %" if "within_errors" in scores else "",
    ]
    return f"| {' | '.join(cells)} |"


def scores_of(data: Data) -> list[Mapping[str, Any]]:
    """Return the scores of each way to measure."""
    return [
        pipeline.evaluate(data.images, data.labels, method=method, correction=correction)
        for method, correction in WAYS
    ]


def rows_of(data: Data, scores: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each way to measure."""
    return [table_row(data.name, *way, each) for way, each in zip(WAYS, scores, strict=True)]


def seed_lines(folder: Path, seeds: Sequence[int], pits: int) -> list[str]:
    """Render pits for each seed; return lines of the table, and the spread over the seeds."""
    lines, f1, errors = [], [], []
    for seed in seeds:
        labels = write_sights(exact_sights(pits, seed=seed), folder / str(seed))
        images = folder / str(seed) / "images"
        data = Data(f"exact pits, seed {seed}", images, labels)
        scores = scores_of(data)
        lines += rows_of(data, scores)
        f1.append(scores[0]["f1"])
        errors.append(scores[0]["depth_error_median"])
    spread = (
        f"Over {len(seeds)} seeds: F1 {np.mean(f1):.4f} ± {np.std(f1):.4f}, median error of the"
        f" depth {100 * np.mean(errors):.2f} ± {100 * np.std(errors):.2f} %."
    )
    return [*lines, "", spread]


def main() -> int:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Results for depths of pits as tables.")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="seeds of rendered pits")
    parser.add_argument("--pits", type=int, default=PITS, help="pits a seed")
    parser.add_argument("--terrain", type=Path, action="append", default=[], metavar="MODEL")
    parser.add_argument(
        "--real", nargs=2, type=Path, action="append", default=[], metavar=("IMAGES", "LABELS")
    )
    parser.add_argument("--picture", type=Path, help="PNG file of one pit to draw")
    arguments = parser.parse_args()
    try:
        print(_HEADER)
        for images, labels in arguments.real:
            data = Data(images.name, images, labels)
            print("\n".join(rows_of(data, scores_of(data))))
        for model in arguments.terrain:
            data = Data(f"{model.stem}, 20 Suns", f"{TERRAIN}{model}", model)
            print("\n".join(rows_of(data, scores_of(data))))
        with TemporaryDirectory() as scratch:
            folder = Path(scratch)
            print("\n".join(seed_lines(folder, SEEDS[: arguments.seeds], arguments.pits)))
            if arguments.picture:
                image = next((folder / str(SEEDS[0]) / "images").glob("*.tif"))
                found = [measure_scene(each) for each in open_scenes(image)]
                figure = write_profiles(found, folder / "profiles")[1]
                arguments.picture.write_bytes(figure.read_bytes())
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
