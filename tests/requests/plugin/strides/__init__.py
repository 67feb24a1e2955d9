"""A small pipeline that can be run on request: events at regular strides, or those of a file.

Its parameter ``deed`` has it behave badly, for tests of what surrounds it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.contract import Catalogue, NativeColumn, Provenance
from pipelines.errors import PipelineError, SourceError
from pipelines.request import RequestForm, RequestParameter

COLUMNS = (
    NativeColumn("start", "datetime64[us]", "", "When it begins, UTC"),
    NativeColumn("height", "float64", "nT", "How high it is"),
    NativeColumn("note", "str", "", "A word about it"),
)

DEEDS = (
    "none", "sleep", "spin", "memory", "children", "fill", "crash", "defect", "environment",
    "leave",
)  # fmt: skip


@dataclass(frozen=True)
class Given:
    description: str
    starts: list[datetime]


class Strides:
    name = "strides"
    title = "Events at regular <strides>"
    version = "1.0"
    request = RequestForm(
        parameters=(
            RequestParameter("step", "float", "Hours between events", 24.0, "h", 1.0, 1000.0),
            RequestParameter("copies", "int", "How often each event is found", 1, low=1, high=9),
            RequestParameter("deed", "choice", "What goes wrong", "none", choices=DEEDS),
            RequestParameter("since", "time", "Only events that begin later"),
        ),
        longest_span=timedelta(days=400),
        file_formats=("csv", "csv.gz"),
        file_description="CSV with a column time.",
        file_bytes=1024 * 1024,
    )

    def check_request(self, *, span: Any, has_file: bool, values: Mapping[str, Any]) -> None:
        if span is not None and has_file:
            raise PipelineError("a span and a file do not go together")

    def request_source(self, *, span: Any, file: Path | None, values: Mapping[str, Any], progress):
        misbehave(values["deed"])
        options = {"copies": values["copies"], "since": values.get("since")}
        if file is not None:
            return read(file), options
        step = timedelta(hours=values["step"])
        count = -(-(span.stop - span.start) // step)
        return Given("strides", [span.start + n * step for n in range(count)]), options

    def run(self, source: Given, *, copies=1, since=None, progress=None) -> Catalogue:
        starts = [start for start in source.starts if since is None or start > since]
        starts = [start for start in starts for _ in range(copies)]
        frame = pd.DataFrame(
            {
                "start": np.array(starts, dtype="datetime64[us]"),
                "height": np.arange(len(starts), dtype=float),
                "note": pd.Series(["a <b> & c"] * len(starts), dtype=str),
            }
        )
        ends = (starts[0], starts[-1]) if starts else (datetime.min, datetime.min)
        provenance = Provenance(
            "strides", "1.0", "", source.description, "", *ends, {"copies": copies}
        )
        return Catalogue(frame, COLUMNS, provenance)

    def draw(self, source: Given, catalogue: Catalogue, path: Path) -> None:
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(len(catalogue.frame)))


class Lacking(Strides):
    name = "lacking"
    request = RequestForm(longest_span=timedelta(days=1), needs=("a_package_that_nobody_has",))


class Gpu(Strides):
    name = "gpu_strides"
    request = RequestForm(
        parameters=Strides.request.parameters,
        longest_span=timedelta(days=400),
        file_formats=("csv",),
        queue="gpu",
    )


def read(file: Path) -> Given:
    try:
        frame = pd.read_csv(file)
        times = pd.to_datetime(frame["time"], format="ISO8601")
    except (KeyError, ValueError) as error:
        raise SourceError(f"{file.resolve()} cannot be read: {error}") from error
    return Given(file.name, [time.to_pydatetime() for time in times])


def misbehave(deed: str) -> None:
    if deed == "sleep":
        time.sleep(300)
    elif deed == "spin":
        while True:
            pass
    elif deed == "memory":
        np.ones(2**32)
    elif deed == "children":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", "a-stray-child"])
        time.sleep(300)
    elif deed == "fill":
        with Path("much").open("wb") as file:
            file.truncate(2 * 1024**3)
    elif deed == "crash":
        os.abort()
    elif deed == "defect":
        raise ZeroDivisionError("of /etc/some/path.txt")
    elif deed == "leave":
        os._exit(0)
    elif deed == "environment":
        secrets = [name for name in os.environ if name.startswith(("EPNTAP", "PG"))]
        words = f"{secrets} {os.listdir()} {sys.stdin.read()!r} {socket.gethostname() != ''}"
        raise PipelineError(words)


pipeline = Strides()
lacking = Lacking()
gpu = Gpu()
