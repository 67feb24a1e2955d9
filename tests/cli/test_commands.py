"""The command line, as a person meets it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from epntap.settings import Settings

YAML = """\
name: pits
title: Pits of a test
description: A few pits.
creators: [Jane Doe]
publisher: Example
contact: Jane Doe
rights: CC0
subjects: [planetary-science]
spatial_frame_type: body
mapping: {granule_uid: id, target_class: {constant: planet}, c1min: lon, c2min: lat}
"""
ROWS = "id,lon,lat\na,10,5\nb,20,-5\n"


@pytest.fixture(scope="module")
def epntap(new_home: Callable[[], Path], settings: Settings):
    """Runs the command line in a home of its own."""
    home = new_home()

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {"EPNTAP_HOME": str(home), **environment}
        if settings.postgres_bin:
            given["EPNTAP_POSTGRES_BIN"] = str(settings.postgres_bin)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("EPNTAP_")}
        return subprocess.run(
            [sys.executable, "-m", "epntap.cli", *words],
            capture_output=True, text=True, timeout=120, env={**clean, **given}, cwd=home,
        )  # fmt: skip

    return run


@pytest.fixture
def pits(tmp_path: Path) -> tuple[str, str]:
    yaml, rows = tmp_path / "pits.yaml", tmp_path / "pits.csv"
    yaml.write_text(YAML, encoding="utf-8")
    rows.write_text(ROWS, encoding="utf-8")
    return str(yaml), str(rows)


def test_a_file_is_published_listed_asked_rolled_back_and_dropped(epntap, pits, tmp_path):
    yaml, rows = pits
    assert "pits.epn_core: 47 columns" in epntap("check", yaml).stderr
    assert "version 1: 2 rows (2 new" in epntap("publish", yaml, rows).stderr
    Path(rows).write_text(ROWS + "c,30,0\n", encoding="utf-8")
    assert "1 new, 0 changed, 2 unchanged, 0 gone" in epntap("publish", yaml, rows).stderr
    assert "2 (before: 1)" in epntap("list").stdout
    query = "SELECT granule_uid, c1min FROM pits.epn_core ORDER BY granule_uid"
    assert epntap("query", query, "--format", "csv").stdout.split() == [
        "granule_uid,c1min", "a,10", "b,20", "c,30",
    ]  # fmt: skip
    shown = epntap("query", query)
    assert "granule_uid" in shown.stdout
    assert "3 rows" in shown.stderr
    out = tmp_path / "out.vot"
    assert epntap("query", query, "--output", str(out)).returncode == 0
    assert out.read_bytes().startswith(b"<?xml")
    assert "version 1 again: 2 rows" in epntap("rollback", "pits").stderr
    assert epntap("drop", "pits", "--yes").returncode == 0
    assert "Nothing is published yet" in epntap("list").stderr


def test_violations_are_listed_and_the_exit_code_says_so(epntap, pits):
    yaml, rows = pits
    Path(rows).write_text("id,lon,lat\na,10,95\na,370,5\n", encoding="utf-8")
    refused = epntap("publish", yaml, rows)
    assert refused.returncode == 1
    assert "row 1, column c2min: 95 deg is outside of -90..90 deg" in refused.stderr
    assert "row 2, column c1min: 370 deg is outside of 0..360 deg" in refused.stderr
    assert "row 2, column granule_uid: 'a' stands in row 1 already" in refused.stderr
    assert "nothing was published" in refused.stderr


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["list"], {"EPNTAP_PORT": "http"}, "wrong setting: port"),
        (["list"], {"EPNTAP_DSN": "postgresql://nobody@127.0.0.1:1/x"}, "127.0.0.1"),
        (["publish", "nothing", "x.csv"], {}, "no catalogue 'nothing'"),
        (["publish", "icme", "gone.csv"], {}, "gone.csv: there is no such file"),
        (["query", "SELECT"], {}, "line 1, column 7"),
        (["query", "SELECT 1", "--format", "doc"], {}, "doc"),
        (["rollback", "nothing"], {}, "nothing: no previous version"),
        (["drop", "nothing", "--yes"], {}, "it is not published"),
        (["run", "icmes", "--input", "x"], {}, "did you mean 'icme'"),
        (["run", "icme", "--input", "gone.csv", "--option", "x"], {}, "NAME=VALUE"),
        (["run", "icme", "--input", "x", "--option", "spacecaft=Wind"], {}, "'spacecraft'"),
        (["query", "SELECT 1", "--url", "http://127.0.0.1:1/tap"], {}, "does not answer"),
    ],
)
def test_a_mistake_gets_a_clear_line_and_no_traceback(epntap, words, environment, said):
    done = epntap(*words, **environment)
    assert done.returncode == 1
    assert "error:" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_told_before_anything_starts(epntap):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = epntap("serve", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr


def test_an_unknown_key_in_the_settings_file_is_named(epntap, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "epntap.toml").write_text("prot = 8001\n", encoding="utf-8")
    done = epntap("list", EPNTAP_HOME=str(home))
    assert done.returncode == 1
    assert "prot" in done.stderr
