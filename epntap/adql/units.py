"""Units as VOUnits has them; astropy is loaded when a query first needs it."""

from __future__ import annotations

import math

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

    parsed = []
    for text in (source, target):
        try:
            if len(text) > MAX_LENGTH:
                raise ValueError(f"longer than {MAX_LENGTH} characters")
            parsed.append(units.Unit(text, format="vounit"))
        except (ValueError, TypeError, ArithmeticError) as error:
            raise Fault(f"'{text[:40]}' is not a unit of VOUnits", at) from error
    try:
        factor = float(parsed[0].to(parsed[1]))
    except (units.UnitConversionError, AttributeError, TypeError, ArithmeticError) as error:
        raise Fault(f"values in {source} cannot be given in {target[:40]}", at) from error
    if not math.isfinite(factor) or factor == 0:
        raise Fault(f"values in {source} cannot be given in {target[:40]}", at)
    return factor
