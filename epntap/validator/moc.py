"""ASCII MOCs, read to be checked (MOC 2.0, section 4.3)."""

from __future__ import annotations

import re

#: Deepest order of the space, time and frequency axes (MOC 2.0, sections 3.1 to 3.3).
_DEEPEST = {"s": 29, "t": 61, "f": 59}

_PART = re.compile(r"\s*(?:([stf])(?=\s*\d))|\s*(\d+)/|\s*(\d+)(?:-(\d+))?(?=[\s,]|$)|\s*,")


class MocError(ValueError):
    """A text is not a MOC."""


def check_moc(text: str) -> None:
    """Check an ASCII MOC such as ``3/12-15 4/70`` or ``t45/10 s3/12``.

    Raises
    ------
    MocError
        If it is not one, an order is too deep, or a cell does not exist at its order.
    """
    axis, order = "s", None
    position, cells = 0, 0
    stripped = text.strip()
    while position < len(stripped):
        match = _PART.match(stripped, position)
        if match is None:
            rest = stripped[position : position + 20].strip()
            raise MocError(f"{rest!r} is not part of a MOC")
        position = match.end()
        if match[1]:
            axis, order = match[1], None
        elif match[2]:
            order = _order(int(match[2]), axis)
        elif match[3]:
            if order is None:
                raise MocError(f"cell {match[3]} has no order such as '4/' before it")
            _check_cells(int(match[3]), int(match[4] or match[3]), order, axis)
            cells += 1
    if order is None and not cells:
        raise MocError("there is no order such as '4/' in it")


def _order(order: int, axis: str) -> int:
    if order > _DEEPEST[axis]:
        raise MocError(f"order {order} is deeper than {_DEEPEST[axis]}")
    return order


def _check_cells(first: int, last: int, order: int, axis: str) -> None:
    """Check cell numbers: 12 * 4**order of space, 2**(order + 1) of time and of frequency."""
    count = 12 * 4**order if axis == "s" else 2 ** (order + 1)
    if first > last:
        raise MocError(f"range {first}-{last} goes backwards")
    if last >= count:
        raise MocError(f"order {order} has no cell {last}, only 0..{count - 1}")
