"""What the reports of the cases have in common: real series on the command line, tables printed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.errors import PipelineError


def add_real(parser: ArgumentParser, text: str) -> None:
    """Let the command line name real data to be scored: ``--real DATA LABELS``, as often as wanted.

    Parameters
    ----------
    parser
        Of the report.
    text
        What the two files are, for people.
    """
    parser.add_argument(
        "--real",
        nargs=2,
        type=Path,
        action="append",
        default=[],
        metavar=("SERIES", "LABELS"),
        help=text,
    )


def print_lines(make: Callable[[], Sequence[str]]) -> int:
    """Print the lines that are made, and return the exit code.

    A failure that its user can do something about becomes a line on standard error, and 1.
    """
    try:
        print("\n".join(make()))
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
