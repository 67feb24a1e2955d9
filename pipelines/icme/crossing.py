"""Scores of the detector where it has never been: one spacecraft or year left out after the other.

Three real series are left out in turn. Networks are trained on the other two, on hourly OMNI values
and on simulated years, for a fixed number of steps. The event rule and the calibration come from
those other series as well: each of them is answered for by networks that saw neither it nor the
series left out. So nothing of a series decides anything about its own score.

``python -m pipelines.icme.crossing --data FOLDER --answers FILE.npz --weights FOLDER`` does it all,
and trains the networks that are shipped. Answers that are there already are used again.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.contract import Progress, silent
from pipelines.errors import PipelineError, require
from pipelines.icme.detect import class_probabilities, first_sample, load_network, write_detector
from pipelines.icme.evaluate import HeldOut, calibrate, choose_rule
from pipelines.icme.features import REFERENCE, features, usable_samples
from pipelines.icme.labels import add_obstacles, label_intervals, read_labels, read_regions
from pipelines.icme.source import open_source
from pipelines.icme.train import Labelled, fit_fully, label, training_simulations
from pipelines.sources.insitu import InSituSeries

#: Batches of training. Fixed beforehand: there is no data to choose it on.
STEPS = 300

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


def cross(
    real: Sequence[RealSeries],
    always: Sequence[RealSeries],
    *,
    seeds: Sequence[int],
    inner_seeds: Sequence[int],
    steps: int = STEPS,
    networks: Path | None = None,
    progress: Progress = silent,
) -> Answers:
    """Train with one and with two of the series left out, and let the networks answer for those.

    Parameters
    ----------
    real
        Series that are left out in turn.
    always
        Series that always teach.
    seeds, inner_seeds
        One network each, for scoring and for the choice of the rule.
    steps
        Batches of training.
    networks
        Folder where networks are kept; those that are there already are not trained again.
    progress
        Told after each network.
    """
    simulated = training_simulations()
    labelled = [each.labelled() for each in real]
    constant = [each.labelled() for each in always]
    singles = [(number,) for number in range(len(real))]
    pairs = list(itertools.combinations(range(len(real)), 2))
    work = [(left, seed) for left in singles for seed in seeds]
    work += [(left, seed) for left in pairs for seed in inner_seeds]
    found: dict[tuple[int, ...], list[dict[int, Probabilities]]] = {}
    for done, (left, seed) in enumerate(work):
        training = [each for number, each in enumerate(labelled) if number not in left]
        teach = partial(fit_fully, [*training, *constant], simulated, seed=seed, steps=steps)
        network = kept_network(networks, network_name(left, seed), teach)
        answers = {
            number: class_probabilities(
                (network,), labelled[number].inputs, first_sample(real[number].series)
            )
            for number in left
        }
        found.setdefault(left, []).append(answers)
        progress(
            "training without " + " and ".join(real[n].name for n in left), done + 1, len(work)
        )
    outer = {number: [each[number] for each in found[number,]] for number in range(len(real))}
    inner: dict[int, dict[int, Probabilities]] = {number: {} for number in range(len(real))}
    for pair in pairs:
        for out, other in (pair, pair[::-1]):
            inner[out][other] = np.mean([each[other] for each in found[pair]], axis=0)
    return Answers(outer, inner)


def network_name(left: Sequence[int], seed: int) -> str:
    """Return the name of the file of a network: which series it never saw, and its seed."""
    return f"without{''.join(str(each) for each in left)}_seed{seed}.safetensors"


def kept_network(folder: Path | None, name: str, teach: Callable[[], Any]) -> Any:
    """Return a network from its file, or train it and keep it there.

    Parameters
    ----------
    folder
        Where files are; `None` when nothing is kept.
    name
        Of the file.
    teach
        Trains the network.
    """
    if folder is None:
        return teach()
    path = folder / name
    if path.exists():
        return load_network(path)
    network = teach()
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(require("safetensors.torch").save(network.state_dict()))
    return network


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


def ship(
    real: Sequence[RealSeries],
    always: Sequence[RealSeries],
    answers: Answers,
    folder: Path,
    *,
    seeds: Sequence[int],
    steps: int = STEPS,
    networks: Path | None = None,
    progress: Progress = silent,
) -> None:
    """Train the networks that are shipped on everything, and write them with their rule.

    The rule and the calibration come from the answers for the series left out, all together.
    """
    from pipelines.icme.crossed import crossed_scores, mean_answers

    simulated = training_simulations()
    labelled = [each.labelled() for each in (*real, *always)]
    shipped = {}
    for done, seed in enumerate(seeds):
        teach = partial(fit_fully, labelled, simulated, seed=seed, steps=steps)
        shipped[f"seed{seed}"] = kept_network(networks, network_name((), seed), teach)
        progress("training on everything", done + 1, len(seeds))
    held_out = [real[number].held_out(each) for number, each in mean_answers(answers).items()]
    rule, _ = choose_rule(held_out)
    notes = {
        "protocol": "pipelines.icme.crossing",
        "steps": steps,
        "crossed": crossed_scores(real, answers),
        "sources": [each.series.description for each in (*real, *always)],
        "sources_sha256": [each.series.sha256() for each in (*real, *always)],
    }
    for old in folder.glob("*.safetensors"):
        old.unlink()
    write_detector(folder, shipped, rule, calibrate(held_out, rule), notes)


def main() -> int:
    """Read the command line, train, and write answers, scores and, if wanted, weights."""
    parser = argparse.ArgumentParser(description="Train and score, one series left out in turn.")
    parser.add_argument("--data", type=Path, required=True, help="folder with icme/ and cir/")
    parser.add_argument("--answers", type=Path, required=True, help="file .npz for the answers")
    parser.add_argument("--networks", type=Path, help="folder where networks are kept")
    parser.add_argument("--weights", type=Path, help="folder for networks trained on everything")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--inner-seeds", type=int, default=2)
    parser.add_argument("--shipped-seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)

    def tell(description: str, done: int, total: int) -> None:
        print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)

    try:
        data = read_real(arguments.data)
        real, always = data.left_out, [data.near_earth]
        if arguments.answers.exists():
            answers = read_answers(arguments.answers)
        else:
            answers = cross(
                real,
                always,
                seeds=range(arguments.seeds),
                inner_seeds=range(10, 10 + arguments.inner_seeds),
                steps=arguments.steps,
                networks=arguments.networks,
                progress=tell,
            )
            write_answers(answers, arguments.answers)
        if arguments.weights:
            ship(
                real,
                always,
                answers,
                arguments.weights,
                seeds=range(arguments.shipped_seeds),
                steps=arguments.steps,
                networks=arguments.networks,
                progress=tell,
            )
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
