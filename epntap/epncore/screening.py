"""Texts that are surely right, found a column at a time.

What is let through here breaks no rule for certain; what is not, is looked at text by text
(`epntap.epncore.validation`). So a screen may be too strict, never too lax.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epntap.epncore.standard import ColumnRule

#: One item of a list: no separator, no quote, printable ASCII without a space at both ends.
_ITEM = r"""[!$-&(-~](?:[^#'"\x00]*[!$-&(-~])?"""
#: An identifier: ASCII without the separator of lists.
_IDENTIFIER = r"[\x01-\x22\x24-\x7f]*"
#: Letters that turn a class of characters round: RE2 and Python differ in what a letter is.
_NEGATED_CLASS = re.compile(r"\\[A-Z]")

#: Cells by which it is judged whether a column repeats itself, and how many differ if it does not.
_SAMPLE, _VARIED = 1000, 300


def distinct(texts: Any) -> tuple[np.ndarray | None, Any]:
    """Return the distinct texts of a column, if they are few.

    Returns
    -------
    tuple
        For each cell the index of its text, -1 where it is missing, and the texts; or None and
        the cells as they are, where the column hardly repeats itself.
    """
    if pc.count_distinct(texts.slice(0, _SAMPLE)).as_py() > _VARIED:
        return None, texts
    encoded = texts.dictionary_encode()
    codes: np.ndarray = encoded.indices.fill_null(-1).to_numpy()
    return codes, encoded.dictionary


def doubtful(texts: Any, name: str, rule: ColumnRule, pattern: str | None) -> np.ndarray:
    """Return the places of the texts that may break a rule of their column.

    Parameters
    ----------
    texts
        Large strings; missing and empty ones are not doubtful.
    name
        Name of the column.
    rule
        Rule of its values.
    pattern
        What its texts look like besides, as a regular expression of both Python and RE2.
    """
    given = pc.greater(pc.binary_length(texts), 0).fill_null(False)
    good = _surely_good(texts, name, rule, pattern)
    places: np.ndarray = np.flatnonzero(
        (given if good is None else pc.and_not(given, good.fill_null(False))).to_numpy(
            zero_copy_only=False
        )
    )
    return places


def _surely_good(texts: Any, name: str, rule: ColumnRule, pattern: str | None) -> Any:
    if rule.terms is not None or rule.ucd:
        return None
    if rule.hash_list:
        return None if rule.pattern is not None or rule.ascii else _fits(texts, _ITEM)
    if name in ("granule_uid", "service_title"):
        return None if rule.pattern is not None else _fits(texts, _IDENTIFIER)
    good = pc.invert(pc.match_substring(texts, "\0"))
    if rule.ascii:
        good = pc.and_(good, pc.string_is_ascii(texts))
    for expression in (rule.pattern, pattern):
        if expression is not None:
            good = pc.and_(good, _fits(texts, expression))
    return good


def _fits(texts: Any, expression: str) -> Any:
    """Return which texts an expression describes wholly, for certain."""
    if _NEGATED_CLASS.search(expression) is None:
        try:
            return pc.match_substring_regex(texts, rf"\A(?:{expression})\z")
        except pa.ArrowInvalid:
            # Python knows expressions that RE2 does not; all texts are looked at then.
            pass
    return pa.array(np.zeros(len(texts), dtype=bool))
