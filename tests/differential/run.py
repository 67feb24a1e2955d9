"""Ask this service and DaCHS the same: ``python -m tests.differential.run --ours URL --dachs URL``.

Both have to serve the same rows as ``bench.epn_core``. The exit code is 1 if there is a difference
that the corpus does not explain.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import requests

from .answers import BrokenServiceError, ask, offered
from .comparison import Comparison, Verdict, compare
from .corpus import Case, read_corpus
from .report import report, summary


def run(ours: str, dachs: str, cases: Iterable[Case]) -> Iterator[Comparison]:
    """Ask both services every query.

    Raises
    ------
    requests.RequestException
        If a service does not answer.
    """
    with requests.Session() as mine, requests.Session() as theirs:
        capable = offered(ours, mine)
        for case in cases:
            if not capable.issuperset(case.needs):
                yield Comparison(case, Verdict.NOT_OFFERED)
                continue
            try:
                answers = ask(ours, case.adql, mine), ask(dachs, case.adql, theirs)
            except BrokenServiceError as error:
                yield Comparison(case, Verdict.UNEXPLAINED, (f"a service is broken: {error}",))
                continue
            yield compare(case, *answers)


def main(arguments: list[str] | None = None) -> int:
    """Run the corpus, print what came of it, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential.run", description=__doc__)
    parser.add_argument("--ours", required=True, help="TAP URL of this service")
    parser.add_argument("--dachs", required=True, help="TAP URL of DaCHS")
    parser.add_argument("--only", action="append", default=[], help="id, or its beginning")
    parser.add_argument("--report", type=Path, help="write everything to this Markdown file")
    given = parser.parse_args(arguments)
    cases = [
        case
        for case in read_corpus()
        if not given.only or any(case.id.startswith(prefix) for prefix in given.only)
    ]
    if not cases:
        parser.error(f"no query has an id that starts with {' or '.join(given.only)}")
    done: list[Comparison] = []
    try:
        for comparison in run(given.ours, given.dachs, cases):
            done.append(comparison)
            if comparison.verdict in (Verdict.UNEXPLAINED, Verdict.STALE):
                print(f"{comparison.verdict}: {comparison.case.id}\n  {comparison.case.adql}")
                for text in comparison.differences:
                    print(f"  {text}")
    except requests.RequestException as error:
        print(f"a service does not answer: {error}", file=sys.stderr)
        return 2
    print(summary(done))
    if given.report:
        given.report.write_text(report(done), encoding="utf-8")
    verdicts = Counter(comparison.verdict for comparison in done)
    return 1 if verdicts[Verdict.UNEXPLAINED] else 0


if __name__ == "__main__":
    sys.exit(main())
