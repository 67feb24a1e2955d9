"""An uploaded VOTable, read as it comes: its columns first, then row by row, in constant memory.

The parser is expat. A document type declaration is refused, and with it every entity but those
of XML itself; nothing that a document refers to is ever opened. The first TABLE is read and the
rest of the document is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn, Protocol
from xml.parsers import expat

from epntap.tables import CoordinateSystem, TimeSystem
from epntap.tap.uploads.cells import CellError, CellReader, reader_of
from epntap.tap.uploads.errors import UploadError
from epntap.tap.uploads.fields import Field, FieldElement, make_fields
from epntap.tap.uploads.streams import BinaryRows
from epntap.tap.uploads.tabledata import TabledataRows

_CHUNK_BYTES = 64 * 1024

#: Bytes of the longest tag or comment. Expat begins a longer one anew with each piece that comes.
_LONGEST_TAG = 1024 * 1024

#: Encodings that expat knows by itself.
_ENCODINGS = frozenset({"UTF-8", "UTF-16", "ISO-8859-1", "US-ASCII"})

_ONE_TABLE = "upload a VOTable with one TABLE, in TABLEDATA, BINARY or BINARY2"


class ByteSource(Protocol):
    """Where the document is read from."""

    def read(self, size: int) -> bytes:
        """Return the next bytes, none at the end."""


class VOTableReader:
    """Reads the first table of a VOTable.

    Parameters
    ----------
    name
        Name of the upload, for messages.
    source
        The document.
    row_limit
        Rows that the table may have.

    Raises
    ------
    UploadError
        If what stands before the rows is no VOTable with a table, or one that cannot be used.
    """

    def __init__(self, name: str, source: ByteSource, *, row_limit: int) -> None:
        self._name = name
        self._source = source
        self._row_limit = row_limit
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.buffer_size = _CHUNK_BYTES
        self._parser.XmlDeclHandler = self._check_encoding
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._take_elements()
        self._fed = 0
        self._depth = 0
        self._elements: list[FieldElement] = []
        self._systems: dict[str, TimeSystem | CoordinateSystem] = {}
        self._open_field: FieldElement | None = None
        self._text: list[str] | None = None
        self._in_table = False
        self._in_data = False
        self._complete = False
        self._fields: tuple[Field, ...] | None = None
        self._readers: tuple[CellReader, ...] = ()
        self._stream: BinaryRows | None = None
        self._flagged: bool | None = None
        self._lines: list[str] = []
        self._row_count = 0
        while self._fields is None:
            self._advance()

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns."""
        return self._fields or ()

    @property
    def row_count(self) -> int:
        """The rows read so far."""
        return self._row_count

    def lines(self) -> Iterator[bytes]:
        """Yield the rows as lines of COPY TEXT, many at a time.

        Raises
        ------
        UploadError
            If the document is broken or too long, or a cell is not of its column's type.
        """
        while True:
            if self._lines:
                lines, self._lines = self._lines, []
                yield "".join(lines).encode()
            if self._complete:
                return
            self._advance()

    def _advance(self) -> None:
        """Parse the next piece of the document."""
        chunk = self._source.read(_CHUNK_BYTES)
        self._fed += len(chunk)
        try:
            self._parser.Parse(chunk, not chunk)
        except expat.ExpatError as error:
            self._refuse(f"the document is not well-formed XML: {error}")
        except CellError as error:
            self._refuse(f"row {self._row_count + 1}, {error}")
        if self._fed - self._parser.CurrentByteIndex > _LONGEST_TAG:
            self._refuse("the document has a tag or comment of more than 1 MiB")
        if not chunk and not self._complete:
            self._refuse("the document has no TABLE", _ONE_TABLE)

    def _refuse(self, message: str, hint: str | None = None, status: int = 400) -> NoReturn:
        raise UploadError(self._name, message, hint=hint, status=status)

    def _check_encoding(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() not in _ENCODINGS:
            self._refuse(f"the encoding {encoding[:40]} is not read", "use UTF-8")

    def _refuse_doctype(self, *_declaration: object) -> NoReturn:
        self._refuse("a document type declaration (DOCTYPE) is not allowed", "leave it out")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = tag.rpartition(":")[2]
        self._depth += 1
        if self._complete:
            return
        if self._depth == 1:
            if element != "VOTABLE":
                self._refuse(f"the document is no VOTable but begins with {tag[:50]}", _ONE_TABLE)
        elif element in ("TIMESYS", "COOSYS"):
            self._declare_system(element, attributes)
        elif element == "TABLE":
            self._in_table = True
        elif self._in_data:
            self._start_data(element, tag, attributes)
        elif self._in_table:
            self._start_description(element, attributes)

    def _start_description(self, element: str, attributes: dict[str, str]) -> None:
        """Begin an element between the start of the table and that of its data."""
        field = self._open_field
        if element == "DATA":
            self._in_data = True
            self._make_fields()
        elif element == "FIELD":
            self._open_field = FieldElement(attributes)
            self._elements.append(self._open_field)
        elif field is not None and element == "DESCRIPTION":
            self._text = field.description
        elif field is not None and element == "VALUES" and field.null is None:
            field.null = attributes.get("null")

    def _start_data(self, element: str, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element of the data."""
        if element == "TABLEDATA":
            self._start_rows(tag)
        elif element in ("BINARY", "BINARY2"):
            self._flagged = element == "BINARY2"
        elif element == "STREAM":
            self._start_stream(attributes)
        elif element == "FITS":
            self._refuse("data in FITS are not read", _ONE_TABLE)

    def _start_rows(self, tag: str) -> None:
        """Give the elements within TABLEDATA to what reads rows, until it ends."""
        rows = TabledataRows(self._readers, tag, self._end_row, self._end_rows)
        self._parser.StartElementHandler = rows.start
        self._parser.EndElementHandler = rows.end
        self._parser.CharacterDataHandler = rows.characters

    def _end_rows(self, tag: str) -> None:
        self._take_elements()
        self._end(tag)

    def _take_elements(self) -> None:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def _start_stream(self, attributes: dict[str, str]) -> None:
        if "href" in attributes:
            self._refuse("data elsewhere (STREAM with href) are not fetched", _ONE_TABLE)
        encoding = attributes.get("encoding", "none")
        if self._flagged is None or encoding != "base64":
            self._refuse(f"a STREAM with the encoding {encoding} is not read", "use base64")
        self._stream = BinaryRows(self._readers, flagged=self._flagged)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        element = tag.rpartition(":")[2]
        if element == "STREAM" and self._stream is not None:
            self._stream.finish()
            self._stream = None
        elif element == "FIELD":
            self._open_field = None
        elif element == "DESCRIPTION":
            self._text = None
        elif element == "TABLE" and self._in_table and not self._complete:
            if not self._in_data:
                self._make_fields()
            self._complete = True

    def _end_row(self, cells: list[str]) -> None:
        """Take a whole row."""
        self._row_count += 1
        if self._row_count > self._row_limit:
            self._refuse(
                f"the table has more than {self._row_limit} rows",
                "leave rows out, or upload the table in parts",
                413,
            )
        self._lines.append("\t".join(cells) + "\n")

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
        elif self._stream is not None:
            for cells in self._stream.feed(text):
                self._end_row(cells)

    def _make_fields(self) -> None:
        self._fields = make_fields(self._name, self._elements, self._systems)
        self._readers = tuple(reader_of(field) for field in self._fields)

    def _declare_system(self, element: str, attributes: dict[str, str]) -> None:
        """Remember a TIMESYS or COOSYS that FIELDs can refer to."""
        identifier, get = attributes.get("ID", ""), attributes.get
        if element == "TIMESYS":
            self._systems[identifier] = TimeSystem(
                timescale=get("timescale", "UNKNOWN"),
                refposition=get("refposition", "UNKNOWN"),
                timeorigin=get("timeorigin", ""),
            )
        elif "system" in attributes:
            self._systems[identifier] = CoordinateSystem(attributes["system"], get("epoch"))
