"""Draw the figures of the README from the answers for series left out in turn.

``python -m pipelines.icme.figures --data FOLDER --answers FILE.npz --output FOLDER`` draws an event
that was found well, one that was missed and a false alarm, a reliability diagram, the delay of
detection in real time over the waiting time, and scores over the amount of real data learnt from.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PipelineError, require
from pipelines.icme.crossed import mean_answers, rules_of
from pipelines.icme.decide import decide
from pipelines.icme.evaluate import calibrate
from pipelines.icme.leftout import RealSeries, read_answers, read_real
from pipelines.icme.measure import RESULTS
from pipelines.icme.model import CLASSES
from pipelines.signals.events import Intervals
from pipelines.signals.matching import match_events, match_strictly
from pipelines.sources.insitu import SAMPLES_PER_HOUR, InSituSeries

#: Hours that are shown before and after an event.
_AROUND = 36

#: Channels of a figure: name, label, whether the axis is logarithmic.
_PANELS = (
    ("vt", "V [km/s]", False),
    ("np", "N [cm$^{-3}$]", True),
    ("tp", "T [K]", True),
    ("beta", r"$\beta$ [1]", True),
    ("pdyn", r"P$_{dyn}$ [nPa]", True),
)

#: Legends stand above their panel, so that they hide nothing.
_ABOVE: Mapping[str, Any] = {
    "ncols": 4,
    "fontsize": 7,
    "loc": "lower right",
    "bbox_to_anchor": (1.0, 1.0),
    "borderaxespad": 0.2,
    "frameon": False,
}


@dataclass(frozen=True)
class Judged:
    """One series with what was found in it and what is true.

    Attributes
    ----------
    real
        The series.
    probabilities
        Shape (classes, n).
    true, found
        Half-open intervals.
    confidence
        Of those found, calibrated on the other series, shape (m,).
    """

    real: RealSeries
    probabilities: NDArray[np.float32]
    true: Intervals
    found: Intervals
    confidence: NDArray[np.float64]


def draw_event(judged: Judged, first: int, end: int, title: str, path: Path) -> None:
    """Draw all channels, the answers, the true and the found events around an interval."""
    pyplot = require("matplotlib.pyplot")
    series: InSituSeries = judged.real.series
    low = max(first - _AROUND * SAMPLES_PER_HOUR, 0)
    high = min(end + _AROUND * SAMPLES_PER_HOUR, len(series))
    time = series.time[low:high]
    figure, axes = pyplot.subplots(
        len(_PANELS) + 2, 1, figsize=(9, 10), sharex=True, layout="constrained"
    )
    axes[0].plot(time, series.channel("bt")[low:high], "k", lw=0.9, label="|B|")
    for name in ("bx", "by", "bz"):
        axes[0].plot(time, series.channel(name)[low:high], lw=0.6, label=f"B{name[1]}")
    axes[0].set_ylabel("B [nT]")
    axes[0].legend(**_ABOVE)
    for axis, (name, label, logarithmic) in zip(axes[1:], _PANELS, strict=False):
        derived = {"beta": series.beta, "pdyn": series.pdyn}
        values = derived[name] if name in derived else series.channel(name)
        axis.plot(time, values[low:high], "k", lw=0.7)
        axis.set_ylabel(label)
        if logarithmic:
            axis.set_yscale("log")
    axes[-1].stackplot(time, judged.probabilities[1:, low:high].astype(float), labels=CLASSES[1:])
    axes[-1].set_ylabel("probability [1]")
    axes[-1].set_ylim(0, 1)
    axes[-1].legend(**_ABOVE)
    axes[-1].set_xlabel("time [UTC]")
    for axis in axes:
        for edges in _shown(series, judged.true, low, high):
            axis.axvspan(*edges, color="tab:green", alpha=0.2, lw=0)
        for edges in _shown(series, judged.found, low, high):
            # A frame instead of a second shade: both stay visible where they overlap.
            axis.axvspan(*edges, fill=False, edgecolor="tab:red", lw=1.5, ls="--")
    axes[0].set_title(
        f"{title}: {judged.real.name} (shaded green: list; dashed red: detector)",
        fontsize=10,
        loc="left",
    )
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def _shown(
    series: InSituSeries, intervals: Intervals, low: int, high: int
) -> list[NDArray[np.datetime64]]:
    """Return the times of the intervals that touch a window, cut off at its ends."""
    touching = intervals[(intervals[:, 1] > low) & (intervals[:, 0] < high)]
    return [series.time_of(np.clip(each, low, high)) for each in touching]


def draw_reliability(several: Sequence[Judged], path: Path) -> None:
    """Draw how often detections of a confidence were real."""
    pyplot = require("matplotlib.pyplot")
    confidence = np.concatenate([each.confidence for each in several])
    real = np.concatenate(
        [~match_events(each.true, each.found).false_alarms for each in several]
    ).astype(float)
    order = np.argsort(confidence)
    figure, axis = pyplot.subplots(figsize=(4, 4), layout="constrained")
    axis.plot([0, 1], [0, 1], "k:", lw=0.8)
    for group in np.array_split(order, 5):
        share = real[group].mean()
        error = np.sqrt(max(share * (1 - share), 0.02) / len(group))
        axis.errorbar(confidence[group].mean(), share, error, fmt="o", color="tab:red")
    axis.set_xlabel("calibrated confidence")
    axis.set_ylabel("fraction that is real")
    axis.set_title(f"{len(confidence)} detections in series left out", fontsize=9)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def draw_delays(
    best: Sequence[dict[str, Any]], prompt: Sequence[dict[str, Any]], path: Path
) -> None:
    """Draw F1, delay and error of the start over the waiting time, for both kinds of rules."""
    pyplot = require("matplotlib.pyplot")
    figure, axes = pyplot.subplots(1, 3, figsize=(10, 3), layout="constrained")
    for axis, key, name in zip(
        axes,
        ("f1", "delay_fraction", "start_mae_h"),
        ("F1, any overlap", "delay / duration", "start error [h]"),
        strict=True,
    ):
        for rules, style, label in ((best, "o-", "best"), (prompt, "s--", "prompt, strictly")):
            waits = [each["wait_h"] for each in rules]
            axis.plot(waits, [each[key] for each in rules], style, label=label)
        axis.set_xlabel("waiting time [h]")
        axis.set_ylabel(name)
        axis.set_ylim(bottom=0)
    # Rüdisser et al. (2025, arXiv:2505.09365): Wind, OMNI and real-time data of 1998 to 2024.
    axes[0].plot([0.5, 19.5], [0.367, 0.497], "k^", label="ARCANE")
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def draw_learning(points: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw scores over the number of real ejections that were learnt from."""
    pyplot = require("matplotlib.pyplot")
    events = [each["events"] for each in points]
    figure, axis = pyplot.subplots(figsize=(5, 3.2), layout="constrained")
    for key, label in (("f1_any", "F1, any overlap"), ("f1_51", "F1, 51 %"), ("tss", "TSS")):
        axis.plot(events, [each["scores"][key] for each in points], "o-", label=label)
    axis.plot(events, [each["auc"] for each in points], "s:", label="AUC of samples")
    axis.set_xlabel("real ejections learnt from (0: simulated years only)")
    axis.set_ylim(0, 1)
    axis.legend(fontsize=8)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def examples(several: Sequence[Judged]) -> dict[str, tuple[Judged, int, int]]:
    """Return the event found best, a missed one and a false alarm: the longest of their kind."""
    best: dict[str, tuple[float, tuple[Judged, int, int]]] = {}

    def offer(kind: str, value: float, event: tuple[Judged, int, int]) -> None:
        if kind not in best or value > best[kind][0]:
            best[kind] = (value, event)

    for each in several:
        strict, loose = match_strictly(each.true, each.found), match_events(each.true, each.found)
        for (first, end), partner in zip(each.true, strict.partner, strict=True):
            if partner >= 0:
                low, high = each.found[partner]
                ratio = (min(end, high) - max(first, low)) / (max(end, high) - min(first, low))
                offer("found", ratio, (each, int(first), int(end)))
        for first, end in each.true[~loose.found]:
            offer("missed", float(end - first), (each, int(first), int(end)))
        for first, end in each.found[loose.false_alarms]:
            offer("false", float(end - first), (each, int(first), int(end)))
    return {kind: event for kind, (_, event) in best.items()}


def judge(data: Path, answers_file: Path) -> list[Judged]:
    """Return the series left out with what networks that never saw them found."""
    real, answers = read_real(data).left_out, read_answers(answers_file)
    rules, means = rules_of(real, answers), mean_answers(answers)
    held_out = [one.held_out(means[number]) for number, one in enumerate(real)]
    judged = []
    for one, each, rule in zip(real, held_out, rules, strict=True):
        found = decide(each.probabilities, rule, each.usable)
        others = [other for other in held_out if other is not each]
        confidence = calibrate(others, rule)(found.confidence)
        judged.append(Judged(one, each.probabilities, each.true, found.intervals, confidence))
    return judged


def main() -> int:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description="Figures of the ICME detector.")
    parser.add_argument("--data", type=Path, required=True, help="folder with icme/ and cir/")
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "figures")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    try:
        judged = judge(arguments.data, arguments.answers)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    arguments.output.mkdir(parents=True, exist_ok=True)
    titles = {"found": "Found well", "missed": "Missed", "false": "False alarm"}
    for kind, (each, first, end) in examples(judged).items():
        draw_event(each, first, end, titles[kind], arguments.output / f"{kind}.png")
    draw_reliability(judged, arguments.output / "reliability.png")
    results = json.loads(arguments.results.read_text())
    draw_delays(results["streaming"], results["prompt"], arguments.output / "delay.png")
    draw_learning(results["learning"], arguments.output / "learning.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
