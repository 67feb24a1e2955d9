"""Measure what the README says of the ICME detector, and keep it in ``results.json``.

``python -m pipelines.icme.measure --data FOLDER --answers FILE.npz --networks FOLDER
--streams FILE.npz`` scores the answers and networks of `pipelines.icme.crossing`, the baselines,
what is learnt from less data, detection in real time and the agreement of lists.
`pipelines.icme.report` prints the tables.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.errors import PipelineError, require
from pipelines.icme.baselines import forest_answers, threshold_answers
from pipelines.icme.crossed import crossed_scores, mean_answers, rules_of, scored
from pipelines.icme.crossing import network_name
from pipelines.icme.detect import SHIPPED_WEIGHTS, first_sample, load_network
from pipelines.icme.features import REFERENCE
from pipelines.icme.labels import read_labels
from pipelines.icme.learning import learning_curve, plain_points
from pipelines.icme.leftout import Answers, RealSeries, read_answers, read_real
from pipelines.icme.lists import agreement, read_richardson_cane
from pipelines.icme.realtime import StreamRules
from pipelines.icme.streaming import stream_inputs, streamed_probabilities
from pipelines.icme.timeliness import (
    StreamJudgement,
    choose_stream_rule,
    judge_stream,
    stream_candidates,
)
from pipelines.signals.events import TRUTH_COLUMNS

#: Waiting times, hours; 0.5 and 19.5 are those of which Rüdisser et al. (2025) give scores.
WAITS = (0.5, 2.0, 4.0, 8.0, 12.0, 19.5, 30.0)

#: Waiting times for which rules are shown as well that announce events within this part of their
#: duration, which Rüdisser et al. (2025) reach: of those waits it is possible.
PROMPT_WAITS, PROMPT = (0.5, 2.0), 0.24

RESULTS = Path(__file__).parent / "results.json"


def streams(
    real: Sequence[RealSeries], networks: Path, seeds: Sequence[int], file: Path
) -> list[list[Any]]:
    """Return what networks that never saw a series say of it in real time: ``[series][wait]``.

    Answers are kept in a file, and used again when it is there.
    """
    if file.exists():
        with np.load(file) as kept:
            return [
                [kept[f"{number}_{wait:g}"].astype(np.float32) for wait in WAITS]
                for number in range(len(real))
            ]
    streamed = []
    for number, one in enumerate(real):
        used = [load_network(networks / network_name((number,), seed)) for seed in seeds]
        inputs = stream_inputs(one.series, REFERENCE)
        streamed.append(streamed_probabilities(used, inputs, first_sample(one.series), WAITS))
    arrays = {
        f"{number}_{wait:g}": answer.astype(np.float16)
        for number, answers in enumerate(streamed)
        for wait, answer in zip(WAITS, answers, strict=True)
    }
    np.savez_compressed(file, **arrays)
    return streamed


def stream_tables(
    real: Sequence[RealSeries], streamed: Sequence[Sequence[Any]]
) -> list[list[list[StreamJudgement]]]:
    """Return what each rule of real time does: ``[wait][series][rule]``."""
    tables = []
    for place, wait in enumerate(WAITS):
        several = [
            one.held_out(answers[place]) for one, answers in zip(real, streamed, strict=True)
        ]
        tables.append(
            [[judge_stream(each, rule, wait) for rule in stream_candidates()] for each in several]
        )
    return tables


def streaming_scores(
    tables: Sequence[Sequence[Sequence[StreamJudgement]]],
    waits: Sequence[float] = WAITS,
    latest: float = np.inf,
    *,
    published: bool = False,
) -> tuple[list[dict[str, float]], StreamRules]:
    """Score detection in real time, one line a waiting time.

    The rule for a series is chosen on the other series' streams; the rules that are shipped on all.

    Parameters
    ----------
    tables
        What `stream_tables` returns.
    waits
        Of those, the waiting times that are wanted.
    latest, published
        See `choose_stream_rule`.
    """
    choose = partial(choose_stream_rule, latest=latest, published=published)
    lines, shipped = [], []
    for wait in waits:
        of_series = tables[WAITS.index(wait)]
        shipped.append(stream_candidates()[choose(of_series)])
        parts = [
            judgements[choose([*of_series[:left], *of_series[left + 1 :]])]
            for left, judgements in enumerate(of_series)
        ]
        lines.append(asdict(sum(parts[1:], start=parts[0]).scores(wait)))
    return lines, StreamRules(tuple(waits), tuple(shipped))


def detected_list(
    one: RealSeries, number: int, real: Sequence[RealSeries], answers: Answers
) -> Any:
    """Return what networks that never saw a series found in it, columns `TRUTH_COLUMNS`."""
    found = scored(one.held_out(mean_answers(answers)[number]), rules_of(real, answers)[number])
    edges = one.series.time_of(found.detected)
    return pd.DataFrame(
        {TRUTH_COLUMNS[0]: edges[:, 0], TRUTH_COLUMNS[1]: pd.NaT, TRUTH_COLUMNS[2]: edges[:, 1]}
    )


def agreements(data: Path, real: Sequence[RealSeries], answers: Answers) -> dict[str, Any]:
    """Return how far lists agree: those near the Earth, and the detector with those of 2019."""
    near_earth = {
        "ICMECAT v2.2 (Wind)": read_labels(data / "icme/HELIO4CAST_ICMECAT_v22.csv", "Wind"),
        "Nguyen et al. 2019": read_labels(data / "icme/nguyen2019_wind_listOfICMEs.csv"),
        "Richardson & Cane": read_richardson_cane(data / "icme/richardson_cane_list_2020.htm"),
    }
    year = (pd.Timestamp("2019-01-01"), pd.Timestamp("2020-01-01"))

    def of_year(labels: pd.DataFrame) -> pd.DataFrame:
        return labels[(labels.icme_start_time >= year[0]) & (labels.mo_end_time < year[1])]

    in_2019 = {
        "this detector": detected_list(real[0], 0, real, answers),
        "ICMECAT v2.2 (Wind)": of_year(near_earth["ICMECAT v2.2 (Wind)"]),
        "Richardson & Cane": of_year(near_earth["Richardson & Cane"]),
    }
    return {
        "near_earth_any": [asdict(each) for each in agreement(near_earth)],
        "near_earth_51": [asdict(each) for each in agreement(near_earth, 0.51)],
        "wind_2019_any": [asdict(each) for each in agreement(in_2019)],
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all results as plain values, and write the rules for streaming beside the weights.

    Shipped are the rules that announce in time as published, where those were sought, and the best
    ones for longer waits.
    """
    data = read_real(arguments.data)
    real, answers = data.left_out, read_answers(arguments.answers)

    def told(step: str) -> None:
        print(step, file=sys.stderr, flush=True)

    told("scoring the networks")
    results: dict[str, Any] = {"crossed": crossed_scores(real, answers)}
    told("threshold rule")
    results["threshold"] = crossed_scores(real, threshold_answers(real))
    told("random forest")
    results["forest"] = crossed_scores(real, forest_answers(real, seeds=(0, 1)))
    told("lists")
    results["lists"] = agreements(arguments.data, real, answers)
    told("learning curve")
    results["learning"] = plain_points(
        learning_curve(real, [data.near_earth], answers, networks=arguments.networks)
    )
    told("streaming")
    streamed = streams(real, arguments.networks, arguments.stream_seeds, arguments.streams)
    tables = stream_tables(real, streamed)
    results["streaming"], best = streaming_scores(tables)
    results["published"], prompt = streaming_scores(tables, PROMPT_WAITS, PROMPT, published=True)
    results["prompt"], _ = streaming_scores(tables, PROMPT_WAITS, PROMPT)
    best.replaced(prompt).write(arguments.weights)
    plain: dict[str, Any] = json.loads(json.dumps(results, default=float))
    return plain


def main() -> int:
    """Read the command line, measure, and write the results."""
    parser = argparse.ArgumentParser(description="Results of the ICME detector.")
    parser.add_argument("--data", type=Path, required=True, help="folder with icme/ and cir/")
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--networks", type=Path, required=True)
    parser.add_argument("--streams", type=Path, required=True, help="file .npz, made if not there")
    parser.add_argument(
        "--stream-seeds", type=int, nargs="+", default=[2], help="of the networks that stream"
    )
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)
    try:
        results = measure(arguments)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    arguments.output.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
