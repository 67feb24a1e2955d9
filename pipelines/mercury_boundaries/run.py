"""A run over a series piece by piece, and its evaluation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import Progress, Span, empty_frame, silent
from pipelines.errors import LabelError
from pipelines.mercury_boundaries.catalogue import COLUMNS, build_frame
from pipelines.mercury_boundaries.detect import Detector, load_detector
from pipelines.mercury_boundaries.evaluate import TOLERANCE, all_scores
from pipelines.mercury_boundaries.features import Bins, bin_series
from pipelines.mercury_boundaries.files import read_regions
from pipelines.mercury_boundaries.labels import (
    UNKNOWN,
    Classes,
    classes_of,
    classes_of_types,
    crossings_from_classes,
)
from pipelines.mercury_boundaries.lists import Crossings, read_crossings
from pipelines.mercury_boundaries.passages import Passages
from pipelines.mercury_boundaries.series import MagSeries, to_datetime, to_seconds
from pipelines.mercury_boundaries.source import open_source

#: Seconds of a series that are worked on at a time, so that memory does not grow with it.
PIECE: Final = 8 * 86400


def catalogue_frame(
    series: MagSeries,
    detector: Detector,
    span: Span | None,
    *,
    margin: timedelta,
    position: bool,
    model: str,
    version: str,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return the rows of the crossings that begin within a span, all when it is not given.

    A long span is worked on in pieces; since rows do not depend on where data are cut, they are
    those of a run over everything.
    """
    asked = span or series.extent
    first, last = to_seconds(asked.start), to_seconds(asked.stop)
    first = max(first, series.first - PIECE)
    last = min(last, series.first + len(series) + PIECE)
    frames = []
    starts = range(first, max(last, first), PIECE)
    for number, start in enumerate(starts):
        frames.append(
            _piece(
                series,
                detector,
                (start, min(start + PIECE, last)),
                margin=margin,
                position=position,
                model=model,
                version=version,
            )
        )
        progress("detecting", number + 1, len(starts))
    found = [each for each in frames if len(each)]
    return pd.concat(found, ignore_index=True) if found else empty_frame(COLUMNS)


def _piece(
    series: MagSeries,
    detector: Detector,
    wanted: tuple[int, int],
    *,
    margin: timedelta,
    position: bool,
    model: str,
    version: str,
) -> pd.DataFrame:
    reach = round(margin.total_seconds())
    part = series.between(wanted[0] - reach, wanted[1] + reach)
    if len(part) == 0:
        return empty_frame(COLUMNS)
    _, passages = search(part, detector, position=position)
    begins = passages.crossings.start
    mine = (begins >= wanted[0]) & (begins < wanted[1])
    return build_frame(
        part,
        passages,
        detector.calibration(passages.score),
        mine,
        model=model,
        version=version,
        digest=detector.digest,
    )


def search(
    series: MagSeries,
    detector: Detector,
    *,
    position: bool = True,
    progress: Progress = silent,
) -> tuple[Bins, Passages]:
    """Return the bins of a series and the passages that are found in them."""
    bins = bin_series(series if position else series.without_position())
    return bins, detector.passages(bins, progress)


def read_truth(labels: Path, series: MagSeries) -> tuple[Classes, Crossings]:
    """Return the class of each second of a series and the intervals by labels.

    Parameters
    ----------
    labels
        Orbits with ``type_num``, or a list of intervals.
    series
        What is labelled.

    Raises
    ------
    LabelError
        If the labels cannot be used or none lies in the series.
    """
    if labels.is_dir() or _is_orbit(labels):
        first, types = read_regions(labels)
        classes = np.full(len(series), UNKNOWN, dtype=np.int8)
        offset = first - series.first
        low, high = max(offset, 0), min(offset + len(types), len(series))
        if low < high:
            classes[low:high] = classes_of_types(types)[low - offset : high - offset]
        crossings = crossings_from_classes(classes, series.first)
    else:
        known = read_crossings(labels).within(series.first, series.first + len(series))
        classes = classes_of(known, series.first, len(series))
        crossings = known
    if not (classes != UNKNOWN).any():
        raise LabelError(
            f"nothing of {labels} lies in {series.description}, "
            f"{to_datetime(series.first)} to {to_datetime(series.first + len(series))}",
            hint="are both of the same time?",
        )
    return classes, crossings


def _is_orbit(path: Path) -> bool:
    """Return whether a file is an orbit with regions rather than a list."""
    if not path.name.lower().endswith((".csv", ".csv.gz")):
        return False
    try:
        return "type_num" in pd.read_csv(path, nrows=0).columns
    except (OSError, ValueError) as error:
        raise LabelError(f"{path} cannot be read: {error}") from error


def run_evaluation(
    source: str | Path | MagSeries,
    labels: Path,
    *,
    weights: Path,
    position: bool = True,
    tolerance: float | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score detections against labels; see `MercuryBoundariesPipeline.evaluate`."""
    series = open_source(source, progress=progress)
    true, crossings = read_truth(labels, series)
    detector = load_detector(weights)
    bins, passages = search(series, detector, position=position, progress=progress)
    measured: NDArray[np.bool_] = np.isfinite(series.field).all(axis=1)
    counted = np.where(measured, true, UNKNOWN).astype(np.int8)
    scores = all_scores(
        counted,
        passages.classes(bins, series.first, len(series)),
        passages.regions(bins, series.first, len(series)),
        crossings,
        passages.crossings,
        TOLERANCE if tolerance is None else float(tolerance),
    )
    return {
        **scores,
        "position": position and series.position is not None,
        "source": series.description,
        "labels": labels.name,
        "weights_digest": detector.digest,
    }
