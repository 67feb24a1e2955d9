"""Units as VOUnits has them; astropy is loaded when a query first needs it."""

from __future__ import annotations

import warnings

from epntap.adql.errors import Fault


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
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # deprecated spellings are still units
                parsed.append(units.Unit(text, format="vounit"))
        except (ValueError, TypeError) as error:
            raise Fault(f"'{text[:40]}' is not a unit of VOUnits", at) from error
    try:
        return float(parsed[0].to(parsed[1]))
    except (units.UnitConversionError, AttributeError, TypeError) as error:
        raise Fault(f"values in {source} cannot be given in {target[:40]}", at) from error
