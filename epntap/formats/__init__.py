"""Result formats: the rows of a COPY become a document, piece by piece, in constant memory.

Nothing here knows of the web or of TAP. A caller negotiates the format, lets the database send
what the format reads, and hands the messages over in batches::

    chosen = negotiate("votable/td")
    writer = chosen.writer(columns, ResultHeader(query=adql), maxrec=2000)
    send(writer.begin())
    for messages in batches(copy_statement(sql, columns, chosen.copy)):
        send(writer.rows(messages))
    for piece in writer.end():
        send(piece)
"""

from epntap.formats.copying import CopyForm, copy_statement
from epntap.formats.document import error_document
from epntap.formats.errors import ResultStreamError, UnsupportedFormatError
from epntap.formats.negotiation import FORMATS, VOTABLE_MIME, ResultFormat, negotiate
from epntap.formats.writer import (
    BATCH_BYTES,
    BATCH_ROWS,
    Info,
    ResultHeader,
    ResultWriter,
    Steps,
)

__all__ = [
    "BATCH_BYTES",
    "BATCH_ROWS",
    "FORMATS",
    "VOTABLE_MIME",
    "CopyForm",
    "Info",
    "ResultFormat",
    "ResultHeader",
    "ResultStreamError",
    "ResultWriter",
    "Steps",
    "UnsupportedFormatError",
    "copy_statement",
    "error_document",
    "negotiate",
]
