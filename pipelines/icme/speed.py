"""How long a search takes: ``python -m pipelines.icme.speed`` prints processor seconds."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import pandas as pd

from pipelines.errors import require
from pipelines.icme.catalogue import build_frame
from pipelines.icme.detect import detect, load_detector
from pipelines.icme.simulate import simulate


def main() -> None:
    """Search a simulated year that is repeated, and print what it took."""
    parser = argparse.ArgumentParser(description="Processor time of a search.")
    parser.add_argument("--years", type=int, default=25)
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)
    year = simulate(seed=9, days=365.25).series
    data = pd.concat([year.data] * arguments.years, ignore_index=True)
    series = replace(year, data=data)
    began = time.process_time()
    detector = load_detector()
    found = detect(series, detector)
    frame = build_frame(series, found, model="speed", version="", digest=detector.digest)
    taken = time.process_time() - began
    print(
        f"{arguments.years} years, {len(series)} samples, {len(frame)} events: "
        f"{taken:.0f} processor seconds on one core"
    )


if __name__ == "__main__":
    main()
