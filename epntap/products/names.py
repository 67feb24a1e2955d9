"""Names of files that can be trusted, and the media types that go with their endings."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from epntap.errors import PublishError

#: One part of a name: nothing that a file system, a URL or a shell takes for something else. It
#: begins with no dot, so it is neither hidden nor a way up.
_PART = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
_NAME = re.compile(_PART)
_PATH = re.compile(rf"{_PART}(?:/{_PART}){{0,7}}")

#: What a content is named by: half of its SHA-256 digest, in hexadecimal.
_CONTENT = re.compile(r"[0-9a-f]{32}")

#: Media types of EPN-TAP (2.0, section 2.2.1) and of IANA's register, by ending.
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".jp2": "image/jp2",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".fits": "application/fits",
    ".vot": "application/x-votable+xml",
    ".xml": "application/xml",
    ".parquet": "application/vnd.apache.parquet",
    ".nc": "application/x-netcdf",
    ".cdf": "application/x-cdf",
    ".h5": "application/x-hdf5",
    ".npy": "application/octet-stream",
    ".gz": "application/gzip",
    ".zip": "application/zip",
}

#: First bytes of formats that have such: a file that is named for one begins with them.
_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "application/pdf": (b"%PDF-",),
    "application/fits": (b"SIMPLE  =",),
    "application/vnd.apache.parquet": (b"PAR1",),
}

#: Pages of a browser are no data: their scripts would run as those of the service.
_REFUSED = ("text/html", "application/xhtml", "text/javascript", "application/javascript")

_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+(?:; ?[a-z0-9.+-]+=[a-z0-9.+-]+)*")


def is_safe_name(name: str) -> bool:
    """Whether a text can be the name of a file: one part, without folders."""
    return _NAME.fullmatch(name) is not None


def is_content(digest: str) -> bool:
    """Whether a text can name a content."""
    return _CONTENT.fullmatch(digest) is not None


def checked_path(path: str) -> PurePosixPath:
    """Return the path that a row names, relative to the folder of the files.

    Raises
    ------
    PublishError
        If it is not a plain name with folders before it.
    """
    if _PATH.fullmatch(path) is None:
        shown = path if len(path) <= 60 else path[:57] + "..."
        raise PublishError(
            f"{shown!r} is not a safe name of a file",
            hint="letters, digits, _, . and -, not first . or -, at most 128 characters, folders"
            " before it with /; relative to the folder of the files",
        )
    return PurePosixPath(path)


def media_type_fault(text: str) -> str | None:
    """Return what is wrong with a media type, if anything is."""
    if not _MEDIA_TYPE.fullmatch(text):
        return f"{text!r} is not a media type in lower case, e.g. 'text/csv'"
    if text.startswith(_REFUSED):
        return f"{text!r} cannot be served as data: a browser would run it"
    return None


def media_type(path: PurePosixPath, given: str | None) -> str:
    """Return the media type of a file: what is given, else by the ending of its name.

    Raises
    ------
    PublishError
        If the ending is not known.
    """
    if given is not None:
        return given
    known = MEDIA_TYPES.get(path.suffix.lower())
    if known is None:
        raise PublishError(
            f"{path}: no media type is known for files that end in {path.suffix or 'nothing'!r}",
            hint="give 'format' in the description, or use one of " + ", ".join(MEDIA_TYPES),
        )
    return known


def check_signature(path: PurePosixPath, mime: str, begin: bytes) -> None:
    """Check that a content begins as those of its media type do.

    Raises
    ------
    PublishError
        If it does not.
    """
    signatures = _SIGNATURES.get(mime.partition(";")[0])
    if signatures is not None and not begin.startswith(signatures):
        raise PublishError(
            f"{path} is not what its name says: its content is not {mime}",
            hint="write the file again, or correct 'format' in the description",
        )
