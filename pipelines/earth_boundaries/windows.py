"""Windows of MMS: three minutes of ion spectra with field, temperature and place, and labels.

The files are those of N. Ahmadi's "Magnetospheric-Regions" as ``.npz``: ``flux`` (n, 40, 32),
``parameters`` (n, 40, 3) with |B|, ion temperature and X in GSE, ``labels`` (n,).
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.earth_boundaries.regions import WINDOW_REGIONS
from pipelines.errors import LabelError, SourceError

Values = NDArray[np.float64]

#: Time steps and energies of a window.
STEPS, ENERGIES = 40, 32

#: Neighbours in a file whose X differs by more than this, Earth radii, are of different passes.
_SAME_PASS = 1.0


@dataclass(frozen=True)
class Windows:
    """Windows of measurements.

    Attributes
    ----------
    flux
        Omnidirectional ion energy flux, eV/(cm2 s sr eV), shape (n, 40, 32), energies ascending.
    field
        Magnitude of the magnetic field, nT, shape (n, 40).
    temperature
        Of the ions, eV, shape (n, 40).
    x
        GSE X of the spacecraft, Earth radii, shape (n, 40); NaN where unknown.
    labels
        Numbers of `regions.WINDOW_REGIONS`, shape (n,); ``None`` where nobody labelled them.
    """

    flux: Values
    field: Values
    temperature: Values
    x: Values
    labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.flux)

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Windows:
        """Return some of the windows, chosen by flags or numbers."""
        return Windows(
            self.flux[which],
            self.field[which],
            self.temperature[which],
            self.x[which],
            None if self.labels is None else self.labels[which],
        )

    def required_labels(self) -> NDArray[np.int64]:
        """Return the labels.

        Raises
        ------
        LabelError
            If there are none.
        """
        if self.labels is None:
            raise LabelError(
                "the windows have no labels",
                hint="an array 'labels' with a number from 0 to 5 for each window is needed",
            )
        return self.labels

    def sha256(self) -> str:
        """Return the hexadecimal digest of the measurements."""
        digest = hashlib.sha256()
        for values in (self.flux, self.field, self.temperature, self.x):
            digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return digest.hexdigest()


def join(several: list[Windows]) -> Windows:
    """Return the windows of several sets in one, with labels if all of them have some."""
    labels = [each.labels for each in several if each.labels is not None]
    return Windows(
        *(
            np.concatenate([getattr(each, name) for each in several])
            for name in ("flux", "field", "temperature", "x")
        ),
        labels=np.concatenate(labels) if len(labels) == len(several) else None,
    )


def window_files(path: Path) -> list[Path]:
    """Return the files of windows that a path names: itself, or those in it in order of names."""
    return sorted(path.glob("*.npz")) if path.is_dir() else [path]


def read_windows(path: Path) -> Windows:
    """Read a file of windows, or all those of a folder.

    Raises
    ------
    SourceError
        If it is no such file, or an array is missing or has another shape.
    LabelError
        If a label is none of the six.
    """
    if path.is_dir():
        return join([read_windows(each) for each in window_files(path)])
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path} cannot be read as .npz: {error}") from error
    missing = [name for name in ("flux", "parameters") if name not in found]
    if missing:
        raise SourceError(
            f"{path} has no array {missing[0]!r}",
            hint=f"windows are arrays flux (n, {STEPS}, {ENERGIES}) and parameters (n, {STEPS}, 3)",
        )
    flux, parameters = found["flux"], found["parameters"]
    if flux.shape[1:] != (STEPS, ENERGIES) or parameters.shape != (len(flux), STEPS, 3):
        raise SourceError(
            f"{path}: flux is {flux.shape} and parameters {parameters.shape}",
            hint=f"they are (n, {STEPS}, {ENERGIES}) and (n, {STEPS}, 3)",
        )
    plain = parameters.astype(np.float64)
    labels = _labels(path, found["labels"], len(flux)) if "labels" in found else None
    return Windows(flux.astype(np.float64), plain[:, :, 0], plain[:, :, 1], plain[:, :, 2], labels)


def read_window_labels(path: Path, count: int) -> NDArray[np.int64]:
    """Read the labels of `count` windows: array ``labels`` of an ``.npz``, or a number a line.

    Those of a folder are those of its ``.npz`` files, in order of their names.

    Raises
    ------
    LabelError
        If there are none, not as many as windows, or one is none of the six.
    """
    try:
        if not path.is_dir() and path.suffix.lower() != ".npz":
            return _labels(path, np.loadtxt(path, comments=("#", "label")), count)
        several = []
        for each in window_files(path):
            with np.load(each, allow_pickle=False) as arrays:
                if "labels" not in arrays.files:
                    raise LabelError(f"{each} has no array 'labels'")
                several.append(arrays["labels"])
        return _labels(path, np.concatenate(several), count)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise LabelError(f"{path} cannot be read as labels: {error}") from error


def _labels(path: Path, values: NDArray[np.generic], count: int) -> NDArray[np.int64]:
    if values.shape != (count,):
        raise LabelError(f"{path}: {values.shape} labels for {count} windows")
    labels = values.astype(np.int64)
    wrong = np.flatnonzero((labels < 0) | (labels >= len(WINDOW_REGIONS)) | (labels != values))
    if wrong.size:
        raise LabelError(
            f"{path}: label {values[wrong[0]]} of window {wrong[0]} is none of the six",
            hint=f"0 to 5 stand for {', '.join(WINDOW_REGIONS)}",
        )
    return labels


def passes(windows: Windows) -> NDArray[np.int64]:
    """Return the pass that each window belongs to, numbered from 0, shape (n,).

    The files tell no times. Windows are in order along an orbit, so a pass goes on while the label
    stays and the place changes by less than an Earth radius from one window to the next.
    """
    labels = windows.required_labels()
    x = typical_x(windows)
    # A place that is not known ends no pass.
    jumps = np.abs(np.diff(x)) > _SAME_PASS
    changes = (np.diff(labels) != 0) | jumps
    return np.concatenate(([0], np.cumsum(changes))).astype(np.int64)


def typical_x(windows: Windows) -> Values:
    """Return the median X of each window, Earth radii; NaN where none is known, shape (n,)."""
    known = np.isfinite(windows.x)
    ordered = np.sort(np.where(known, windows.x, np.inf), axis=1)
    count = known.sum(axis=1)
    rows = np.arange(len(windows))
    low = ordered[rows, np.maximum((count - 1) // 2, 0)]
    high = ordered[rows, np.minimum(count // 2, STEPS - 1)]
    # Two infinities stand for no place at all.
    middle = 0.5 * (low + high)
    return np.where(np.isfinite(middle), middle, np.nan)
