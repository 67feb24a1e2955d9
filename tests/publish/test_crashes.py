"""Killing whoever publishes, or the database itself, in the middle of it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psycopg2
import pytest
from tests_support import postmaster_pid, read_published

from epntap.catalogue import Catalogue, read_catalogue
from epntap.database import Database
from epntap.errors import DatabaseUnavailableError
from epntap.publish import DataFrameSource, publish
from epntap.publish.acceptance import UnderWayError
from epntap.settings import Settings

YAML = """\
name: crashes
title: What crashes leave
description: Rows of a test.
creators: [Jane Doe]
publisher: Example
contact: Jane Doe
rights: CC0
subjects: [planetary-science]
spatial_frame_type: none
mapping:
  granule_uid: id
  target_class: {constant: planet}
columns:
  - {name: batch, datatype: int, description: Which publication the row is of}
"""

PUBLISHER = """\
import sys
import pandas as pd
from epntap.catalogue import read_catalogue
from epntap.database import Database
from epntap.publish import DataFrameSource, publish
from epntap.settings import read_settings
with Database.open(read_settings()) as database:
    catalogue = read_catalogue(sys.argv[1])
    size, batch = int(sys.argv[2]), int(sys.argv[3])
    frame = pd.DataFrame({"id": [f"row {i}" for i in range(size)], "batch": batch})
    print("ready", flush=True)
    publish(database, catalogue, DataFrameSource(frame, "batch"))
    print("published", flush=True)
"""

SIZE = 4000
TIMES = 20


@pytest.mark.slow
def test_twenty_crashes_at_random_moments_leave_a_whole_catalogue(
    new_home: Callable[[], Path], settings: Settings, tmp_path: Path
) -> None:
    """Every second time the database is killed, else the process that publishes.

    Whatever happened, readers find one batch whole, and the next publication succeeds.
    """
    here = settings.model_copy(update={"home": new_home()})
    yaml = tmp_path / "crashes.yaml"
    yaml.write_text(YAML, encoding="utf-8")
    catalogue = read_catalogue(yaml)
    environment = {**os.environ, "EPNTAP_HOME": str(here.home)}
    if here.postgres_bin:
        environment["EPNTAP_POSTGRES_BIN"] = str(here.postgres_bin)
    dice = random.Random(20)
    duration = 1.0
    interrupted = 0
    # The database of this process stays in use, so that children find it running.
    with Database.open(here) as database:
        started = time.monotonic()
        publish(database, catalogue, batch(0))
        duration = time.monotonic() - started
        for number in range(1, TIMES + 1):
            before = current_batch(database, catalogue)
            child = subprocess.Popen(
                [sys.executable, "-c", PUBLISHER, str(yaml), str(SIZE), str(number)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(dice.uniform(0, 1.2 * duration))
            os.kill(child.pid if number % 2 else postmaster_pid(here), signal.SIGKILL)
            said, _ = child.communicate(timeout=60)
            after = current_batch(database, catalogue)
            assert after == number or (after == before and "published" not in said)
            interrupted += after == before
            publish_next(database, catalogue, batch(-number))
            assert current_batch(database, catalogue) == -number
    assert interrupted >= TIMES // 4, "the moments were too late to interrupt anything"


def publish_next(database: Database, catalogue: Catalogue, rows: DataFrameSource) -> None:
    """Publish as soon as the server has noticed that whoever was killed is gone."""
    deadline = time.monotonic() + 30
    while True:
        try:
            publish(database, catalogue, rows)
        except UnderWayError:
            # What the killed one asked for last goes on for a moment, under its lock.
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def batch(number: int) -> DataFrameSource:
    """The rows of one publication."""
    frame = pd.DataFrame({"id": [f"row {i}" for i in range(SIZE)], "batch": number})
    return DataFrameSource(frame, f"batch {number}")


def current_batch(database: Database, catalogue) -> int:
    """The number of the batch that readers see; it is whole."""
    for _ in range(100):
        try:
            rows = read_published(database, catalogue, "batch")
        except (psycopg2.Error, DatabaseUnavailableError):
            # The database is coming up again.
            time.sleep(0.1)
        else:
            assert len(rows) == SIZE
            ((number,),) = set(rows)
            return number
    raise AssertionError("the database did not come up again")
