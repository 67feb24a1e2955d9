"""What a file that somebody sent is, told by its first bytes and not by what it is called."""

from __future__ import annotations

import zlib
from typing import IO

from epntap.tap.errors import RequestError

#: Suffix of the name that a file of each format gets here.
SUFFIX_OF = {
    "csv": ".csv",
    "csv.gz": ".csv.gz",
    "votable": ".vot",
    "fits": ".fits",
    "png": ".png",
}

_HEAD_BYTES = 4096

#: Control characters that are in no text.
_NO_TEXT = frozenset(range(0x20)) - {0x09, 0x0A, 0x0C, 0x0D}


def recognise(file: IO[bytes]) -> str:
    """Return the format of a file, as `SUFFIX_OF` names it; the file is at its start afterwards.

    Raises
    ------
    RequestError
        If it is none of them.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    found = _format_of(head)
    if found is None:
        raise RequestError(
            "the file is in no format that is known here", hint=f"known: {', '.join(SUFFIX_OF)}"
        )
    return found


def require_format(file: IO[bytes], allowed: tuple[str, ...]) -> str:
    """Return the format of a file.

    Raises
    ------
    RequestError
        If it is none that is allowed.
    """
    found = recognise(file)
    if found not in allowed:
        raise RequestError(
            f"the file is {found}, which this pipeline does not read",
            hint=f"it reads {', '.join(allowed)}",
        )
    return found


def _format_of(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"SIMPLE  ="):
        return "fits"
    if head.startswith(b"\x1f\x8b"):
        return "csv.gz" if _is_text(_unpacked(head)) else None
    if b"<VOTABLE" in head and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "votable"
    return "csv" if _is_text(head) else None


def _unpacked(head: bytes) -> bytes:
    """Return the beginning of a file that is compressed with gzip."""
    try:
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(head, _HEAD_BYTES)
    except zlib.error as error:
        raise RequestError(f"the file is no whole gzip file: {error}") from error


def _is_text(head: bytes) -> bool:
    return bool(head) and not _NO_TEXT.intersection(head)
