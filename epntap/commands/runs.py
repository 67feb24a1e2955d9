"""The runs that made the catalogues."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from epntap.commands.messages import say
from epntap.commands.reports import OUT
from epntap.database import Database
from epntap.provenance import RunRecord, list_runs
from epntap.settings import read_settings

#: Figures of a digest that tell one from another at a glance.
_SHORT = 8

_STYLES = {"refused": "yellow", "failed": "red", "running": "cyan", "waiting": "cyan"}


def show_runs(catalogue: str | None, *, limit: int, as_json: bool) -> None:
    """Print the latest runs, of one catalogue or of all."""
    with Database.open(read_settings()) as database, database.publisher() as connection:
        runs = list_runs(connection, catalogue, limit=limit)
    if as_json:
        print(json.dumps([_plain(run) for run in runs], indent=2))
        return
    if not runs:
        say(f"No run of {catalogue} is recorded" if catalogue else "No run is recorded yet")
        return
    table = Table(
        "run", "kind", "pipeline", "weights", "source", "span", "began", "took", "state", "rows",
        "reason",
    )  # fmt: skip
    for run in runs:
        style = _STYLES.get(run.state)
        table.add_row(
            *map(escape, (run.run_id, run.kind, _pipeline(run), _short(run.weights_sha256))),
            *map(escape, (run.source or "", _span(run), f"{run.started:%Y-%m-%d %H:%M}")),
            _took(run),
            f"[{style}]{run.state}[/]" if style else run.state,
            escape(_rows(run)),
            escape(run.reason or ""),
        )
    OUT.print(table)


def _plain(run: RunRecord) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(run).items()
    }


def _pipeline(run: RunRecord) -> str:
    return " ".join(part for part in (run.pipeline, run.pipeline_version) if part)


def _short(digest: str | None) -> str:
    return (digest or "")[:_SHORT]


def _span(run: RunRecord) -> str:
    if run.span_start is None or run.span_stop is None:
        return ""
    return f"{run.span_start:%Y-%m-%d} to {run.span_stop:%Y-%m-%d}"


def _took(run: RunRecord) -> str:
    if run.ended is None:
        return ""
    seconds = (run.ended - run.started).total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


def _rows(run: RunRecord) -> str:
    """Say how many rows there are and how they differ: ``95 (+3 ~1 -2)``."""
    if run.row_count is None:
        return ""
    return (
        f"{run.row_count:,} (+{run.new_rows or 0:,} ~{run.changed_rows or 0:,} "
        f"-{run.gone_rows or 0:,})"
    )
