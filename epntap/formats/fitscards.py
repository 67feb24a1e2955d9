"""Headers of FITS (FITS Standard 4.0, section 4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from epntap.formats.cells import ascii_characters

#: Headers and data fill whole blocks (section 3.1).
BLOCK_BYTES = 2880

#: Characters of a string that fit a card between its quotes.
_STRING_ROOM = 68
_COMMENT_ROOM = 72

CardValue = bool | int | str


def header_block(cards: Iterable[bytes]) -> bytes:
    """Return a header: the cards, END, and blanks up to the end of the block."""
    header = b"".join([*cards, b"END".ljust(80)])
    return header + b" " * padding(len(header))


def padding(size: int) -> int:
    """Return how many bytes are missing to whole blocks."""
    return -size % BLOCK_BYTES


def card(keyword: str, value: CardValue) -> bytes:
    """Return a keyword record in fixed format, with CONTINUE records for a long string.

    FITS knows only printable ASCII (section 4.1.2.1); other characters become their base letters
    or question marks.
    """
    if isinstance(value, str):
        return b"".join(_string_cards(keyword, value))
    shown = ("T" if value else "F") if isinstance(value, bool) else str(value)
    return f"{keyword:<8}= {shown:>20}".ljust(80).encode()


def comment(words: str) -> bytes:
    """Return COMMENT records."""
    shown = _printable(words)
    pieces = [shown[at : at + _COMMENT_ROOM] for at in range(0, len(shown), _COMMENT_ROOM)]
    return b"".join(f"COMMENT {piece}".ljust(80).encode() for piece in pieces)


def _string_cards(keyword: str, value: str) -> Iterator[bytes]:
    """Yield the record of a string and those that continue it (section 4.2.1.2)."""
    # A quote is two in a card, and they must not be torn apart.
    tokens = ["''" if character == "'" else character for character in _printable(value)]
    start = f"{keyword:<8}= "
    while sum(map(len, tokens)) > _STRING_ROOM:
        piece = ""
        while len(piece) + len(tokens[0]) < _STRING_ROOM:
            piece += tokens.pop(0)
        yield f"{start}'{piece}&'".ljust(80).encode()
        start = "CONTINUE  "
    yield f"{start}'{''.join(tokens):<8}'".ljust(80).encode()


def _printable(words: str) -> str:
    folded = ascii_characters(words).decode()
    return re.sub(r"[^ -~]", "?", re.sub(r"\s+", " ", folded))
