"""Compare the statistics of events with those that ICMECAT has for them.

``python -m pipelines.icme.comparison --icmecat LIST.csv SERIES...`` prints a table: for each column
the median relative difference, once over the intervals of ICMECAT (so only the measurements and
the definitions differ), once over the events that the detector found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.errors import PipelineError, require
from pipelines.icme import pipeline
from pipelines.icme.catalogue import build_frame
from pipelines.icme.decide import Detections
from pipelines.icme.icmecat import Icmecat, read_icmecat
from pipelines.icme.source import open_source
from pipelines.icme.statistics import ICMECAT_COLUMNS
from pipelines.sources.insitu import InSituSeries


@dataclass(frozen=True)
class Difference:
    """How far a column is from that of ICMECAT.

    Attributes
    ----------
    column
        Its name.
    events
        Events of which both have a value.
    relative
        Median of |ours - theirs| / |theirs|, of those where theirs is not 0.
    bias
        Median of (ours - theirs) / |theirs|.
    """

    column: str
    events: int
    relative: float
    bias: float


def compare(ours: pd.DataFrame, theirs: pd.DataFrame) -> list[Difference]:
    """Compare matched events.

    Parameters
    ----------
    ours
        Rows of the pipeline with ``icmecat_id``.
    theirs
        Rows of ICMECAT.
    """
    matched = ours[ours["icmecat_id"].notna()]
    listed = theirs.set_index("icmecat_id").loc[matched["icmecat_id"]]
    differences = []
    for column in ICMECAT_COLUMNS:
        one = matched[column.name].to_numpy(dtype=np.float64)
        other = listed[column.name].to_numpy(dtype=np.float64)
        known = np.isfinite(one) & np.isfinite(other) & (other != 0)
        ratio = (one[known] - other[known]) / np.abs(other[known])
        differences.append(
            Difference(
                column.name,
                int(known.sum()),
                float(np.median(np.abs(ratio))) if known.any() else float("nan"),
                float(np.median(ratio)) if known.any() else float("nan"),
            )
        )
    return differences


def measured_in_list(series: InSituSeries, listed: Icmecat) -> pd.DataFrame:
    """Measure the events of ICMECAT in a series, in the intervals that ICMECAT gives them.

    Returns
    -------
    frame
        Rows as the pipeline has them, for the events that lie wholly in the series.
    """
    events = listed.of(series.spacecraft.name)
    start, middle, end = (
        series.index_of(events[name].to_numpy(dtype="datetime64[us]"))
        for name in ("icme_start_time", "mo_start_time", "mo_end_time")
    )
    inside = (start >= 0) & (end <= len(series)) & (start <= middle) & (middle < end)
    detections = Detections(
        np.column_stack([start, end])[inside], middle[inside], np.ones(int(inside.sum()))
    )
    frame = build_frame(series, detections, model="ICMECAT", version="", digest="", icmecat=listed)
    return frame.assign(icmecat_id=events["icmecat_id"].to_numpy()[inside])


def table(same: Sequence[Difference], found: Sequence[Difference]) -> list[str]:
    """Return the lines of a table of both comparisons."""
    lines = [
        "| column | events | same intervals | bias | events | detected intervals | bias |",
        "|---|---|---|---|---|---|---|",
    ]
    for one, other in zip(same, found, strict=True):
        cells = []
        for each in (one, other):
            known = each.events > 0
            cells += [
                str(each.events),
                f"{100 * each.relative:.1f} %" if known else "-",
                f"{100 * each.bias:+.1f} %" if known else "-",
            ]
        lines.append(f"| {one.column} | {' | '.join(cells)} |")
    return lines


def main() -> int:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description="Statistics of events beside those of ICMECAT.")
    parser.add_argument("series", nargs="+", help="files of measurements")
    parser.add_argument("--icmecat", required=True, help="the list, a file or an address")
    arguments = parser.parse_args()
    require("torch").set_num_threads(1)
    try:
        listed = read_icmecat(arguments.icmecat)
        several = [open_source(each) for each in arguments.series]
        same = pd.concat([measured_in_list(each, listed) for each in several])
        found = pd.concat([pipeline.run(each, icmecat=arguments.icmecat).frame for each in several])
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(table(compare(same, listed.events), compare(found, listed.events))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
