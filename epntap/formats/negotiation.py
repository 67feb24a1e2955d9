"""The formats of results: the one list, and how a client's wish is found in it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from epntap.formats.binary import BinaryWriter
from epntap.formats.copying import CopyForm
from epntap.formats.delimited import CsvWriter, TsvWriter
from epntap.formats.errors import UnsupportedFormatError
from epntap.formats.fits import FitsWriter
from epntap.formats.htmlpage import HtmlWriter
from epntap.formats.jsontable import JsonWriter
from epntap.formats.parquet import ParquetWriter
from epntap.formats.plaintext import TextWriter
from epntap.formats.tabledata import TabledataWriter
from epntap.formats.writer import ResultHeader, ResultWriter
from epntap.tables import Column

#: Content type of a VOTable of any serialisation, and of error documents.
VOTABLE_MIME = "application/x-votable+xml"

_OUTPUT = "ivo://ivoa.net/std/TAPRegExt#output-votable-"


class OpenWriter(Protocol):
    """Makes the writer of one result."""

    def __call__(
        self, columns: Sequence[Column], header: ResultHeader, *, maxrec: int | None = None
    ) -> ResultWriter:
        """Return a writer that has written nothing yet."""
        ...


@dataclass(frozen=True, slots=True)
class ResultFormat:
    """A format in which a client can have a result.

    Attributes
    ----------
    name
        Short and unique, for settings and messages.
    mime
        Content type of the answer.
    extension
        Of files, without the dot.
    copy
        What the database shall send, for `epntap.formats.copy_statement`.
    writer
        Makes a writer: ``format.writer(columns, header, maxrec=...)``.
    aliases
        Short names by which clients ask for it.
    also_mimes
        Content types that mean the same and are answered as they are asked for.
    tells_status
        Whether the document itself can say that rows are missing. If not, a failure in the middle
        has to break the transfer off.
    ivo_id
        TAPRegExt's identifier of the format, if it has one.
    """

    name: str
    mime: str
    extension: str
    copy: CopyForm
    writer: OpenWriter
    aliases: tuple[str, ...] = ()
    also_mimes: tuple[str, ...] = ()
    tells_status: bool = True
    ivo_id: str | None = None


#: What the service writes; the first is the default. Capabilities are made from this list.
FORMATS: tuple[ResultFormat, ...] = (
    ResultFormat(
        name="votable/b2",
        mime=f"{VOTABLE_MIME};serialization=BINARY2",
        extension="vot",
        copy="binary",
        writer=partial(BinaryWriter, null_flags=True),
        aliases=("votable", "votableb2"),
        also_mimes=(VOTABLE_MIME,),
        ivo_id=f"{_OUTPUT}binary2",
    ),
    ResultFormat(
        name="votable/td",
        mime=f"{VOTABLE_MIME};serialization=TABLEDATA",
        extension="vot",
        copy="text",
        writer=TabledataWriter,
        aliases=("votabletd",),
        also_mimes=("text/xml", "application/xml"),
        ivo_id=f"{_OUTPUT}td",
    ),
    ResultFormat(
        name="votable/b",
        mime=f"{VOTABLE_MIME};serialization=BINARY",
        extension="vot",
        copy="binary",
        writer=partial(BinaryWriter, null_flags=False),
        aliases=("votableb", "votable/b1"),
        ivo_id=f"{_OUTPUT}binary",
    ),
    ResultFormat(
        name="csv",
        mime="text/csv;header=present",
        extension="csv",
        copy="csv",
        writer=CsvWriter,
        also_mimes=("text/csv",),
        tells_status=False,
    ),
    ResultFormat(
        name="tsv",
        mime="text/tab-separated-values",
        extension="tsv",
        copy="text",
        writer=TsvWriter,
        tells_status=False,
    ),
    ResultFormat(
        name="fits",
        mime="application/fits",
        extension="fits",
        copy="binary",
        writer=FitsWriter,
        tells_status=False,
    ),
    ResultFormat(
        name="parquet",
        mime="application/vnd.apache.parquet",
        extension="parquet",
        copy="binary",
        writer=ParquetWriter,
        also_mimes=("application/parquet", "application/x-parquet"),
        tells_status=False,
    ),
    ResultFormat(
        name="json",
        mime="application/json",
        extension="json",
        copy="json",
        writer=JsonWriter,
    ),
    ResultFormat(
        name="html",
        mime="text/html;charset=utf-8",
        extension="html",
        copy="text",
        writer=HtmlWriter,
    ),
    ResultFormat(
        name="text",
        mime="text/plain;charset=utf-8",
        extension="txt",
        copy="text",
        writer=TextWriter,
        aliases=("txt",),
    ),
)


#: Parameters that choose between formats. Others, such as charset, are accepted and ignored.
_CHOOSING = frozenset({"serialization", "header"})


@dataclass(frozen=True, slots=True)
class _MediaType:
    """A content type: ``type/subtype`` and parameters, all in lower case (RFC 9110, 8.3.1).

    Of the parameters only those that choose between formats are kept: `_CHOOSING`.
    """

    essence: str
    parameters: frozenset[tuple[str, str]]

    @classmethod
    def parse(cls, text: str) -> _MediaType:
        essence, *rest = (part.strip().lower() for part in text.split(";"))
        pairs = (part.partition("=") for part in rest if part)
        named = ((name.strip(), value.strip(' \t"')) for name, _, value in pairs)
        parameters = frozenset(pair for pair in named if pair[0] in _CHOOSING)
        # A plus sign that was not percent-encoded arrives as a blank.
        return cls(essence.replace(" ", "+"), parameters)


def negotiate(requested: str | None) -> ResultFormat:
    """Return the format that a client asks for by RESPONSEFORMAT.

    Parameters
    ----------
    requested
        A content type or a short name, compared without case; ``None`` or nothing for the
        default.

    Returns
    -------
    ResultFormat
        With `ResultFormat.mime` as the client asked for it. Who asks for nothing or ``votable``
        gets the content type without parameter, which every client knows.

    Raises
    ------
    UnsupportedFormatError
        If there is no such format; the hint names those that exist.
    """
    wish = (requested or "").strip()
    if not wish:
        return replace(FORMATS[0], mime=VOTABLE_MIME)
    if "/" in wish:
        asked = _MediaType.parse(wish)
        for candidate in FORMATS:
            for mime in (candidate.mime, *candidate.also_mimes):
                if _MediaType.parse(mime) == asked:
                    return replace(candidate, mime=mime)
    for candidate in FORMATS:
        if wish.lower() in (candidate.name, *candidate.aliases):
            mime = VOTABLE_MIME if wish.lower() == "votable" else candidate.mime
            return replace(candidate, mime=mime)
    raise _unsupported(wish)


def _unsupported(wish: str) -> UnsupportedFormatError:
    names = [name for known in FORMATS for name in (known.name, *known.aliases)]
    mimes = [mime for known in FORMATS for mime in (known.mime, *known.also_mimes)]
    near = difflib.get_close_matches(wish.lower(), [*names, *mimes], n=1)
    shown = wish if len(wish) <= 100 else f"{wish[:100]}..."
    meant = f"did you mean {near[0]}? " if near else ""
    return UnsupportedFormatError(
        f"format {shown!r} is not supported",
        hint=f"{meant}known are {', '.join(names)}, and by content type {', '.join(mimes)}",
    )
