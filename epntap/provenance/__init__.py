"""Which run made which rows: the record of runs, and what of it is shown to everybody."""

from __future__ import annotations

from epntap.provenance.runs import (
    RunRecord,
    finish,
    get_run,
    list_runs,
    new_run,
    run_of_provenance,
    start,
)

__all__ = [
    "RunRecord",
    "finish",
    "get_run",
    "list_runs",
    "new_run",
    "run_of_provenance",
    "start",
]
