"""Text in XML and HTML, and the identifiers of VOTable elements."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from epntap.formats.copytext import ESCAPED, unescape

#: Everything but the Char of XML 1.0, section 2.2.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

#: C0 controls that are no Char, as they come unescaped in COPY TEXT.
_CONTROLS = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0D})
#: U+FFFE and U+FFFF in UTF-8: no Char either.
_NONCHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")

#: White space as references, so that no parser normalises it; other controls vanish.
_REFERENCES = {
    character: b"&#%d;" % character[0] if character in b"\t\n\r" else b""
    for character in ESCAPED.values()
}

_TEXT = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
_ATTRIBUTE = _TEXT | {ord('"'): "&quot;", 9: "&#9;", 10: "&#10;", 13: "&#13;"}


def text(value: str) -> str:
    """Return the value as content of an element; characters that XML forbids are left out."""
    return _ILLEGAL.sub("", value).translate(_TEXT)


def attributes(**values: str | None) -> str:
    """Return the attributes, each with a blank before it; those that are ``None`` are left out."""
    return "".join(
        f' {name}="{_ILLEGAL.sub("", value).translate(_ATTRIBUTE)}"'
        for name, value in values.items()
        if value is not None
    )


def escaped_rows(rows: bytes, separators: int) -> bytes:
    """Return rows of COPY TEXT as content of elements, with the tabs and newlines between cells.

    Characters that XML forbids are left out.

    Parameters
    ----------
    rows
        Rows of COPY TEXT.
    separators
        How many tabs and newlines separate the cells.
    """
    # All other control characters are none of XML; to count them is faster than to delete none.
    if np.count_nonzero(np.frombuffer(rows, dtype=np.uint8) < 0x20) != separators:
        rows = rows.translate(None, _CONTROLS)
    rows = rows.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    if _NONCHARACTERS[0][:1] in rows:  # one byte is found much faster than three are
        for character in _NONCHARACTERS:
            rows = rows.replace(character, b"")
    return unescape(rows, _REFERENCES)


def unique_ids(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return an XML identifier for every name: the name itself where that is possible.

    Parameters
    ----------
    names
        Any texts.
    taken
        Identifiers that are in use already.
    """
    used = set(taken)
    ids = []
    for name in names:
        base = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
        if not re.match(r"[A-Za-z_]", base):
            base = f"_{base}"
        identifier, number = base, 1
        while identifier in used:
            number += 1
            identifier = f"{base}_{number}"
        used.add(identifier)
        ids.append(identifier)
    return ids
