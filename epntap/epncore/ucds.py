"""Unified Content Descriptors (UCD1+), checked with the word list that astropy carries."""

from __future__ import annotations


def is_ucd(text: str, *, known_words: bool = True) -> bool:
    """Tell whether a text is a UCD1+; with `known_words` also of known words in allowed places."""
    from astropy.io.votable.ucd import check_ucd  # slow to import

    return bool(check_ucd(text, check_controlled_vocabulary=known_words))
