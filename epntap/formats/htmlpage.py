"""A page for people, from COPY TEXT: one table, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from epntap.formats.cells import NUMBERS
from epntap.formats.markup import attributes, escaped_rows, text
from epntap.formats.writer import CountedWriter
from epntap.tables import Column

_STYLE = """
body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem;color:#1b1f24;background:#fff}
pre{white-space:pre-wrap;background:#f4f6f8;padding:.6rem;border-radius:4px}
table{border-collapse:collapse}
th,td{padding:.25rem .6rem;border-bottom:1px solid #dde2e7;text-align:left;vertical-align:top;
white-space:pre-wrap;max-width:32rem;overflow-wrap:anywhere}
th{position:sticky;top:0;background:#eef1f4;white-space:nowrap;overflow-wrap:normal}
th small{display:block;font-weight:normal;color:#59636e;min-height:1.2em}
tbody tr:hover{background:#f8fafc}
.warning{color:#9a3412;font-weight:600}
"""

#: A cell that is nothing but a URL; with a quote or white space in it, it stays text. Of the
#: references that cells contain, those with a number are white space.
_URL_CELL = re.compile(rb"<td>([hH][tT]{2}[pP][sS]?://(?:[^\s\"'<>&]|&(?!#))+)</td>")
_CELL_BREAK, _ROW_START, _ROW_END = b"</td><td>", b"<tr><td>", b"</td></tr>\n"


class HtmlWriter(CountedWriter):
    """Writes a page with the table, the query and what the result says of itself.

    Descriptions and UCDs are the titles of the column heads, URLs are links. Like every text in
    HTML the cells lose the control characters that XML forbids.

    Parameters are those of `CountedWriter`.
    """

    def begin(self) -> bytes:
        """Return the page up to the first row."""
        title = self._header.table_name
        described = self._header.description
        statements = [info for info in self._header.statements() if info.name != "QUERY"]
        parts = [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"<title>{text(title)}</title>\n<style>{_STYLE}{self._alignment()}</style>\n",
            f"</head>\n<body>\n<h1>{text(title)}</h1>\n",
            f"<p>{text(described)}</p>\n" if described else "",
            f"<pre>{text(self._header.query)}</pre>\n" if self._header.query else "",
            *(f"<p>{text(info.name)}: {text(info.value)}</p>\n" for info in statements),
            "<table>\n<thead>\n<tr>",
            *map(_head_cell, self._columns),
            "</tr>\n</thead>\n<tbody>\n",
        ]
        return "".join(parts).encode()

    def rows(self, messages: Sequence[bytes]) -> bytes:
        """Return the rows of the table."""
        admitted = self._limit.admit(messages)
        rows = b"".join(admitted)
        if not rows:
            return b""
        rows = escaped_rows(rows, len(admitted) * len(self._columns))
        rows = rows.replace(b"\t", _CELL_BREAK)
        rows = _ROW_START + rows.replace(b"\n", _ROW_END + _ROW_START)[: -len(_ROW_START)]
        if b"://" not in rows:
            return rows
        return _URL_CELL.sub(rb'<td><a href="\1" rel="noopener">\1</a></td>', rows)

    def end(self, *, overflow: bool = False) -> Iterator[bytes]:
        """Yield the end of the table and how many rows it has."""
        if overflow or self.overflow:
            yield self._closed(f"The result is truncated after {self.row_count} rows.", "warning")
        else:
            yield self._closed(f"{self.row_count} {'row' if self.row_count == 1 else 'rows'}.")

    def fail(self, message: str) -> bytes:
        """Close the table and say why no more rows come."""
        return self._closed(f"The result is incomplete: {message}", "warning")

    def _alignment(self) -> str:
        """Return the style that aligns numbers to the right."""
        numbers = [
            f"td:nth-child({place})"
            for place, column in enumerate(self._columns, start=1)
            if column.datatype in NUMBERS
        ]
        return f"{','.join(numbers)}{{text-align:right}}\n" if numbers else ""

    def _closed(self, words: str, kind: str | None = None) -> bytes:
        paragraph = f"<p{attributes(**{'class': kind})}>{text(words)}</p>"
        return f"</tbody>\n</table>\n{paragraph}\n</body>\n</html>\n".encode()


def _head_cell(column: Column) -> str:
    title = "\n".join(words for words in (column.description, column.ucd) if words)
    start = f"<th{attributes(scope='col', title=title or None)}>"
    return f"{start}{text(column.name)}<small>{text(column.unit or '')}</small></th>"
