"""CSV files read by Arrow where they are written plainly, by pandas where they are not.

Arrow reads CSV several times faster. It differs from pandas in what only few files have: spaces
after a delimiter, quotes inside of an unquoted cell, lines of blanks, lines that are too short.
From the first such place on pandas reads the file, so that a cell means the same in every file.
"""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from epntap.errors import PublishError

#: Bytes that are parsed at a time; a chunk of rows is as long.
BLOCK_BYTES = 8 * 2**20

_BOM = b"\xef\xbb\xbf"
_QUOTE, _COMMA, _SPACE, _TAB, _LF, _CR = b'", \t\n\r'
#: A space after a delimiter, and lines that begin with a blank.
_BLANKS = (b", ", b"\n ", b"\n\t", b"\r ", b"\r\t")


def read_csv(path: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of a CSV file; every cell is text, an empty one is missing.

    The first chunk has the columns and no row.

    Parameters
    ----------
    path
        The file, compressed if its name ends in ``.gz`` or ``.bz2``.
    chunk_rows
        The most rows of a chunk that pandas reads.

    Raises
    ------
    PublishError
        If a line has more cells than the header, or the file is not UTF-8 text.
    """
    try:
        head = _pandas_reader(path, nrows=0)
        yield head
        done = 0
        for frame in _plain_chunks(path, list(head.columns)):
            done += len(frame)
            yield frame
        if done >= 0:
            return
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise PublishError(
            f"{path}: not a CSV table: {str(error).strip()}",
            hint="the first line holds the names of the columns, the file is UTF-8",
        ) from error
