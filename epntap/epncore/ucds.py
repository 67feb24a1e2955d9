"""Unified Content Descriptors (UCD1+), checked with the word list that astropy carries."""

from __future__ import annotations

import re

#: Words separated by semicolons, each of them beginning with a letter or digit (UCD1+ 1.1,
#: section 3), as far as astropy insists on it.
_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*(?:;[A-Za-z0-9][A-Za-z0-9_.\-]*)*")


def is_ucd(text: str, *, known_words: bool = True) -> bool:
    """Tell whether a text is a UCD1+; with `known_words` also of known words in allowed places."""
    if not known_words:
        return _FORM.fullmatch(text) is not None
    from astropy.io.votable.ucd import check_ucd  # slow to import

    return bool(check_ucd(text, check_controlled_vocabulary=True))
