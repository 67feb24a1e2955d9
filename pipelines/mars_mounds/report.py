"""Print the tables of the README: ``make evaluate CASE=mars_mounds``.

Sites are simulated anew from seeds that nothing was chosen on; every network that comes with the
package is scored on them, alone and together. Real patches are scored when they are given, as
``--real FOLDER``. ``--picture FILE.png`` draws one of the sites.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.contract import Progress, silent
from pipelines.errors import PipelineError, require
from pipelines.mars_mounds import pipeline
from pipelines.mars_mounds.choose import Simulated, scored, terrains
from pipelines.mars_mounds.detect import SHIPPED_WEIGHTS, Detector, load_detector
from pipelines.mars_mounds.evaluate import score
from pipelines.mars_mounds.pictures import as_picture
from pipelines.mars_mounds.simulate import simulate_site
from pipelines.mars_mounds.source import Kind, raster_paths
from pipelines.mars_mounds.train import ROUGH_SEED, TEST_SEED

#: Sites of either sort that are scored.
TEST_SITES, ROUGH_SITES = 24, 12

#: Results of the experiment that `pipelines.mars_mounds.augment` writes.
AUGMENTATION = Path(__file__).parent / "augmentation.json"

_OBJECTS = ("f1", "iou", "object_precision", "object_recall", "box_f1", "map50", "map50_95")
_SIZES = tuple(
    f"{name}_{what}"
    for name in ("diameter", "height", "volume")
    for what in ("error_median", "bias", "within_sigma")
)


@dataclass(frozen=True)
class Line:
    """Scores of one detector, or of several alone.

    Attributes
    ----------
    name
        What is scored.
    scores
        Of each detector.
    """

    name: str
    scores: Sequence[Mapping[str, Any]]

    def cell(self, key: str, percent: bool = False) -> str:
        """Return one figure, with its spread where there are several; empty if not known."""
        values = [each[key] for each in self.scores if each.get(key) is not None]
        if not values:
            return ""
        unit, digits, factor = (" %", 1, 100.0) if percent else ("", 3, 1.0)
        mean = f"{factor * np.mean(values):.{digits}f}"
        if len(values) == 1:
            return mean + unit
        return f"{mean} ± {factor * np.std(values, ddof=1):.{digits}f}{unit}"


def object_table(lines: Sequence[Line]) -> list[str]:
    """Return the table of pixels and objects."""
    head = "| data, networks | pixel F1 | IoU | object P | object R | box F1 | mAP50 | mAP50-95 |"
    rows = [f"| {line.name} | {' | '.join(line.cell(key) for key in _OBJECTS)} |" for line in lines]
    return [head, "|---" * 8 + "|", *rows]


def size_table(lines: Sequence[Line]) -> list[str]:
    """Return the table of sizes and classes."""
    sizes = " | ".join(
        f"{name} error | bias | within 1 sigma" for name in ("diameter", "height", "volume")
    )
    rows = []
    for line in lines:
        cells = [line.cell(key, percent=True) for key in (*_SIZES, "class_accuracy")]
        rows.append(f"| {line.name} | {' | '.join(cells)} |")
    return [f"| data, networks | {sizes} | class right |", "|---" * 11 + "|", *rows]


def lines_of(
    kind: Kind, name: str, pairs: Sequence[Simulated], progress: Progress = silent
) -> list[Line]:
    """Return the scores of the networks of a kind on simulated sites, alone and together."""
    whole = load_detector(SHIPPED_WEIGHTS, kind)
    alone = [replace(whole, networks=(each,)) for each in whole.networks]
    made = []
    if len(alone) > 1:
        each = [_scores(detector, pairs, progress) for detector in alone]
        made.append(Line(f"{name}, each of {len(alone)}", each))
    together = f"{len(alone)} together" if len(alone) > 1 else "one"
    made.append(Line(f"{name}, {together}", [_scores(whole, pairs, progress)]))
    return made


def _scores(detector: Detector, pairs: Sequence[Simulated], progress: Progress) -> dict[str, Any]:
    return score(scored(detector, pairs, progress))


def real_lines(folder: Path) -> list[str]:
    """Return the table of real patches with masks beside them."""
    lines = ["| patch | pixel F1 | IoU | mounds | found | right |", "|---" * 6 + "|"]
    for path in raster_paths(folder):
        lines.append(_real_row(path.stem, pipeline.evaluate(path, folder)))
    lines.append(_real_row("all", pipeline.evaluate(folder, folder)))
    return lines


def _real_row(name: str, scores: Mapping[str, Any]) -> str:
    cells = ["" if scores[key] is None else f"{scores[key]:.3f}" for key in ("f1", "iou")]
    right = round((scores["object_precision"] or 0.0) * scores["detections"])
    counts = [str(each) for each in (scores["objects"], scores["detections"], right)]
    return f"| {' | '.join([name, *cells, *counts])} |"


def augmentation_lines(path: Path = AUGMENTATION) -> list[str]:
    """Return the table of the experiment with few labelled windows; nothing if it was not run."""
    if not path.is_file():
        return []
    found = json.loads(path.read_text())
    lines = ["| learnt from | pixel F1 | less or more than without |", "|---" * 3 + "|"]
    plain = np.array(found["none"])
    for name, values in found.items():
        f1 = np.array(values)
        gain = f1 - plain
        spread = f"{np.mean(f1):.3f} ± {np.std(f1, ddof=1):.3f}"
        more = "" if name == "none" else f"{np.mean(gain):+.3f} ± {np.std(gain, ddof=1):.3f}"
        lines.append(f"| {name} | {spread} | {more} |")
    return lines


def main() -> int:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Results for mounds as tables.")
    parser.add_argument("--real", type=Path, help="folder of patches with masks beside them")
    parser.add_argument("--picture", type=Path, help="draw a site into this file and end")
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        print(f"\r{description}: {done} of {total}  ", end="", file=sys.stderr, flush=True)

    try:
        tests = [simulate_site(TEST_SEED + each) for each in range(TEST_SITES)]
        if arguments.picture:
            from pipelines.mars_mounds.figures import draw

            draw(tests, load_detector(SHIPPED_WEIGHTS, "heights"), arguments.picture)
            return 0
        rough = [simulate_site(ROUGH_SEED + each, rough=True) for each in range(ROUGH_SITES)]
        lines = lines_of("heights", "unseen sites", terrains("heights", tests), tell)
        lines += lines_of("heights", "rougher sites", terrains("heights", rough), tell)
        for name, seen in (
            ("shaded in any way", terrains("pictures", tests)),
            ("shaded plainly", [(as_picture(each, varied=False), each) for each in tests]),
        ):
            lines += lines_of("pictures", f"unseen sites, {name}", seen, tell)
        print(file=sys.stderr)
        print("\n".join([*object_table(lines), "", *size_table(lines)]))
        if AUGMENTATION.is_file():
            print("\n".join(["", *augmentation_lines()]))
        if arguments.real:
            print("\n".join(["", *real_lines(arguments.real)]))
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
