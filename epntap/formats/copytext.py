"""The escapes of COPY TEXT, taken back over many rows at once.

COPY TEXT separates fields by tabs and rows by newlines, and puts a backslash before what would be
mistaken for these (PostgreSQL 15 manual, COPY, "Text Format").
"""

from __future__ import annotations

from collections.abc import Mapping

#: Stands for a backslash of the text in the meantime. PostgreSQL has no NUL in texts.
_BACKSLASH = b"\0"

#: The characters that COPY TEXT escapes, besides the backslash, by the letter that it writes.
ESCAPED = {
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}


def unescape(rows: bytes, replacements: Mapping[bytes, bytes]) -> bytes:
    """Return the rows with the given replacements of escaped characters.

    Parameters
    ----------
    rows
        Rows of COPY TEXT.
    replacements
        What becomes of each of `ESCAPED`, by its character: neither a tab nor a newline, so that
        the separators stay what they are.
    """
    if b"\\" not in rows:
        return rows
    rows = rows.replace(b"\\\\", _BACKSLASH)
    for letter, character in ESCAPED.items():
        rows = rows.replace(b"\\" + letter, replacements[character])
    return rows.replace(_BACKSLASH, b"\\")
