"""What the tests of the pipelines share: simulated years, and real data beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "icme"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real series and lists; tests that need it are skipped elsewhere."""
    if not SHARED.is_dir():
        pytest.skip("the real solar-wind data are not beside this repository (../shared)")
    return SHARED


@pytest.fixture(scope="session")
def simulated_year():
    """A year of simulated wind with its truth; the seed is none that was trained on."""
    pytest.importorskip("scipy")
    from pipelines.icme.simulate import simulate

    return simulate(seed=7, days=365)


@pytest.fixture(scope="session")
def detector():
    """The detector with the weights that come with the package."""
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    import torch

    from pipelines.icme.detect import load_detector

    torch.set_num_threads(1)
    return load_detector()
