"""What was measured, and the bars that it is held to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table.

    Attributes
    ----------
    part
        Part of the benchmark that it comes from.
    what
        What was measured.
    value
        The figure that the bar is about; ``None`` if it could not be measured.
    unit
        Of value and bar, e.g. ``s``, ``MB`` or ``x DaCHS``.
    bar
        What it should be; ``None`` for a figure that is only reported.
    at_least
        Whether the bar is the least value, and not the greatest.
    detail
        The measurements behind the value, in words; or why there are none.
    """

    part: str
    what: str
    value: float | None
    unit: str
    bar: float | None = None
    at_least: bool = False
    detail: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the bar is met; ``None`` without a bar or a value."""
        if self.bar is None or self.value is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    @property
    def verdict(self) -> str:
        """The same in a word."""
        if self.value is None:
            return "not measured"
        if self.bar is None:
            return ""
        return "met" if self.is_met else "MISSED"

    @property
    def bar_text(self) -> str:
        """The bar as a person writes it."""
        if self.bar is None:
            return ""
        return f"{'>=' if self.at_least else '<='} {shown(self.bar)} {self.unit}".rstrip()

    @property
    def value_text(self) -> str:
        """The value as a person writes it."""
        return "-" if self.value is None else f"{shown(self.value)} {self.unit}".rstrip()


def shown(value: float) -> str:
    """Return a number with three figures."""
    if value >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}"


def ratio(one: float | None, other: float | None) -> float | None:
    """Return one divided by the other, if both are known."""
    return one / other if one is not None and other else None
