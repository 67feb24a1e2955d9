"""Units as VOUnits has them; astropy is loaded when a query first needs it."""

from __future__ import annotations

import math
from typing import Any

from epntap.adql.errors import Fault

#: Characters of a unit; none that is used in earnest comes near.
MAX_LENGTH = 80


def conversion_factor(source: str, target: str, at: int) -> float:
    """Return what a value in `source` is multiplied by to be in `target`.

    Raises
    ------
    Fault
        If either is no unit of VOUnits 1.1, or they measure different things, or the conversion
        is no multiplication (magnitudes, temperatures in degrees).
    """
    from astropy import units

    one, other = _parsed(source, at), _parsed(target, at)
    try:
        factor = float(one.to(other))
    except (units.UnitConversionError, AttributeError, TypeError, ArithmeticError) as error:
        raise Fault(f"values in {source} cannot be given in {target[:40]}", at) from error
    if not math.isfinite(factor) or factor == 0:
        raise Fault(f"values in {source} cannot be given in {target[:40]}", at)
    return factor


def spectral_conversion(source: str, target: str, at: int) -> tuple[float, bool]:
    """Return how a wavelength, frequency, wavenumber or energy becomes another of them.

    Returns
    -------
    tuple of float and bool
        A factor, and whether it is divided by the value instead of multiplied with it.

    Raises
    ------
    Fault
        If either is no unit of VOUnits 1.1, or not one of these quantities.
    """
    from astropy import units

    one, other = _parsed(source, at), _parsed(target, at)
    try:
        of_one, of_two = (float(one.to(other, x, units.spectral())) for x in (1.0, 2.0))
    except (units.UnitConversionError, AttributeError, TypeError, ArithmeticError) as error:
        raise Fault(f"values in {source} cannot be given in {target[:40]}", at) from error
    if not math.isfinite(of_one) or of_one <= 0:
        raise Fault(f"values in {source} cannot be given in {target[:40]}", at)
    return of_one, of_two < of_one


def _parsed(text: str, at: int) -> Any:
    """Return a unit of astropy."""
    from astropy import units

    try:
        if len(text) > MAX_LENGTH:
            raise ValueError(f"longer than {MAX_LENGTH} characters")
        return units.Unit(text, format="vounit")
    except (ValueError, TypeError, ArithmeticError) as error:
        raise Fault(f"'{text[:40]}' is not a unit of VOUnits", at) from error
