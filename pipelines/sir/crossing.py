"""Rule and scores of interaction regions: STEREO-B, one year left out after the other.

The networks are those of `pipelines.icme.crossing`, which know both kinds of events: 2013 is
answered for by networks that learnt from 2014, Wind 2019, OMNI and simulated years, and 2014 by
networks that learnt from 2013 and those. The rule for a year is chosen on the other one.

``python -m pipelines.sir.crossing --data FOLDER --answers FILE.npz --weights FOLDER`` takes the
answers and weights that `pipelines.icme.crossing` wrote, and writes rule, calibration and scores
beside the weights.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PipelineError
from pipelines.icme.crossed import mean_answers, rules_of
from pipelines.icme.detect import PARAMETERS_FILE, SHIPPED_WEIGHTS, read_parameters
from pipelines.icme.leftout import RealSeries, read_answers, read_real
from pipelines.signals.events import EventRule
from pipelines.sir.evaluate import HeldOutRegions, calibrate, choose_rule, rule_values
from pipelines.sir.parameters import PARAMETERS_FILE as REGION_PARAMETERS
from pipelines.sir.parameters import RegionParameters
from pipelines.sir.protocol import held_out_regions, nested_scores


@dataclass(frozen=True)
class YearLeftOut:
    """A year with the answers of networks that never saw it.

    Attributes
    ----------
    held_out
        Answers and both truths.
    ejection_rule
        Chosen on the other series that were left out.
    """

    held_out: HeldOutRegions
    ejection_rule: EventRule


def years_left_out(data: Path, answers_file: Path) -> list[YearLeftOut]:
    """Return the years of which all interaction regions are known.

    Raises
    ------
    PipelineError
        If there are fewer than two.
    """
    real, answers = read_real(data).left_out, read_answers(answers_file)
    means, rules = mean_answers(answers), rules_of(real, answers)
    years = [
        YearLeftOut(_part(one, means[number]), rules[number])
        for number, one in enumerate(real)
        if one.complete
    ]
    if len(years) < 2:
        raise PipelineError(f"{data} has fewer than two series with all their interaction regions")
    return years


def _part(one: RealSeries, probabilities: NDArray[np.float32]) -> HeldOutRegions:
    if one.regions is None:
        raise PipelineError(f"there is no list of interaction regions for {one.name}")
    held_out = one.held_out(probabilities)
    return held_out_regions(probabilities, one.series, one.regions, one.ejections, held_out.usable)


def write_rule(years: Sequence[YearLeftOut], weights: Path, seeds: int) -> None:
    """Choose the rule on all years, score it nested, and write both beside the weights.

    Parameters
    ----------
    years
        With the answers for them.
    weights
        Folder of the weights, whose rule for ejections the chosen rule will work with.
    seeds
        Networks that were averaged, for the record.
    """
    shipped = read_parameters(weights / PARAMETERS_FILE)[0]
    parts = [each.held_out for each in years]
    rule = choose_rule([rule_values(each, shipped) for each in parts])
    notes = {
        "protocol": "pipelines.sir.crossing",
        "years": len(parts),
        "seeds": seeds,
        "nested": nested_scores(parts, [each.ejection_rule for each in years]),
    }
    parameters = RegionParameters(rule, calibrate(parts, rule, shipped), notes)
    parameters.write(weights / REGION_PARAMETERS)


def main() -> int:
    """Read the command line and write the rule."""
    parser = argparse.ArgumentParser(description="Interaction regions, one year left out in turn.")
    parser.add_argument("--data", type=Path, required=True, help="folder with icme/ and cir/")
    parser.add_argument("--answers", type=Path, required=True, help="of pipelines.icme.crossing")
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    arguments = parser.parse_args()
    try:
        years = years_left_out(arguments.data, arguments.answers)
        seeds = len(next(iter(read_answers(arguments.answers).outer.values())))
        write_rule(years, arguments.weights, seeds)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
