"""The functions that this service adds to ADQL.

A new one is a file ``sql/functions/<name>.sql`` and an entry here; capabilities and documentation
are made of the entries. Names starting with ``ivo_`` are those of the Catalogue of ADQL User
Defined Functions (IVOA Endorsed Note 1.2). What that note calls REAL is DOUBLE PRECISION here: a
Julian Date of single precision is wrong by up to a quarter of a day.
"""

from __future__ import annotations

from epntap.adql.registry import Accepts, Function, Parameter
from epntap.adql.values import Kind


def _text(name: str) -> Parameter:
    return Parameter(name, Kind.TEXT)


def _double(name: str) -> Parameter:
    return Parameter(name, Kind.DOUBLE)


FUNCTIONS = (
    Function(
        "ivo_hashlist_has",
        (_text("hashlist"), _text("item")),
        Kind.INT,
        "udf.ivo_hashlist_has({0}, {1})",
        "1 if a list of words separated by # holds the item, compared without case, else 0.",
        condition=True,
        udf=True,
    ),
    Function(
        "ivo_hasword",
        (_text("haystack"), _text("needle")),
        Kind.INT,
        "udf.ivo_hasword({0}, {1})",
        "1 if all words of the needle are words of the haystack, without case, else 0.",
        condition=True,
        udf=True,
    ),
    Function(
        "ivo_nocasematch",
        (_text("value"), _text("pattern")),
        Kind.INT,
        "udf.ivo_nocasematch({0}, {1})",
        "1 if the value is like the pattern (% and _ as in LIKE), without case, else 0.",
        condition=True,
        udf=True,
    ),
    Function(
        "ivo_interval_overlaps",
        (_double("a1"), _double("b1"), _double("a2"), _double("b2")),
        Kind.INT,
        "udf.ivo_interval_overlaps({0}, {1}, {2}, {3})",
        "1 if the intervals [a1, b1] and [a2, b2] have a point in common, else 0.",
        condition=True,
        udf=True,
    ),
    Function(
        "ivo_string_agg",
        (_text("expression"), _text("delimiter")),
        Kind.TEXT,
        "string_agg({0}, {1})",
        "The texts of all rows that are not NULL, with the delimiter between them.",
        aggregate=True,
        udf=True,
    ),
    Function(
        "ivo_to_jd",
        (Parameter("d", Accepts.TIME),),
        Kind.DOUBLE,
        "udf.ivo_to_jd({0})",
        "Julian Date of a timestamp.",
        udf=True,
        unit="d",
        ucd="time",
    ),
    Function(
        "ivo_to_mjd",
        (Parameter("d", Accepts.TIME),),
        Kind.DOUBLE,
        "udf.ivo_to_mjd({0})",
        "Modified Julian Date (JD - 2400000.5) of a timestamp.",
        udf=True,
        unit="d",
        ucd="time",
    ),
)
