"""How long a CSV file takes from disk to a catalogue that can be queried.

    python bench/publish.py ROWS.csv CATALOGUE.yaml
    python bench/publish.py --rows 1000000          # made on the way, a few columns

Publishes into a new database, which is removed afterwards, and prints the seconds of each phase by
the clock, the CPU seconds of the client, and the most memory that the client had.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epntap.catalogue import Catalogue, Description, read_catalogue
from epntap.database import Database
from epntap.epncore import read_standard
from epntap.publish import open_native, publication, publish
from epntap.publish.native import CHUNK_ROWS, NativeSource
from epntap.settings import Settings

#: What `publish` calls, and the name of it in the table.
PHASES = {
    "load": (publication, "read, map, check, copy"),
    "find_duplicates": (publication, "key"),
    "finish_table": (publication, "indexes and statistics"),
    "make_current": (publication, "make current"),
}


@dataclass(frozen=True)
class GeneratedSource:
    """Rows that are made when they are asked for, so that no file and no memory holds them."""

    rows: int
    name: str = "generated"
    units: dict[str, str] = field(default_factory=dict)

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Yield the rows."""
        dice = np.random.default_rng(1)
        for start in range(0, self.rows, CHUNK_ROWS):
            size = min(CHUNK_ROWS, self.rows - start)
            begin = 2_451_545.0 + dice.uniform(0, 9000, size)
            yield pd.DataFrame(
                {
                    "id": np.char.mod("granule %09d", np.arange(start, start + size)),
                    "begin": begin,
                    "end": begin + dice.exponential(1.0, size),
                    "lon": dice.uniform(0, 360, size),
                    "lat": dice.uniform(-90, 90, size),
                }
            )


def generated_catalogue() -> Catalogue:
    """Describe the generated rows."""
    description = {
        "name": "generated",
        "title": "Generated rows",
        "description": "Rows of a benchmark.",
        "creators": ["epntap"],
        "publisher": "epntap",
        "contact": "epntap",
        "rights": "CC0",
        "subjects": ["planetary-science"],
        "spatial_frame_type": "body",
        "mapping": {
            "granule_uid": "id",
            "target_name": {"constant": "Mars"},
            "target_class": {"constant": "planet"},
            "time_min": "begin",
            "time_max": "end",
            "c1min": "lon",
            "c2min": "lat",
        },
    }
    return Catalogue(Description.model_validate(description), read_standard())


def timed(function: Callable[..., Any], seconds: dict[str, float], name: str) -> Callable[..., Any]:
    """Return the function with a clock around it."""

    def call(*arguments: Any, **options: Any) -> Any:
        begin = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - begin

    return call


def measure(catalogue: Catalogue, source: NativeSource) -> dict[str, Any]:
    """Publish into a new home and return the figures."""
    seconds: dict[str, float] = {}
    for name, (module, label) in PHASES.items():
        setattr(module, name, timed(getattr(module, name), seconds, label))
    home = Path(tempfile.mkdtemp(prefix="epntap-bench-"))
    home.chmod(0o755)
    try:
        with Database.open(Settings(home=home)) as database:
            begin, cpu = time.perf_counter(), time.process_time()
            published = publish(database, catalogue, source)
            total, cpu = time.perf_counter() - begin, time.process_time() - cpu
    finally:
        shutil.rmtree(home)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "rows": published.rows,
        "columns": len(catalogue.columns),
        "seconds": total,
        "phases": seconds,
        "client_cpu_seconds": cpu,
        "client_peak_mb": peak / (1024 if sys.platform != "darwin" else 1024**2),
    }


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path, nargs="?", help="a native table")
    parser.add_argument("catalogue", nargs="?", help="its description")
    parser.add_argument("--rows", type=int, help="publish so many generated rows instead")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    if asked.rows is not None:
        figures = measure(generated_catalogue(), GeneratedSource(asked.rows))
    elif asked.file is not None and asked.catalogue is not None:
        figures = measure(read_catalogue(asked.catalogue), open_native(asked.file))
    else:
        parser.error("give a file and a catalogue, or --rows")
    if asked.json:
        print(json.dumps(figures))
        return
    print(f"{figures['rows']:,} rows x {figures['columns']} columns")
    for label, spent in figures["phases"].items():
        print(f"{label:30s} {spent:8.2f} s")
    print(f"{'in all':30s} {figures['seconds']:8.2f} s")
    print(f"{'CPU of the client':30s} {figures['client_cpu_seconds']:8.2f} s")
    print(f"{'peak memory of the client':30s} {figures['client_peak_mb']:8.0f} MB")


if __name__ == "__main__":
    main()
