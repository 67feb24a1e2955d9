"""Units of measured columns: those that a file states, and those that its numbers betray."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import SourceError
from pipelines.sources.insitu import CHANNELS, POSITION
from pipelines.sources.plasma import thermal_speed_to_temperature

Values = NDArray[np.float64]

#: Spellings of data sets and files that astropy does not know.
_SPELLINGS: Mapping[str, str] = {
    "#/cc": "cm-3",
    "n/cc": "cm-3",
    "1/cc": "cm-3",
    "cc-1": "cm-3",
    "cm^{-3}": "cm-3",
    "#/cm^3": "cm-3",
    "#/cm3": "cm-3",
    "km/sec": "km/s",
    "m/sec": "m/s",
    "kelvin": "K",
    "deg k": "K",
    "degk": "K",
    "re": "earthRad",
}

#: Medians that a column can have when it is in our unit, of the solar wind from 0.05 to 6 AU.
_MEDIANS: Mapping[str, tuple[float, float]] = {
    "bt": (0.05, 1000.0),
    "vt": (150.0, 2500.0),
    "np": (0.01, 20_000.0),
    "tp": (1e3, 2e7),
}

#: Near the Earth (quartiles of ICMECAT and of its ambient wind), to choose among possible units.
_TYPICAL: Mapping[str, float] = {"bt": 5.0, "vt": 420.0, "np": 6.0, "tp": 8e4}

#: Units in which such columns are met; the temperature may also be a thermal speed.
_OTHERS: Mapping[str, tuple[str, ...]] = {
    "bt": ("T", "uT", "pT", "G"),
    "vt": ("m/s",),
    "np": ("m-3",),
    "tp": ("eV", "MK", "J", "km/s"),
}


def parse_unit(text: str) -> Any:
    """Return a unit as astropy has it.

    Parameters
    ----------
    text
        As files and services write it, e.g. ``km/s``, ``cm^-3``, ``#/cc``, ``Kelvin``.

    Raises
    ------
    SourceError
        If it is no unit.
    """
    from astropy import units

    plain = text.strip()
    try:
        return units.Unit(_SPELLINGS.get(plain.lower(), plain))
    except ValueError as error:
        raise SourceError(f"{text!r} is not a unit") from error


def is_unit(text: str) -> bool:
    """Return whether a text is the name of a unit; an empty one is that of plain numbers."""
    try:
        parse_unit(text)
    except SourceError:
        return False
    return True


def own_unit(name: str) -> str:
    """Return the unit in which a channel or a coordinate of the position is held."""
    if name in CHANNELS:
        return CHANNELS[name]
    if name.removesuffix("_au") in POSITION:
        return "AU" if name.endswith("_au") else "km"
    raise KeyError(name)


def to_own_unit(name: str, values: Values, unit: str) -> Values:
    """Convert a column to the unit in which it is held.

    Parameters
    ----------
    name
        One of `CHANNELS`, or a coordinate of the position.
    values
        Shape (n,).
    unit
        What `values` are in. A temperature may be given as an energy, or as a most probable
        thermal speed.

    Raises
    ------
    SourceError
        If it is no unit, or not one of such a quantity.
    """
    from astropy import units

    given, wanted = parse_unit(unit), units.Unit(own_unit(name))
    if given == wanted:
        return values
    if name == "tp" and given.is_equivalent(units.m / units.s):
        return thermal_speed_to_temperature(values * given.to(units.km / units.s))
    try:
        return np.asarray(values * given.to(wanted, equivalencies=units.temperature_energy()))
    except units.UnitConversionError as error:
        raise SourceError(
            f"column {name} is said to be in {unit}, which cannot be turned into {wanted}"
        ) from error


def likely_units(name: str, median: float) -> tuple[str, ...]:
    """Return the units in which a column seems to be that cannot be in ours.

    Parameters
    ----------
    name
        ``bt`` (for all of the field), ``vt``, ``np`` or ``tp``.
    median
        Of the absolute values, positive.

    Returns
    -------
    units
        The likeliest first; empty when the column can be in our unit, or when no unit explains it.
    """
    low, high = _MEDIANS[name]
    if low <= median <= high:
        return ()
    one = np.array([median])
    converted = {unit: float(to_own_unit(name, one, unit)[0]) for unit in _OTHERS[name]}
    possible = [unit for unit, value in converted.items() if low <= value <= high]
    return tuple(sorted(possible, key=lambda unit: abs(np.log(converted[unit] / _TYPICAL[name]))))


def check_units(where: str, columns: Mapping[str, Values]) -> None:
    """Refuse columns whose numbers betray another unit.

    Parameters
    ----------
    where
        For messages: the file.
    columns
        Channels by name, NaN where missing; the field is judged by its magnitude.

    Raises
    ------
    SourceError
        Naming the column, the unit that it seems to be in, and the way out.
    """
    for name in _MEDIANS:
        values = np.abs(columns.get(name, np.empty(0)))
        known = values[np.isfinite(values) & (values > 0)]
        if not known.size:
            continue
        median = float(np.median(known))
        found = likely_units(name, median)
        if found:
            what = "columns bx, by, bz, bt look" if name == "bt" else f"column {name} looks"
            raise SourceError(
                f"{where}: {what} to be in {' or '.join(found)} (median {median:.4g}), "
                f"not in {CHANNELS[name]}",
                hint=f"convert to {CHANNELS[name]}, or say the unit in the header: "
                f"{name} [{found[0]}]",
            )
