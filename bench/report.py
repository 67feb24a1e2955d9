"""The table of figures: printed, as JSON, and as a page of the documentation.

A run measures all parts or some. What it does not measure stays as an earlier run of the same
machine has found it, each part with its own date, so that a long part need not be repeated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from bench.figures import Figure

_HEADINGS = ("part", "what", "measured", "bar", "", "detail")

#: What a machine is known by: figures of another one are not kept.
_MACHINE = ("processor", "cores", "memory")

#: What is told of the run of a part.
_RUN = ("date", "command", "load before", "peer")

_PAGE = """# Benchmarks

Written by `make bench`; do not edit. How to run it, and what is behind the figures, is told in
[performance.md](performance.md).

{machine}

{counted}

{table}

Figures of one part are measured in turns in one run, this service beside DaCHS and PostgreSQL.
"x DaCHS" of a time is ours divided by theirs, of a rate likewise. "of COPY" is rows per second over
HTTP divided by those of `psql -c "COPY (...) TO STDOUT"` into nothing.

Parts that a run leaves out stay as an earlier one on the same machine has measured them:

{runs}
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One part, as one run measured it.

    Attributes
    ----------
    part
        Its name.
    known
        What it was measured on, with and when.
    seconds
        How long it took.
    figures
        Its rows of the table.
    """

    part: str
    known: Mapping[str, str]
    seconds: float
    figures: tuple[Figure, ...]

    def is_of(self, machine: Mapping[str, str]) -> bool:
        """Tell whether it was measured on a machine like another one."""
        return all(self.known.get(key) == machine.get(key) for key in _MACHINE)

    def encoded(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        figures = [{**asdict(each), "verdict": each.verdict} for each in self.figures]
        return {
            "part": self.part,
            "seconds": self.seconds,
            "known": dict(self.known),
            "figures": figures,
        }

    @classmethod
    def decoded(cls, content: Mapping[str, Any]) -> Self:
        """Return what `encoded` made."""
        figures = (
            Figure(**{key: value for key, value in each.items() if key != "verdict"})
            for each in content["figures"]
        )
        return cls(content["part"], content["known"], content["seconds"], tuple(figures))


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
    """Write the page and the JSON, with the parts of earlier runs that this one left out.

    Parameters
    ----------
    figures
        What was measured now.
    machine
        What it was measured on and with, and when.
    seconds
        How long each part took; the parts that were measured.
    page, record
        Where they go. Earlier parts are read from the JSON.
    """
    now = {
        part: Measurement(part, machine, taken, tuple(e for e in figures if e.part == part))
        for part, taken in seconds.items()
    }
    before = [each for each in _earlier(record) if each.is_of(machine)]
    merged = list(({each.part: each for each in before} | now).values())
    page.write_text(_page(machine, merged), encoding="utf-8")
    record.parent.mkdir(parents=True, exist_ok=True)
    content = {"parts": [each.encoded() for each in merged]}
    record.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _earlier(record: Path) -> list[Measurement]:
    """Return what is kept of earlier runs."""
    if not record.exists():
        return []
    content = json.loads(record.read_text(encoding="utf-8"))
    return [Measurement.decoded(each) for each in content["parts"]]


def _page(machine: Mapping[str, str], measured: Sequence[Measurement]) -> str:
    figures = [figure for each in measured for figure in each.figures]
    runs = [
        (each.part, f"{each.seconds:.0f} s", *(each.known.get(key, "") for key in _RUN))
        for each in measured
    ]
    return _PAGE.format(
        machine="\n".join(f"- {name}: {value}" for name, value in machine.items()),
        counted=counted(figures),
        table=_table(_HEADINGS, rows(figures)),
        runs=_table(("part", "took", *_RUN), runs),
    )


def _table(headings: Sequence[str], content: Sequence[Sequence[str]]) -> str:
    lines = [headings, ("---",) * len(headings), *content]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
