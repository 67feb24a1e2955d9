"""Lists of events from AMDA's shared catalogues and timetables, fetched with speasy.

AMDA: Génot et al. (2021), Automated Multi Dataset Analysis, Planet. Space Sci. 201, 105214.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.errors import LabelError, require

if TYPE_CHECKING:
    import pandas as pd

#: How the name of a list of AMDA begins where a list is asked for.
PREFIX = "amda:"


def fetch_events(name: str) -> pd.DataFrame:
    """Fetch a list of events.

    Parameters
    ----------
    name
        Of a catalogue or timetable, as AMDA shows it (``listOfICMEs_Nguyen``), or its identifier
        (``sharedcatalog_22``). Upper and lower case are the same.

    Returns
    -------
    events
        Columns ``start``, ``end`` (UTC, without time zone), and those of the catalogue in lower
        case.

    Raises
    ------
    LabelError
        If the service fails, or has no such list, or the list is empty.
    MissingDependencyError
        If speasy is not installed.
    """
    import pandas as pd

    speasy = require("speasy", extra="insitu")
    try:
        found = _fetch(speasy, name)
    except LabelError:
        raise
    except Exception as error:
        # As for measurements: whatever a remote service and its client come up with is told.
        raise LabelError(
            f"AMDA did not deliver the list {name}: {error}", hint="is there a network?"
        ) from error
    rows = [
        {
            **{str(key).strip().lower(): value for key, value in _meta(event).items()},
            "start": event.start_time,
            "end": event.stop_time,
        }
        for event in (found if found is not None else ())
    ]
    if not rows:
        raise LabelError(f"the list {name} of AMDA has no events")
    frame = pd.DataFrame(rows)
    for side in ("start", "end"):
        frame[side] = pd.to_datetime(frame[side], utc=True).dt.tz_localize(None)
    return frame


def _fetch(speasy: Any, name: str) -> Any:
    """Return the catalogue or timetable of that name."""
    inventory = speasy.inventories.flat_inventories.amda
    for indexes, get in (
        (inventory.catalogs, speasy.amda.get_catalog),
        (inventory.timetables, speasy.amda.get_timetable),
    ):
        for uid, index in indexes.items():
            if name.lower() in (uid.lower(), _name(index).lower()):
                return get(uid)
    known = sorted(_name(index) for index in inventory.catalogs.values())
    alike = [each for each in known if "cme" in each.lower() or "sir" in each.lower()]
    raise LabelError(
        f"AMDA has no list {name}",
        hint=f"lists with ICME or SIR in their names: {', '.join(alike) or 'none'}",
    )


def _name(index: Any) -> str:
    """Return the name of a list as AMDA shows it; what python can spell otherwise."""
    return str(getattr(index, "name", "") or index.spz_name())


def _meta(event: Any) -> Mapping[str, Any]:
    """Return what a catalogue says of an event besides its times; a timetable says nothing."""
    return getattr(event, "meta", None) or {}
