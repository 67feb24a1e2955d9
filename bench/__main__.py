"""``python -m bench``: measures, prints the table, writes it down."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, report
from bench.errors import BenchError
from bench.figures import Figure
from bench.parts import PARTS
from bench.sources import PROJECT
from bench.stage import QUICK, Plan, Stage


def main() -> int:
    """Measure what is asked for; the status is 1 if a bar is missed."""
    options = _options()
    stage = Stage(_plan(options))
    names = options.parts.split(",") if options.parts else list(PARTS)
    figures: list[Figure] = []
    seconds: dict[str, float] = {}
    began = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    load = os.getloadavg()[0]
    try:
        for name in names:
            start = time.perf_counter()
            figures += _measured(stage, name)
            seconds[name] = time.perf_counter() - start
        known = {
            "date": began,
            "command": " ".join(["python -m bench", *sys.argv[1:]]),
            **machine.describe(),
            "load before": f"{load:.2f}",
            "peer": stage.peer_remark,
        }
    finally:
        stage.close()
    print()
    print(report.printed(figures))
    print(report.counted(figures))
    report.write(figures, known, seconds, options.page, options.json)
    print(f"written: {options.page}, {options.json}")
    return 1 if any(each.is_met is False for each in figures) else 0


def _measured(stage: Stage, name: str) -> list[Figure]:
    """Measure a part, and tell as it goes on; a part that cannot be measured says why."""
    found: list[Figure] = []
    print(f"{name} ...", file=sys.stderr, flush=True)
    try:
        for figure in PARTS[name](stage):
            found.append(figure)
            words = (figure.what, figure.value_text, figure.bar_text, figure.verdict, figure.detail)
            print("  " + " | ".join(filter(None, words)), file=sys.stderr, flush=True)
    except BenchError as error:
        print(f"  {error}", file=sys.stderr, flush=True)
        found.append(Figure(name, "could not be measured", None, "", detail=str(error)))
    return found


def _plan(options: argparse.Namespace) -> Plan:
    plan = QUICK if options.quick else Plan()
    if options.rows:
        plan = replace(plan, sizes=tuple(sorted({100_000, *options.rows})))
    return replace(plan, with_dachs=not options.no_dachs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--parts", help=f"only these, by commas: {','.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, at most 10^6 rows")
    parser.add_argument("--no-dachs", action="store_true", help="leave DaCHS out")
    parser.add_argument(
        "--rows", type=int, nargs="*", help="rows of the catalogues that show growth"
    )
    parser.add_argument("--page", type=Path, default=PROJECT / "docs" / "benchmarks.md")
    parser.add_argument("--json", type=Path, default=PROJECT / "bench" / "results.json")
    options = parser.parse_args()
    unknown = set((options.parts or "").split(",")) - {"", *PARTS}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
