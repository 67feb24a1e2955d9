"""From windows to regions: the trained networks, loaded, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.earth_boundaries.weights import CASE
from pipelines.earth_boundaries.windows import Windows
from pipelines.errors import require
from pipelines.weights import load_into, weight_files

#: Windows that are looked at together; bounds the memory.
_BATCH = 4096


def name_windows(networks: Sequence[Any], windows: Windows) -> NDArray[np.float64]:
    """Return the probabilities of the six regions, the mean of all networks, shape (n, 6)."""
    torch = require("torch")
    from pipelines.earth_boundaries.window_model import window_features

    features = torch.from_numpy(window_features(windows))
    total = np.zeros((len(windows), 6))
    with torch.no_grad():
        for network in networks:
            parts = [torch.softmax(network(part), dim=1) for part in features.split(_BATCH)]
            total += torch.cat(parts).numpy()
    return np.asarray(total / len(networks))


def load_window_networks(folder: Path) -> list[Any]:
    """Load all networks for windows of a folder, in evaluation mode.

    Raises
    ------
    WeightsError
        If there are none, or they are those of another network.
    """
    from pipelines.earth_boundaries.window_model import WindowNetwork

    return [load_into(WindowNetwork(), path) for path in weight_files(folder, CASE, "windows_*")]
