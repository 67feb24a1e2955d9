"""The first five minutes: `epntap demo`, and what happens beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
import pyvo

from epntap.catalogue import read_catalogue
from epntap.settings import Settings

pytest.importorskip("torch", reason="the extra 'pipelines' is not installed")

pytestmark = pytest.mark.slow


def start(words: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "epntap.cli", *words],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def wait_for(url: str, process: subprocess.Popen[str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[0]
        try:
            if httpx.get(f"{url}/availability", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate()[0])


def servers_of(home: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(home) in word for word in process.info["cmdline"] or [])
        and "postgres" in process.name()
    ]


def test_the_demonstration_runs_is_kept_and_ends_cleanly(
    new_home: Callable[[], Path], settings: Settings, tmp_path: Path
) -> None:
    home = new_home()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EPNTAP_")}
    environment["EPNTAP_HOME"] = str(home)
    if settings.postgres_bin:
        environment["EPNTAP_POSTGRES_BIN"] = str(settings.postgres_bin)
    url = f"http://127.0.0.1:{port}/tap"

    demo = start(["demo", "--port", str(port)], environment)
    wait_for(url, demo, 240)
    rows = pyvo.dal.TAPService(url).search("SELECT * FROM icme.epn_core").to_table()
    assert len(rows) >= 5
    assert set(rows["instrument_host_name"]) == {"simulation"}
    assert set(rows["event_status"]) == {"utility"}
    assert all(rows["time_max"] > rows["time_min"])
    assert all(abs(rows["sun_distance_min"] - 1.0) < 0.05)

    for example in read_catalogue("icme").description.examples:
        pyvo.dal.TAPService(url).search(example.query)

    # Another terminal talks to the same database while the service runs.
    yaml, csv = tmp_path / "pits.yaml", tmp_path / "pits.csv"
    yaml.write_text(
        "name: pits\ntitle: Pits\ndescription: Pits.\ncreators: [x]\npublisher: x\n"
        "contact: x\nrights: CC0\nsubjects: [planetary-science]\nspatial_frame_type: none\n"
        "mapping: {granule_uid: id, target_class: {constant: planet}}\n"
    )
    csv.write_text("id\na\nb\n")
    published = start(["publish", str(yaml), str(csv)], environment)
    assert "2 rows" in published.communicate(timeout=60)[0]
    seen = pyvo.dal.TAPService(url).search("SELECT COUNT(*) AS n FROM pits.epn_core")
    assert seen["n"].tolist() == [2]

    demo.send_signal(signal.SIGINT)
    said, _ = demo.communicate(timeout=30)
    assert "Made the demonstration" in said
    assert "Traceback" not in said
    assert demo.returncode == 0
    assert not servers_of(home)

    again = start(["demo", "--port", str(port)], environment)
    wait_for(url, again, 30)
    kept = pyvo.dal.TAPService(url).search("SELECT * FROM icme.epn_core").to_table()
    assert kept["granule_uid"].tolist() == rows["granule_uid"].tolist()
    assert kept["creation_date"].tolist() == rows["creation_date"].tolist()
    again.send_signal(signal.SIGTERM)
    said, _ = again.communicate(timeout=30)
    assert "Made" not in said
    assert again.returncode == 0
    assert not servers_of(home)
