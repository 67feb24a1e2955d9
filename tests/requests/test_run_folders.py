"""The folders that runs work in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from epntap.requests.folders import FolderError, run_folder, sweep_folders

HOLDER = """
import sys, pathlib
from epntap.requests.folders import run_folder
with run_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "work" / "input.csv").write_text("of a client")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_closed_to_others_and_goes_however_the_run_ends(tmp_path):
    root = tmp_path / "runs"
    made = []

    def fail() -> None:
        with run_folder(root) as folder:
            made.append(folder)
            assert (folder.stat().st_mode | root.stat().st_mode) & 0o077 == 0
            (folder / "work" / "made").write_text("something")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not made[0].exists()
    assert sweep_folders(root) == 0


def test_a_folder_is_left_alone_while_its_worker_lives_and_swept_when_it_was_killed(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        folder = tmp_path / holder.stdout.readline().strip()
        with run_folder(tmp_path) as own:
            assert sweep_folders(tmp_path) == 0
            assert folder.is_dir()
            holder.kill()
            holder.wait()
            assert sweep_folders(tmp_path) == 1
            assert own.is_dir()
        assert not folder.exists()
    finally:
        holder.kill()
        holder.communicate()


def test_no_room_for_a_folder_is_told(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(FolderError, match="EPNTAP_REQUEST_FOLDER"), run_folder(tmp_path / "taken"):
        raise AssertionError("there is no folder")


def test_there_is_nothing_to_sweep_where_nothing_ever_ran(tmp_path):
    assert sweep_folders(tmp_path / "never") == 0
