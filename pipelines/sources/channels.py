"""Series that lack a channel altogether, and what can be done with them."""

from __future__ import annotations

from pipelines.errors import SourceError
from pipelines.sources.insitu import CHANNELS, InSituSeries

#: Channels of the magnetometer; all others are the plasma's.
_FIELD = ("bx", "by", "bz", "bt")


def missing_channels(series: InSituSeries) -> tuple[str, ...]:
    """Return the names of the channels of which a series has no measurement at all."""
    return tuple(name for name in CHANNELS if not series.data[name].notna().any())


def what_remains(missing: tuple[str, ...]) -> str:
    """Return a sentence that says what can be done without some channels.

    Parameters
    ----------
    missing
        Names of channels; not empty.
    """
    if set(_FIELD) <= set(missing):
        return "without a magnetic field there is neither detection nor training"
    lacking = "the plasma" if set(missing) == set(CHANNELS) - set(_FIELD) else ", ".join(missing)
    return (
        f"without {lacking} nothing is detected, since the detector needs the magnetic field, "
        "speed, density and temperature; training can use such a series beside complete ones "
        "(epntap train icme, not as the first input)"
    )


def require_channels(series: InSituSeries) -> None:
    """Check that a series can be searched.

    Raises
    ------
    SourceError
        If a channel has no measurements at all; it says what works without.
    """
    missing = missing_channels(series)
    if missing:
        raise SourceError(
            f"{series.description} has no measurements of {', '.join(missing)}",
            hint=what_remains(missing),
        )
