"""What is installed works without the source tree."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the content of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps",
         "--wheel-dir", str(folder), str(ROOT)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    assert wheel.stat().st_size < 8_000_000
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, code: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"},
        cwd=cwd, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_schemas_and_sql_are_found_from_any_directory(installed, tmp_path):
    code = (
        "from epntap.catalogue import known_catalogues, read_catalogue\n"
        "from epntap.resources import schema_folder, sql_folder\n"
        "assert 'site/epntap' in str(schema_folder()), schema_folder()\n"
        "assert list((sql_folder() / 'migrations').glob('*.sql'))\n"
        "assert list((sql_folder() / 'functions').glob('*.sql'))\n"
        "print(known_catalogues(), len(read_catalogue('icme').columns))"
    )
    assert "'icme'" in run(installed, code, tmp_path)


def test_pages_and_weights_travel_along(installed):
    for pattern in (
        "epntap/portal/templates/*.html",
        "epntap/portal/static/*",
        "epntap/py.typed",
        "pipelines/py.typed",
        "pipelines/icme/weights/*.safetensors",
    ):
        assert list(installed.glob(pattern)), pattern


def test_the_service_and_the_list_of_pipelines_need_no_torch(installed, tmp_path):
    code = (
        "import sys\n"
        "for name in ('torch', 'sklearn', 'safetensors', 'matplotlib', 'scipy'):\n"
        "    sys.modules[name] = None\n"
        "import epntap.service, epntap.cli, epntap.publish\n"
        "from pipelines.icme import pipeline\n"
        "print(pipeline.title)\n"
        "try:\n"
        "    pipeline.run('simulation:2024-01-01/2024-02-01')\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    said = run(installed, code, tmp_path)
    assert "Interplanetary" in said
    assert "epntap[pipelines]" in said


def test_epntap_never_imports_pipelines():
    for path in (ROOT / "epntap").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import pipelines" not in text, path
        assert "from pipelines" not in text, path
