"""What the tests of Mercury's boundaries share: simulated orbits, and the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "mercury_boundaries"


@pytest.fixture(scope="session")
def mercury_data() -> Path:
    """Folder of the real orbits and lists; tests that need it are skipped elsewhere."""
    if not SHARED.is_dir():
        pytest.skip("the real orbits of MESSENGER are not beside this repository (../shared)")
    return SHARED


@pytest.fixture(scope="session")
def simulated_orbits():
    """Four simulated orbits with their truth; the seed is none that was trained on."""
    pytest.importorskip("scipy")
    from pipelines.mercury_boundaries.simulate import simulate

    return simulate(start="2012-02-01", orbits=4, seed=7)


@pytest.fixture(scope="session")
def mercury_detector():
    """The detector with the weights that come with the package."""
    pytest.importorskip("safetensors")
    torch = pytest.importorskip("torch")

    from pipelines.mercury_boundaries.detect import load_detector

    torch.set_num_threads(1)
    return load_detector()
