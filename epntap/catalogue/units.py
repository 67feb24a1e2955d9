"""Units as VOUnits writes them."""

from __future__ import annotations


def check_unit(text: str) -> None:
    """Check a VOUnit string.

    Raises
    ------
    ValueError
        If it is not one.
    """
    from astropy import units  # slow to import

    try:
        units.Unit(text, format="vounit", parse_strict="raise")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{text!r} is not a unit as VOUnits writes them: {error}") from error
