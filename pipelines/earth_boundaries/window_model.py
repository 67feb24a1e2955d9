"""The network that names the region of a window of ion spectra.

Two hidden layers on what a physicist would look at: the mean spectrum in logarithms, how much it
and the field vary within the window, strength of the field, temperature, and roughly where the
spacecraft is. The place counts for little on purpose: in a file of a few orbits it tells the label
almost by itself, and on the next orbit it is wrong. Importing this module needs torch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.earth_boundaries.regions import WINDOW_REGIONS
from pipelines.earth_boundaries.windows import ENERGIES, Windows, typical_x

Features = NDArray[np.float32]

#: Below this energy flux, eV/(cm2 s sr eV), there is nothing but noise.
_FLOOR = 3e3

#: Numbers that describe a window.
FEATURES = ENERGIES + 6

_HIDDEN = 64


def window_features(windows: Windows) -> Features:
    """Return what the network sees of windows.

    Returns
    -------
    features
        Shape (n, 38): the logarithm of the mean flux at each energy; of field, temperature, mean
        over all energies; relative fluctuations of field and flux in logarithms; X and whether it
        is known.
    """
    mean = windows.flux.mean(axis=1)
    spectrum = (np.log10(mean + _FLOOR) - 5.0) / 1.5
    total = windows.flux.mean(axis=2)
    x = typical_x(windows)
    columns = (
        np.log10(np.median(windows.field, axis=1) + 0.5) - 1.0,
        np.log10(np.median(windows.temperature, axis=1) + 1.0) - 3.0,
        _unrest(windows.field),
        _unrest(total),
        np.clip(np.nan_to_num(x), -30, 30) / 10.0,
        np.isfinite(x).astype(np.float64),
    )
    return np.column_stack([spectrum, *columns]).astype(np.float32)


def _unrest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the relative fluctuation within each window, about -1.5 to 1."""
    relative = values.std(axis=1) / np.maximum(values.mean(axis=1), 1e-6)
    return np.asarray(np.log10(relative + 1e-3) + 1.5)


class WindowNetwork(nn.Module):
    """Name each window one of `regions.WINDOW_REGIONS`."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, _HIDDEN),
            nn.SiLU(),
            nn.Dropout(0.2),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.SiLU(),
            nn.Dropout(0.2),
            nn.Linear(_HIDDEN, len(WINDOW_REGIONS)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map features (batch, 38) to logits (batch, 6)."""
        logits: Tensor = self.layers(x)
        return logits
