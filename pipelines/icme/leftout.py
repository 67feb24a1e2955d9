"""Real series, one of which is left out, and what networks say of series that they never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.icme.evaluate import HeldOut
from pipelines.icme.features import REFERENCE, features, usable_samples
from pipelines.icme.labels import add_obstacles, label_intervals, read_labels, read_regions
from pipelines.icme.source import open_source
from pipelines.icme.train import Labelled, label
from pipelines.sources.insitu import InSituSeries

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class RealSeries:
    """A real series with the lists of its events.

    Attributes
    ----------
    name
        Short, for tables.
    series
        Measurements.
    ejections, regions
        Columns `pipelines.signals.events.TRUTH_COLUMNS` and ``REGION_COLUMNS``.
    complete
        Whether all interaction regions are listed.
    """

    name: str
    series: InSituSeries
    ejections: pd.DataFrame
    regions: pd.DataFrame | None
    complete: bool

    def labelled(self) -> Labelled:
        """Return the inputs of the network with what it should say."""
        return label(self.series, self.ejections, self.regions, complete=self.complete)

    def between(self, name: str, first: str, last: str) -> RealSeries:
        """Return a part with a name of its own; the lists need not be cut."""
        part = self.series.between(np.datetime64(first), np.datetime64(last))
        return RealSeries(name, part, self.ejections, self.regions, self.complete)

    def held_out(self, probabilities: Probabilities) -> HeldOut:
        """Return answers for this series with its truth."""
        usable = usable_samples(features(self.series, REFERENCE))
        return HeldOut(probabilities, label_intervals(self.ejections, self.series), usable)


@dataclass(frozen=True)
class RealData:
    """The real series that there are.

    Attributes
    ----------
    wind, behind
        Wind in 2019, and STEREO-B from January 2013 to September 2014.
    near_earth
        Hourly OMNI values of 1998 to 2002, without temperature.
    """

    wind: RealSeries
    behind: RealSeries
    near_earth: RealSeries

    @property
    def left_out(self) -> list[RealSeries]:
        """The three series that are left out in turn."""
        return [
            self.wind,
            self.behind.between("STEREO-B 2013", "2013-01-01", "2014-01-01"),
            self.behind.between("STEREO-B 2014", "2014-01-01", "2015-01-01"),
        ]


def read_real(data: Path) -> RealData:
    """Read the real series and the lists of their events.

    Parameters
    ----------
    data
        Folder with ``icme/`` and ``cir/``: series, intervals, ICMECAT, lists of interaction
        regions, under the names of the file list in the README.
    """
    icme, cir = data / "icme", data / "cir"
    catalogue = icme / "HELIO4CAST_ICMECAT_v22.csv"

    def series(file: str, labels: str, regions: str, *, name: str, complete: bool) -> RealSeries:
        measured = open_source(icme / file)
        craft = measured.spacecraft.name
        ejections = add_obstacles(read_labels(icme / labels, craft), read_labels(catalogue, craft))
        return RealSeries(name, measured, ejections, read_regions(cir / regions), complete)

    wind = series(
        "insitu_wind_2019_10min.csv.gz",
        "label_intervals_wind_2019.csv",
        "allen2021_sir_l1_2018_2019.csv",
        name="Wind 2019",
        complete=False,
    )
    behind = series(
        "insitu_stereob_2013_2014_10min.csv.gz",
        "label_intervals_stereob_2013_2014.csv",
        "sircat_v10_stereob_2013_2014.csv",
        name="STEREO-B",
        complete=True,
    )
    omni = open_source(f"omni:{icme / 'omni_hourly_1998_2002.csv.gz'}")
    near_earth = RealSeries("OMNI 1998-2002", omni, read_labels(catalogue, "Wind"), None, False)
    return RealData(wind, behind, near_earth)


@dataclass(frozen=True)
class Answers:
    """What networks say about series that they never saw.

    Attributes
    ----------
    outer
        ``outer[left_out][seed]``: probabilities of the series left out, shape (classes, n).
    inner
        ``inner[left_out][other]``: of each other series, by networks that saw neither; mean over
        seeds.
    """

    outer: Mapping[int, Sequence[Probabilities]]
    inner: Mapping[int, Mapping[int, Probabilities]]


def write_answers(answers: Answers, path: Path) -> None:
    """Keep answers in a compressed file, to three digits."""
    arrays = {
        f"outer_{out}_{seed}": each.astype(np.float16)
        for out, several in answers.outer.items()
        for seed, each in enumerate(several)
    }
    for out, others in answers.inner.items():
        arrays |= {
            f"inner_{out}_{other}": each.astype(np.float16) for other, each in others.items()
        }
    np.savez_compressed(path, **arrays)


def read_answers(path: Path) -> Answers:
    """Read what `write_answers` kept."""
    outer: dict[int, list[Probabilities]] = {}
    inner: dict[int, dict[int, Probabilities]] = {}
    with np.load(path) as arrays:
        for name in arrays.files:
            kind, out, other = name.split("_")
            values = arrays[name].astype(np.float32)
            if kind == "outer":
                outer.setdefault(int(out), []).append(values)
            else:
                inner.setdefault(int(out), {})[int(other)] = values
    return Answers(outer, inner)
