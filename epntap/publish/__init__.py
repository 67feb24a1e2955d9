"""Native table -> EPNcore rows -> versioned table -> visible, all or nothing.

The names below are imported when they are asked for: listing and dropping catalogues, which every
start does, needs no pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from epntap.publish.acceptance import (
        Acceptance,
        Candidate,
        InvalidRowsError,
        RefusedError,
        UnderWayError,
    )
    from epntap.publish.attempts import attempt, record_end
    from epntap.publish.comparison import Comparison, Diff
    from epntap.publish.native import DataFrameSource, NativeSource, open_native
    from epntap.publish.publication import Publication, publish
    from epntap.publish.versions import Listing, drop, list_catalogues, rollback

_HOMES = {
    "Acceptance": "acceptance",
    "Candidate": "acceptance",
    "RefusedError": "acceptance",
    "UnderWayError": "acceptance",
    "attempt": "attempts",
    "record_end": "attempts",
    "Comparison": "comparison",
    "Diff": "comparison",
    "InvalidRowsError": "acceptance",
    "DataFrameSource": "native",
    "NativeSource": "native",
    "open_native": "native",
    "Publication": "publication",
    "publish": "publication",
    "Listing": "versions",
    "drop": "versions",
    "list_catalogues": "versions",
    "rollback": "versions",
}

__all__ = [
    "Acceptance",
    "Candidate",
    "Comparison",
    "DataFrameSource",
    "Diff",
    "InvalidRowsError",
    "Listing",
    "NativeSource",
    "Publication",
    "RefusedError",
    "UnderWayError",
    "attempt",
    "drop",
    "list_catalogues",
    "open_native",
    "publish",
    "record_end",
    "rollback",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
