"""A synthetic image of a billion pixels, surveyed within bounded memory and through a crash.

``python -m bench.gigapixel --folder DIR`` writes a simulated GeoTIFF of 32768 x 32768 pixels
(`pipelines.images.planted`). A process looks for the pits, is killed half-way, and another goes on.
What is printed: the largest memory of these processes, the time, what the second could reuse, and
how many of the planted pits were found. Blocks in which nothing is dark are left out; with
``--all-blocks`` none is.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import Progress
from pipelines.errors import PipelineError, require
from pipelines.images.planted import FLAT, write_image
from pipelines.images.raster import open_raster
from pipelines.images.survey import Counts, file_digest, survey

Values = NDArray[np.float64]

SIDE = 32768
#: A pixel that is darker than this part of the ground may be shadow.
_DARK = 0.35


def darkness(window: Values) -> Values:
    """Return how sure it is that pixels are in shadow, shape (1, rows, cols)."""
    share = np.nan_to_num(window[0], nan=FLAT) / FLAT
    return np.clip((_DARK + 0.1 - share) / 0.2, 0.0, 1.0)[np.newaxis]


def without_shadow(window: Values) -> bool:
    """Whether no pixel of a window is dark enough."""
    return bool(np.nanmin(window) > (_DARK + 0.1) * FLAT)


@dataclass(frozen=True)
class Found:
    """What a finished survey gave.

    Attributes
    ----------
    places
        Row and column of the middle of each object, shape (n, 2).
    counts
        What was done with the blocks.
    """

    places: Values
    counts: Counts


class Detector(Protocol):
    """Looks for pits in an image."""

    def __call__(
        self, path: Path, folder: Path, progress: Progress, *, all_blocks: bool = False
    ) -> Found:
        """Survey an image, with a folder to work in; all blocks, or those with something dark."""


def find_shadows(
    path: Path, folder: Path, progress: Progress, *, all_blocks: bool = False
) -> Found:
    """Find dark spots of the size of pits' shadows."""
    places = []
    with (
        open_raster(path) as raster,
        survey(
            raster,
            darkness,
            channels=1,
            block=512,
            margin=32,
            folder=folder,
            key=f"darkness 1 {all_blocks} {file_digest(path)}",
            skip=None if all_blocks else without_shadow,
            progress=progress,
        ) as found,
    ):
        for component in found.components(least=15):
            crop = found.crop(component, 16)
            rows, cols = np.nonzero(crop.mask)
            places.append((crop.rows.start + rows.mean(), crop.cols.start + cols.mean()))
        return Found(np.array(places).reshape(-1, 2), found.counts)


def find_pits(path: Path, folder: Path, progress: Progress, *, all_blocks: bool = False) -> Found:
    """Find pits with a network of the case mars_pits."""
    from pipelines.mars_pits.detect import BLOCK, MARGIN
    from pipelines.mars_pits.instances import separate
    from pipelines.mars_pits.weights import load_detector

    detector = load_detector()
    rule = detector.rule
    places = []
    with (
        open_raster(path) as raster,
        survey(
            raster,
            detector.maps,
            channels=2 + len(detector.classes),
            block=BLOCK,
            margin=MARGIN,
            threshold=rule.inside,
            folder=folder,
            key=f"{detector.digest} {all_blocks} {file_digest(path)}",
            skip=None if all_blocks else without_shadow,
            progress=progress,
        ) as found,
    ):
        for component in found.components(least=rule.least_area):
            crop = found.crop(component)
            for each in separate(crop.maps, rule, crop.mask):
                negative = detector.classes[each.kind] in detector.negatives
                if not negative and each.confidence(rule) >= rule.confidence:
                    left, top, right, bottom = each.region.box
                    places.append(
                        (crop.rows.start + (top + bottom) / 2, crop.cols.start + (left + right) / 2)
                    )
        return Found(np.array(places).reshape(-1, 2), found.counts)


DETECTORS: dict[str, Detector] = {"dark": find_shadows, "mars_pits": find_pits}


def _work(detector: str, path: Path, folder: Path, told: Connection, all_blocks: bool) -> None:
    """Survey the image and tell the parent how far it is, what was found, and the memory."""

    def progress(description: str, done: int, total: int) -> None:
        told.send((description, done, total))

    begin = time.process_time()
    found = DETECTORS[detector](path, folder, progress, all_blocks=all_blocks)
    told.send((found, _resident(os.getpid()), time.process_time() - begin))


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes
    ----------
    found
        Nothing if it was killed.
    memory
        Largest resident size, bytes.
    seconds, processor_seconds
        Of the process; the latter only if it was not killed.
    """

    found: Found | None
    memory: int
    seconds: float
    processor_seconds: float


def run_process(
    detector: str, path: Path, folder: Path, kill_at: float | None, *, all_blocks: bool = False
) -> Ended:
    """Survey in a process of its own, and kill it when a part of the blocks is done."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(detector, path, folder, sender, all_blocks))
    begin, last, memory = time.monotonic(), 0.0, 0
    process.start()
    sender.close()
    result = None
    try:
        while True:
            message = receiver.recv()
            if isinstance(message[0], Found):
                result = message
                break
            description, done, total = message
            if time.monotonic() - last > 10.0:
                last = time.monotonic()
                memory = max(memory, _resident(process.pid))
                print(f"  {description} {done} of {total}", file=sys.stderr, flush=True)
            if kill_at is not None and description == "blocks" and done >= kill_at * total:
                memory = max(memory, _resident(process.pid))
                os.kill(process.pid or 0, signal.SIGKILL)
                break
    except EOFError as error:
        raise PipelineError("the process that surveyed the image has ended") from error
    finally:
        process.join()
    seconds = time.monotonic() - begin
    if result is None:
        return Ended(None, memory, seconds, float("nan"))
    return Ended(result[0], result[1], seconds, result[2])


def _resident(pid: int | None) -> int:
    """Return the largest memory that a process had, bytes.

    What getrusage tells of a child begins with the memory of its parent.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def score(places: Values, truth: pd.DataFrame) -> tuple[int, int, int]:
    """Return the numbers of planted pits, of those that were found, and of other detections.

    A pit is found if the middle of a detection lies within its radius.
    """
    tree = require("scipy.spatial").cKDTree(places.reshape(-1, 2))
    pits = truth[truth.kind == "pit"]
    used: set[int] = set()
    hits = 0
    for pit in pits.itertuples():
        near = tree.query_ball_point((pit.row, pit.col), pit.radius)
        hits += bool(near)
        used.update(near)
    return len(pits), hits, len(places) - len(used)


def main() -> int:
    """Read the command line, make the image, survey it, and print what came of it."""
    parser = argparse.ArgumentParser(description="A survey of a billion pixels.")
    parser.add_argument("--folder", type=Path, required=True, help="room for some gigabytes")
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--detector", choices=sorted(DETECTORS), default="dark")
    parser.add_argument("--all-blocks", action="store_true", help="without the pre-screen")
    arguments = parser.parse_args()
    path = arguments.folder / f"simulated_{arguments.side}_{arguments.seed}.tif"
    arguments.folder.mkdir(parents=True, exist_ok=True)
    try:
        lines = report(
            path,
            arguments.side,
            arguments.seed,
            arguments.detector,
            all_blocks=arguments.all_blocks,
        )
        print("\n".join(lines))
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def report(
    path: Path, side: int, seed: int, detector: str, *, all_blocks: bool = False
) -> list[str]:
    """Make the image if it is not there, survey it with a crash half-way, and say what came of it.

    Parameters
    ----------
    path
        Of the image.
    side, seed
        Of the image.
    detector
        One of `DETECTORS`.
    all_blocks
        Look at blocks in which nothing is dark, too.

    Raises
    ------
    PipelineError
        If a process ends by itself without a result.
    """
    begin = time.monotonic()
    if not path.with_suffix(".csv").is_file():
        write_image(path, side, seed)
    made = time.monotonic() - begin
    folder = path.with_suffix(".work")
    killed = run_process(detector, path, folder, kill_at=0.5, all_blocks=all_blocks)
    ended = run_process(detector, path, folder, kill_at=None, all_blocks=all_blocks)
    if ended.found is None:
        raise PipelineError("the second process was killed as well")
    counts = ended.found.counts
    pits, hits, others = score(ended.found.places, pd.read_csv(path.with_suffix(".csv")))
    largest = max(killed.memory, ended.memory) / 1e6
    return [
        f"{side} x {side} pixels ({path.stat().st_size / 1e9:.2f} GB) made in {made:.0f} s, with"
        f" {_resident(os.getpid()) / 1e6:.0f} MB",
        f"killed half-way after {killed.seconds:.0f} s; the next process reused {counts.reused}"
        f" blocks, computed {counts.computed}, left out {counts.empty}, in {ended.seconds:.0f} s"
        f" ({ended.processor_seconds:.0f} s of one processor)",
        f"largest memory of a process: {largest:.0f} MB",
        f"planted pits: {pits}, found: {hits}, other detections: {others}",
    ]


if __name__ == "__main__":
    sys.exit(main())
