"""Draw the figures of the README from the answers for the years left out.

``python -m pipelines.sir.figures --data FOLDER --answers FILE.npz`` draws a region that was found
well, one that was missed, a false alarm, and a reliability diagram.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.errors import PipelineError
from pipelines.icme.figures import Judged, draw_event, draw_reliability, examples
from pipelines.icme.leftout import RealSeries, read_real
from pipelines.sir.crossing import YearLeftOut, years_left_out
from pipelines.sir.evaluate import calibrate, choose_rule, found_in, rule_values


def judge(years: Sequence[YearLeftOut], series: Sequence[RealSeries]) -> list[Judged]:
    """Return what the rule of the other years finds in each year."""
    judged = []
    for number, (year, one) in enumerate(zip(years, series, strict=True)):
        others = [each for place, each in enumerate(years) if place != number]
        rule = choose_rule([rule_values(each.held_out, each.ejection_rule) for each in others])
        found, _ = found_in(year.held_out, rule, year.ejection_rule)
        calibration = calibrate([each.held_out for each in others], rule, others[0].ejection_rule)
        judged.append(
            Judged(
                one,
                year.held_out.probabilities,
                year.held_out.regions,
                found.intervals,
                calibration(found.confidence),
            )
        )
    return judged


def main() -> int:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description="Figures of the detector of regions.")
    parser.add_argument("--data", type=Path, required=True, help="folder with icme/ and cir/")
    parser.add_argument("--answers", type=Path, required=True, help="of pipelines.icme.crossing")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "figures")
    arguments = parser.parse_args()
    try:
        years = years_left_out(arguments.data, arguments.answers)
        series = [one for one in read_real(arguments.data).left_out if one.complete]
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    judged = judge(years, series)
    arguments.output.mkdir(parents=True, exist_ok=True)
    titles = {"found": "Found well", "missed": "Missed", "false": "False alarm"}
    for kind, (each, first, end) in examples(judged).items():
        draw_event(each, first, end, titles[kind], arguments.output / f"{kind}.png")
    draw_reliability(judged, arguments.output / "reliability.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
