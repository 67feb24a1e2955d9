"""The bytes of an uploaded document: decompressed where need be, and counted."""

from __future__ import annotations

import gzip
import zlib
from typing import IO

from epntap.tap.uploads.errors import UploadError
from epntap.tap.uploads.policy import Allowance

_GZIP = b"\x1f\x8b"


class DocumentBytes:
    """Reads a document from its beginning; what is read is taken from the allowance.

    Parameters
    ----------
    name
        Name of the upload, for messages.
    file
        The document, perhaps compressed by gzip; at any position.
    allowance
        The bytes that may be read, counted after decompression: that is how a few kilobytes
        that stand for gigabytes are found out.
    """

    def __init__(self, name: str, file: IO[bytes], allowance: Allowance) -> None:
        self._name = name
        self._allowance = allowance
        file.seek(0)
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        self._file: IO[bytes] | gzip.GzipFile = (
            gzip.GzipFile(fileobj=file, mode="rb") if packed else file
        )

    def read(self, size: int) -> bytes:
        """Return the next bytes, none at the end.

        Raises
        ------
        UploadError
            If more were read than is allowed, or gzip's data are damaged.
        """
        try:
            chunk = self._file.read(size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise UploadError(self._name, f"the gzip data are damaged: {error}") from error
        self._allowance.take(len(chunk), self._name)
        return chunk
