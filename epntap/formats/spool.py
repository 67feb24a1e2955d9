"""Rows put aside until all of them are known, in memory first and then in a temporary file."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator

import numpy as np

from epntap.formats.errors import ResultStreamError
from epntap.formats.pgcopy import CopyBatch

#: Bytes that are kept in memory.
_MEMORY_BYTES = 8 * 1024 * 1024

_HEAD = struct.Struct("=qq")


class Spool:
    """Batches of COPY BINARY, to be read again as often as needed.

    The file has no name, so that nothing is left of it whatever happens.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115

    def add(self, batch: CopyBatch) -> None:
        """Put a batch aside.

        Raises
        ------
        ResultStreamError
            If there is no room for it.
        """
        data = batch.data.data[: batch.zeros_at]
        try:
            self._file.write(_HEAD.pack(batch.row_count, len(data)))
            self._file.write(batch.sizes.tobytes())
            self._file.write(data)
        except OSError as error:
            raise ResultStreamError(
                f"the result cannot be kept in the temporary folder: {error.strerror}",
                hint="ask for fewer rows or another format, or set TMPDIR to a larger disk",
            ) from error

    def __iter__(self) -> Iterator[CopyBatch]:
        """Yield the batches in the order in which they came."""
        self._file.seek(0)
        while head := self._file.read(_HEAD.size):
            row_count, length = _HEAD.unpack(head)
            sizes = np.frombuffer(self._file.read(8 * row_count), dtype=np.int64)
            yield CopyBatch([self._file.read(length)], sizes)

    def close(self) -> None:
        """Forget everything."""
        self._file.close()
