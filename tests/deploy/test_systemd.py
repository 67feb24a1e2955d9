"""The units of systemd: what systemd itself says of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
NAMES = ("epntap.service", "epntap-worker@.service")

#: The exposure that docs and deploy/README.md tell; systemd calls up to 2.0 well protected.
EXPOSURE = 1.3

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units with a program that is there: systemd looks whether it can be started."""
    folder = tmp_path_factory.mktemp("units")
    for name in NAMES:
        text = (UNITS / name).read_text(encoding="utf-8")
        assert "/opt/epntap/bin/epntap " in text
        text = text.replace("/opt/epntap/bin/epntap ", f"{sys.executable} -m epntap.cli ")
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", ["epntap.service", "epntap-worker@gpu.service"])
def test_a_unit_is_verified_without_a_remark(units: Path, name: str) -> None:
    result = analyze("verify", "--man=no", str(units / name))
    remarks = [line for line in result.stderr.splitlines() if "epntap" in line]
    assert result.returncode == 0, result.stderr
    assert not remarks


def test_a_wrong_unit_would_be_remarked_upon(units: Path, tmp_path: Path) -> None:
    text = (units / NAMES[0]).read_text(encoding="utf-8")
    (tmp_path / NAMES[0]).write_text(
        text.replace("ProtectSystem=strict", "ProtectSystem=strictly"), encoding="utf-8"
    )
    result = analyze("verify", "--man=no", str(tmp_path / NAMES[0]))
    assert "strictly" in result.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_is_exposed_no_more_than_the_documentation_says(units: Path, name: str) -> None:
    result = analyze("security", "--offline=true", "--no-pager", str(units / name))
    if "offline" in result.stderr:
        pytest.skip("this systemd cannot judge units that it does not run")
    found = re.search(r"exposure level for \S+: ([\d.]+)", result.stdout)
    assert found, result.stderr
    assert float(found[1]) <= EXPOSURE
