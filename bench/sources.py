"""Rows to measure with: the synthetic events that DaCHS gets too, and catalogues that grow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from bench.errors import BenchError

PROJECT = Path(__file__).resolve().parent.parent

#: Descriptions and queries of the peer's benchmark, beside the project.
PEERS = PROJECT.parent / "shared" / "peers"

#: Description of the catalogue that `events` is published as.
EVENTS_YAML = PROJECT / "tests" / "data" / "bench.yaml"

EVENT_ROWS = 100_000

#: Rows that are made and written at once.
_CHUNK = 100_000

#: 1995-01-01 as Julian Date, and 30 years.
_START, _DAYS = 2_449_718.5, 11_000.0

_SKY = """
name: {name}
title: Events on the sky, {rows} of them
description: Synthetic events with a time and a position, for measuring growth.
creators: [EPN-TAP benchmark]
publisher: EPN-TAP benchmark
contact: {{name: EPN-TAP benchmark}}
rights: CC0
subjects: [solar-physics]
spatial_frame_type: celestial
mapping:
  granule_uid: granule_uid
  granule_gid: {{constant: event}}
  obs_id: obs_id
  dataproduct_type: {{constant: ev}}
  target_name: target_name
  target_class: {{constant: star}}
  time_min: time_min
  time_max: time_max
  c1min: c1min
  c2min: c2min
  instrument_host_name: instrument_host_name
  measurement_type: {{constant: phys.magField}}
  processing_level: {{constant: 5}}
"""


def shared_file(name: str) -> Path:
    """Return a file of the folder beside the project that describes the peer.

    Raises
    ------
    BenchError
        If it is not there.
    """
    path = PEERS / name
    if not path.exists():
        raise BenchError(f"{name} of the folder shared/peers beside the project is not there")
    return path


def cache() -> Path:
    """Return the folder in which generated files are kept between runs."""
    named = os.environ.get("PEER_WORK")
    path = Path(named) if named else Path.home() / ".cache" / "epn-peer"
    path.mkdir(parents=True, exist_ok=True)
    return path


def events() -> Path:
    """Return the CSV file of 100,000 synthetic events of 60 columns, made when it is not there.

    Raises
    ------
    BenchError
        If what makes it is not there.
    """
    path = cache() / f"epn_{EVENT_ROWS}.csv"
    if not path.exists():
        half = path.with_suffix(".part")
        maker = shared_file("gen_epn.py")
        subprocess.run([sys.executable, str(maker), str(EVENT_ROWS), str(half)], check=True)
        half.rename(path)
    return path


def sky(folder: Path, name: str, rows: int) -> tuple[Path, Path]:
    """Write a catalogue of events all over the sky and 30 years, each of about a day.

    Returns
    -------
    tuple
        Its description and its rows; the same for the same number.
    """
    description = folder / f"{name}.yaml"
    description.write_text(_SKY.format(name=name, rows=rows), encoding="utf-8")
    path = folder / f"{name}.csv"
    random = np.random.default_rng(rows)
    with path.open("wb") as file:
        for start in range(0, rows, _CHUNK):
            written = csv.WriteOptions(include_header=start == 0, quoting_style="none")
            csv.write_csv(_sky_rows(random, start, min(_CHUNK, rows - start)), file, written)
    return description, path


def _sky_rows(random: np.random.Generator, start: int, count: int) -> pa.Table:
    begins = _START + random.uniform(0, _DAYS, count)
    ends = begins + np.abs(random.normal(1.0, 0.4, count)) + 0.1
    ra = random.uniform(0, 360, count)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, count)))
    targets = np.array(["Sun", "Earth", "Venus", "Mars", "Jupiter"])[random.integers(0, 5, count)]
    craft = np.array(["Wind", "STEREO-A", "Juno"])[random.integers(0, 3, count)]
    numbers = np.arange(start, start + count)
    return pa.table(
        {
            "granule_uid": _named("event_", numbers),
            "obs_id": _named("obs_", numbers // 3),
            "target_name": targets,
            "time_min": np.round(begins, 8),
            "time_max": np.round(ends, 8),
            "c1min": np.round(ra, 6),
            "c2min": np.round(dec, 6),
            "instrument_host_name": craft,
        }
    )


def _named(prefix: str, numbers: np.ndarray) -> pa.Array:
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 8, "0")
    return pc.binary_join_element_wise(prefix, padded, "")
