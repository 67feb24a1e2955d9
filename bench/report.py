"""The table of figures: printed, as JSON, and as a page of the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.figures import Figure

_HEADINGS = ("part", "what", "measured", "bar", "", "detail")

_PAGE = """# Benchmarks

Written by `make bench`; do not edit. How to run it, and what is behind the figures, is told in
[performance.md](performance.md).

{machine}

{counted}

{table}

Figures of one part are measured in turns in one run, this service beside DaCHS and PostgreSQL.
"x DaCHS" of a time is ours divided by theirs, of a rate likewise. "of COPY" is rows per second over
HTTP divided by those of `psql -c "COPY (...) TO STDOUT"` into nothing. Parts took {seconds}.
"""


def rows(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """Return the table's rows as text."""
    return [
        (each.part, each.what, each.value_text, each.bar_text, each.verdict, each.detail)
        for each in figures
    ]


def printed(figures: Sequence[Figure]) -> str:
    """Return the table for a terminal."""
    table = [_HEADINGS, *rows(figures)]
    widths = [max(len(row[place]) for row in table) for place in range(len(_HEADINGS) - 1)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]])
        for row in table
    )


def counted(figures: Sequence[Figure]) -> str:
    """Return in a sentence how many bars are met."""
    barred = [each for each in figures if each.bar is not None]
    met = sum(each.is_met is True for each in barred)
    unknown = sum(each.is_met is None for each in barred)
    missed = len(barred) - met - unknown
    return f"{met} of {len(barred)} bars met, {missed} missed, {unknown} not measured."


def write(
    figures: Sequence[Figure],
    machine: Mapping[str, str],
    seconds: Mapping[str, float],
    page: Path,
    record: Path,
) -> None:
    """Write the page and the JSON.

    Parameters
    ----------
    figures
        The table.
    machine
        What it was measured on and with.
    seconds
        How long each part took.
    page, record
        Where they go.
    """
    table = [_HEADINGS, ("---",) * len(_HEADINGS), *rows(figures)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
    text = _PAGE.format(
        machine="\n".join(f"- {name}: {value}" for name, value in machine.items()),
        counted=counted(figures),
        table="\n".join(lines),
        seconds=", ".join(f"{name} {taken:.0f} s" for name, taken in seconds.items()),
    )
    page.write_text(text, encoding="utf-8")
    content = {
        "machine": dict(machine),
        "seconds": dict(seconds),
        "figures": [{**asdict(each), "verdict": each.verdict} for each in figures],
    }
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(content, indent=1), encoding="utf-8")
