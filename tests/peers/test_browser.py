"""The pages in a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.peers,
    pytest.mark.usefixtures("moons"),
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
]


def rendered(url: str, profile: Path) -> str:
    assert BROWSER is not None
    flags = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")
    done = subprocess.run(
        [BROWSER, *flags, f"--user-data-dir={profile}", "--virtual-time-budget=8000",
         "--dump-dom", url],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    return done.stdout


def test_the_first_page_shows_the_catalogues(service, tmp_path):
    page = rendered(f"{service}/", tmp_path)
    assert "Moons of a test" in page
    assert f"{service}/tap" in page


def test_a_catalogue_shows_its_rows_and_columns(service, tmp_path):
    page = rendered(f"{service}/catalogue/moons", tmp_path)
    assert "Ganymede" in page
    assert "phys.size.radius" in page
    assert 'ice &amp; "sea" &lt;deep&gt;' in page


def test_a_query_is_run_and_its_rows_are_shown(service, tmp_path):
    query = "SELECT granule_uid, note FROM moons.epn_core WHERE rank = 2"
    page = rendered(f"{service}/?query={quote(query)}", tmp_path)
    assert "<td>Europa</td>" in page
    assert "1 rows" in page


def test_a_wrong_query_is_explained(service, tmp_path):
    page = rendered(f"{service}/?query={quote('SELECT x FROM moons.epn_core')}", tmp_path)
    assert "there is no column x" in page
