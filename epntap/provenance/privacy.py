"""What of a source, a parameter or a message may be shown to everybody.

Runs are published (`docs/provenance.md`), and what goes into them is text that people and
libraries write: paths of a machine, addresses with a password in them, connection strings. They
are cleaned before they are stored, so that no later reader of the tables has to remember to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Stands for what is not shown.
HIDDEN = "***"

#: Words in the name of a parameter whose value is not to be shown.
_TELLTALE = "passw|secret|token|credential|signature|(?:api|access|private)_?key|authorization"
_SECRET_NAME = re.compile(rf"{_TELLTALE}|^(?:key|sig|pwd|user|username)$", re.IGNORECASE)

#: An address with its parts. The user's part ends at the last @ before the path (RFC 3986, 3.2);
#: with a colon in it at the last @ at all, since passwords are not always encoded as they should.
_URL = re.compile(
    r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.\-]*)://"
    r"(?:(?:[^\s/?#'\"<>]*:[^\s'\"<>]*|[^\s/?#'\"<>]*)@)?(?P<rest>[^\s'\"<>]*)"
)
_QUERY_VALUE = re.compile(r"([?&;#])([^=&;#\s]+)=([^&;#\s]*)")

#: ``password=...`` as libpq writes it, and the same in messages of other libraries.
_ASSIGNMENT = re.compile(
    rf"\b(\w*(?:{_TELLTALE}|pwd)\w*)(\s*[=:]\s*)('(?:[^'\\]|\\.)*'|\"[^\"]*\"|[^\s,;&]+)",
    re.IGNORECASE,
)

#: A path of this machine that begins at its root, at a home or at where somebody stood.
_PATH = re.compile(
    r"(?<![\w:/.~\\-])(?:~[\w.-]*|\.{1,2})?/(?:[^\s/'\":,;()]+/)*(?P<name>[^\s/'\":,;()]*)/?"
)
_WINDOWS_PATH = re.compile(r"(?<!\w)(?:[A-Za-z]:\\|\\\\)(?:[^\s\\'\":]+\\)*(?P<name>[^\s\\'\":]*)")

#: ``folder/data.csv``, but not ``service:name/2019-01-01``: the last part ends like a file's name.
_RELATIVE_PATH = re.compile(
    r"(?<![\w:/.~\\@-])(?:[\w.+-]+/)+(?P<name>[\w.+-]*\.[A-Za-z]\w{0,7}(?:\.(?:gz|bz2|xz))?)(?![\w/])"
)


def shown(text: str) -> str:
    """Return a text without passwords, and with the names of files instead of their paths.

    - The user's part of an address goes: ``ftp://jane:pw@host/a`` -> ``ftp://host/a``; so do the
      values of parameters of an address that look like keys, and addresses of local files.
    - ``password=...`` and the like keep their name only.
    - Of a path on this machine the last part stays: ``/data/2019/wind.csv`` -> ``wind.csv``.
    """
    pieces, place = [], 0
    for match in _URL.finditer(text):
        pieces.append(_shown_words(text[place : match.start()]))
        pieces.append(_shown_address(match))
        place = match.end()
    pieces.append(_shown_words(text[place:]))
    return "".join(pieces)


def shown_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as they may be shown, nested ones too.

    Values whose name speaks of a secret are hidden whole; texts are treated as `shown` says.
    """
    return {
        str(name): HIDDEN if _SECRET_NAME.search(str(name)) else _shown_value(value)
        for name, value in parameters.items()
    }


def _shown_value(value: Any) -> Any:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return shown_parameters(value)
    if isinstance(value, (list, tuple)):
        return [_shown_value(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return shown(str(value))


def _shown_address(match: re.Match[str]) -> str:
    scheme, rest = match["scheme"], match["rest"]
    if scheme.lower() == "file":
        return re.split(r"[?#]", rest)[0].rstrip("/").rpartition("/")[2]

    def hide(part: re.Match[str]) -> str:
        value = HIDDEN if _SECRET_NAME.search(part[2]) else part[3]
        return f"{part[1]}{part[2]}={value}"

    return f"{scheme}://{_QUERY_VALUE.sub(hide, rest)}"


def _shown_words(text: str) -> str:
    text = _ASSIGNMENT.sub(rf"\1\2{HIDDEN}", text)
    for pattern in (_WINDOWS_PATH, _PATH, _RELATIVE_PATH):
        text = pattern.sub(_last_part, text)
    return text


def _last_part(match: re.Match[str]) -> str:
    """Return the name of a file; that of a folder is the last word of its path."""
    return match["name"] or re.split(r"[/\\]", match[0].rstrip("/\\"))[-1] or "/"
