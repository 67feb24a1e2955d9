"""VOTable results read a row at a time.

TABLEDATA, which the validator asks for, is read in constant memory. A service that answers in
another serialisation all the same is read by astropy, whole.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from lxml import etree

from epntap.errors import UserError
from epntap.tables import Column

#: Results are kept in memory up to this size where they have to be read twice.
_SPOOL_BYTES = 4 * 1024 * 1024

#: Bytes of the beginning in which a DOCTYPE would stand.
_HEAD_BYTES = 4096


class TapAnswerError(UserError):
    """A service answered a query with an error, or with something that is no VOTable."""


@dataclass(frozen=True)
class Result:
    """A result whose rows are still to be read.

    Attributes
    ----------
    columns
        The FIELDs. A service writes their types as VOTable does.
    rows
        Cells as text, missing and empty ones as ``None``; arrays are numbers with blanks.
    overflow
        Tells whether the service cut the result off; only known when all rows are read.
    """

    columns: tuple[Column, ...]
    rows: Iterator[tuple[str | None, ...]]
    overflow: Callable[[], bool]


@dataclass
class _Status:
    overflow: bool = False


@contextmanager
def reading(document: IO[bytes]) -> Iterator[Result]:
    """Read a result.

    Raises
    ------
    TapAnswerError
        If the document is no VOTable, reports an error, or declares a DOCTYPE; also while the
        rows are read.
    """
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
        head = _refuse_doctype(document)
        tee = _Tee(head, document, spool)
        status = _Status()
        events = _events(tee)
        try:
            columns, serialization = _begin(events, status)
            if serialization == "TABLEDATA":
                tee.stop()
                rows = _table_rows(events, len(columns), status)
            elif serialization is None:
                rows = iter(())
            else:
                shutil.copyfileobj(tee, io.BytesIO() if tee.done else _Sink())
                spool.seek(0)
                rows = _astropy_rows(spool, status)
        except etree.XMLSyntaxError as error:
            raise TapAnswerError(f"the answer is not a VOTable: {error}") from error
        yield Result(tuple(columns), rows, lambda: status.overflow)
