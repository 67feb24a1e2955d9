"""CSV files, read by Arrow where they are written plainly and by pandas where they are not.

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
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from epntap.errors import PublishError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Bytes that are parsed at a time: what is parsed stays in the processor's cache.
BLOCK_BYTES = 2**20

#: Bytes of parsed cells that are handed on at a time: whole columns are worked on, and each of the
#: many steps costs the same for few rows as for thousands.
_GATHERED_BYTES = 16 * 2**20

_BOM = b"\xef\xbb\xbf"
_QUOTE, _COMMA, _SPACE, _TAB, _LF, _CR = b'", \t\n\r'

#: What a damaged or vanished file raises.
_UNREADABLE = (OSError, EOFError, zlib.error)


#: Bytes of a header that is looked at, at most.
_HEADER_BYTES = 2**20


def read_csv(path: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of a CSV file as `read_rows` does, all of them as pandas has them."""
    import pyarrow as pa

    for rows in read_rows(path, chunk_rows):
        yield rows.to_pandas() if isinstance(rows, pa.RecordBatch) else rows


def read_rows(path: Path, chunk_rows: int) -> Iterator[pd.DataFrame | pa.RecordBatch]:
    """Yield the rows of a CSV file; every cell is text, an empty one is missing.

    The first chunk has the columns and no row. Chunks are record batches of large strings up to
    the first place that is not written plainly, and DataFrames from there on.

    Parameters
    ----------
    path
        The file, compressed if its name ends in ``.gz`` or ``.bz2``.
    chunk_rows
        The most rows of a chunk.

    Raises
    ------
    PublishError
        If a line has more cells than the header, or the file is damaged or not UTF-8 text.
    """
    try:
        names = _plain_header(path)
        if names is None:
            with _told(path):
                header = _pandas(path, nrows=0)
            yield header
            names = [str(name) for name in header.columns]
        else:
            yield _no_rows(names)
        plain = _PlainRows(path, names, chunk_rows)
        yield from plain
        if plain.is_interrupted:
            with _told(path):
                yield from _pandas_rows(path, plain.count, chunk_rows)
    except _UNREADABLE as error:
        raise PublishError(f"{path}: cannot be read: {error}") from error


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell in our own words why pandas refuses a file."""
    import pandas as pd

    try:
        yield
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise PublishError(
            f"{path}: not a CSV table: {str(error).strip()}",
            hint="the first line holds the names of the columns, the file is UTF-8",
        ) from error


def _plain_header(path: Path) -> list[str] | None:
    """Return the names in the first line, or None where pandas may have to be asked for them."""
    with _opened(path) as file:
        line = file.readline(_HEADER_BYTES)
    if not line.endswith(b"\n"):
        return None
    line = line.removeprefix(_BOM).removesuffix(b"\n").removesuffix(b"\r")
    if not line or any(odd in line for odd in (b'"', b"\r", b"\0", b"\t", b" ")):
        return None
    try:
        names = line.decode().split(",")
    except UnicodeDecodeError:
        return None
    return names if all(names) and len(set(names)) == len(names) else None


def _no_rows(names: list[str]) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.record_batch([pa.nulls(0, pa.large_string()) for _ in names], names=names)


def _pandas(path: Path, **options: Any) -> Any:
    import pandas as pd

    return pd.read_csv(
        path,
        dtype=str,
        keep_default_na=False,
        na_values=[""],
        skipinitialspace=True,
        comment=None,
        **options,
    )


def _pandas_rows(path: Path, done: int, chunk_rows: int) -> Iterator[pd.DataFrame]:
    """Yield the rows after the first `done` ones."""
    import pandas as pd

    first = 0
    for frame in _pandas(path, chunksize=chunk_rows):
        if not isinstance(frame.index, pd.RangeIndex):
            # pandas takes the first cells for labels then, and the columns would be shifted.
            raise PublishError(
                f"{path}: not a CSV table: the lines have more cells than the header",
                hint="give every column a name, and end no line with a comma",
            )
        rows = frame.iloc[max(0, done - first) :]
        first += len(frame)
        if len(rows):
            yield rows


class _PlainRows:
    """The rows of a file up to the first place that is not written plainly.

    Attributes
    ----------
    count
        Rows that were yielded.
    is_interrupted
        Whether there are more, for pandas to read.
    """

    def __init__(self, path: Path, names: list[str], chunk_rows: int) -> None:
        self.count = 0
        self.is_interrupted = False
        self._path = path
        self._names = names
        self._chunk_rows = chunk_rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with _opened(self._path) as file:
            for batch in _gathered(self._batches(_Gate(file))):
                for start in range(0, batch.num_rows, self._chunk_rows):
                    rows = batch.slice(start, self._chunk_rows)
                    self.count += rows.num_rows
                    yield rows

    def _batches(self, gate: _Gate) -> Iterator[Any]:
        import pyarrow as pa

        is_header = True
        try:
            reader = _arrow_reader(gate, len(self._names))
            for batch in reader:
                # The gate ends a file that is not plain, in the middle of a line if need be.
                if gate.is_shut:
                    break
                rows = batch.slice(1) if is_header else batch
                is_header = False
                yield pa.RecordBatch.from_arrays(rows.columns, names=self._names)
        except pa.ArrowInvalid:
            self.is_interrupted = True
        self.is_interrupted |= gate.is_shut


def _gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join batches to larger ones."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.nbytes
        if size >= _GATHERED_BYTES:
            yield _joined(waiting)
            waiting, size = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    import pyarrow as pa

    columns = zip(*(batch.columns for batch in batches), strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.concat_arrays(parts) for parts in columns], schema=batches[0].schema
    )


def _arrow_reader(gate: _Gate, columns: int) -> Any:
    """Open a reader to whom the header is a line like any other: pandas has read it."""
    import pyarrow as pa
    from pyarrow import csv

    names = [str(i) for i in range(columns)]
    return csv.open_csv(
        pa.PythonFile(gate, mode="r"),
        read_options=csv.ReadOptions(column_names=names, block_size=BLOCK_BYTES),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={name: pa.large_string() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _opened(path: Path) -> BinaryIO:
    match path.suffix.lower():
        case ".gz":
            return cast(BinaryIO, gzip.open(path, "rb"))
        case ".bz2":
            return cast(BinaryIO, bz2.open(path, "rb"))
    return path.open("rb")


class _Gate(io.RawIOBase):
    """A file up to the first block that is not written plainly.

    Parameters
    ----------
    file
        The bytes, decompressed.

    Attributes
    ----------
    is_shut
        Whether a block was held back.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.is_shut = False
        self._file = file
        self._is_begin = True
        self._is_quoted = False
        self._last = _LF

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if self.is_shut:
            return b""
        try:
            block = self._file.read(size)
        except _UNREADABLE:
            # pandas meets the same and says where.
            self.is_shut = True
            return b""
        if block:
            content = block.removeprefix(_BOM) if self._is_begin else block
            self._is_begin = False
            self.is_shut = bool(content) and not self._is_plain(content)
        else:
            # Nothing follows, but a quote is still open.
            self.is_shut = self._is_quoted
        return b"" if self.is_shut else block

    def _is_plain(self, content: bytes) -> bool:
        """Tell whether Arrow reads the block as pandas does, apart from the number of cells."""
        has_quotes = b'"' in content
        if not (has_quotes or self._is_quoted or self._may_skip(content)):
            self._last = content[-1]
            return True
        text = np.empty(len(content) + 1, dtype=np.uint8)
        text[0], text[1:] = self._last, np.frombuffer(content, dtype=np.uint8)
        was_quoted, self._last = self._is_quoted, int(text[-1])
        quotes = np.flatnonzero(text[1:] == _QUOTE) + 1 if has_quotes else None
        if quotes is not None:
            self._is_quoted = was_quoted ^ bool(len(quotes) % 2)
            # A quote opens a cell, or goes on after a doubled quote; elsewhere it is plain text.
            before = text[quotes[int(was_quoted) :: 2] - 1]
            if not np.isin(before, (_COMMA, _LF, _CR, _QUOTE)).all():
                return False
        blanks = np.flatnonzero((text[1:] == _SPACE) | (text[1:] == _TAB)) + 1
        before = text[blanks - 1]
        at_begin = (before == _LF) | (before == _CR)
        skipped = blanks[at_begin | ((before == _COMMA) & (text[blanks] == _SPACE))]
        if len(skipped) == 0:
            return True
        # Inside of quotes they are part of the text.
        passed = np.searchsorted(quotes, skipped) if quotes is not None else 0
        return bool(np.all((passed + int(was_quoted)) % 2 == 1))

    def _may_skip(self, content: bytes) -> bool:
        """Tell whether there are blanks where pandas skips some, quotes apart."""
        if b"\t" in content or (content[0] == _SPACE and self._last in (_COMMA, _LF, _CR)):
            return True
        text = np.frombuffer(content, dtype=np.uint8)
        before = text[np.flatnonzero(text[1:] == _SPACE)]
        return bool(((before == _COMMA) | (before == _LF) | (before == _CR)).any())
