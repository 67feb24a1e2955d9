"""Names of the files that belong to the rows of a catalogue.

A pipeline whose `run` takes the keyword ``products``, a folder, writes files into it and names
them, relative to it, in columns of its rows. Which column holds which kind of file stands in the
description of the catalogue (``products``).
"""

from __future__ import annotations

import hashlib
import re

#: Characters that every file system and every URL takes as they are.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")

#: Characters of an identifier that are kept, so that the name stays below 128 with an ending.
_LONGEST = 80


def safe_name(identifier: str, ending: str) -> str:
    """Return a name for the file of an object; other identifiers never give the same.

    Parameters
    ----------
    identifier
        Of the object, any text.
    ending
        Of the file, e.g. ``_mask.png``: letters, digits, ``_``, ``.`` and ``-``.

    Returns
    -------
    name
        The identifier as it is where it can be a name; else what is left of it, with the beginning
        of its digest.

    Raises
    ------
    ValueError
        If the ending cannot be that of a name.

    Examples
    --------
    >>> safe_name("APC071", ".csv")
    'APC071.csv'
    >>> safe_name("pit 7/b", ".csv")
    'pit_7_b--3dcf6ed6b0037a76.csv'
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]*", ending):
        raise ValueError(f"{ending!r} cannot be the ending of a file's name")
    if _SAFE.fullmatch(identifier) and len(identifier) <= _LONGEST and "--" not in identifier:
        return identifier + ending
    # Two hyphens mark what was changed: identifiers that have them are changed, too.
    kept = re.sub("-{2,}", "-", _UNSAFE.sub("_", identifier)).lstrip("_.-")[:_LONGEST] or "object"
    return f"{kept}--{hashlib.sha256(identifier.encode()).hexdigest()[:16]}{ending}"
