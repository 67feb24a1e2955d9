"""The regions of space around the Earth that a spacecraft passes through."""

from __future__ import annotations

#: Regions told apart in windows of ion spectra, in the order of the labels of Ahmadi et al.
WINDOW_REGIONS = (
    "solar_wind",
    "foreshock",
    "magnetosheath",
    "magnetosphere",
    "plasma_sheet",
    "lobe",
)

#: Regions told apart in moments at one minute, from the outside inwards.
REGIONS = ("solar_wind", "foreshock", "magnetosheath", "magnetosphere")

SOLAR_WIND, FORESHOCK, MAGNETOSHEATH, MAGNETOSPHERE, PLASMA_SHEET, LOBE = range(6)

#: Code of a sample whose region is not known.
UNKNOWN = -1
