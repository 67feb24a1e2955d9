"""Asking, from the terminal."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import BinaryIO

from rich.table import Table

from epntap.commands.messages import say
from epntap.commands.reports import OUT
from epntap.database import Database
from epntap.errors import UserError
from epntap.formats import FORMATS, ResultFormat, negotiate
from epntap.settings import read_settings
from epntap.tap.parameters import QueryRequest
from epntap.tap.query import QueryRun, TableSets

#: Rows that are shown in the terminal, unless it is asked for more.
_SHOWN_ROWS = 200


def ask(
    adql: str, *, url: str | None, format_name: str | None, output: Path | None, maxrec: int | None
) -> None:
    """Run a query and show, print or write its result."""
    form = _format(format_name, output)
    if form is None:
        buffer = io.BytesIO()
        _run(adql, url, negotiate("csv"), maxrec if maxrec is not None else _SHOWN_ROWS, buffer)
        _show(buffer.getvalue().decode())
    elif output is None:
        _run(adql, url, form, maxrec, sys.stdout.buffer)
    else:
        # What is there is replaced only by a whole result.
        part = output.with_name(output.name + ".part")
        try:
            with part.open("wb") as file:
                _run(adql, url, form, maxrec, file)
            part.replace(output)
        except OSError as error:
            raise UserError(f"{output} cannot be written: {error}") from error
        finally:
            part.unlink(missing_ok=True)
        say(f"Wrote {output}")


def _format(name: str | None, output: Path | None) -> ResultFormat | None:
    if name is not None:
        return negotiate(name)
    if output is None:
        return None
    ending = output.suffix.lower().removeprefix(".")
    return next((form for form in FORMATS if form.extension == ending), FORMATS[0])


def _run(
    adql: str, url: str | None, form: ResultFormat, maxrec: int | None, file: BinaryIO
) -> None:
    if url is not None:
        _run_remotely(adql, url, form, maxrec, file)
        return
    settings = read_settings()
    request = QueryRequest(adql, settings.maxrec if maxrec is None else maxrec, form)

    def write(piece: bytes, *, last: bool) -> None:
        file.write(piece)

    with Database.open(settings) as database:
        QueryRun(database, TableSets(database), request, write).run()
    file.flush()


def _run_remotely(
    adql: str, url: str, form: ResultFormat, maxrec: int | None, file: BinaryIO
) -> None:
    import requests
    from lxml import etree

    data = {"LANG": "ADQL", "QUERY": adql, "RESPONSEFORMAT": form.mime}
    if maxrec is not None:
        data["MAXREC"] = str(maxrec)
    try:
        with requests.post(
            f"{url.rstrip('/')}/sync", data=data, stream=True, timeout=120
        ) as answer:
            if not answer.ok:
                root = etree.fromstring(answer.content)
                reasons = root.xpath("//*[local-name()='INFO' and @name='QUERY_STATUS']")
                raise UserError(f"{url}: {reasons[0].text if reasons else answer.reason}")
            for piece in answer.iter_content(1 << 16):
                file.write(piece)
    except requests.RequestException as error:
        raise UserError(f"{url} does not answer: {error}") from error
    except etree.XMLSyntaxError as error:
        raise UserError(f"{url} answers with something that is not TAP: {error}") from error
    file.flush()


def _show(text: str) -> None:
    header, *rows = csv.reader(io.StringIO(text))
    if len(header) > 12:
        # Wide tables stand upright: one block a row, without empty cells.
        for number, row in enumerate(rows, start=1):
            table = Table("column", f"row {number}")
            for name, cell in zip(header, row, strict=True):
                if cell:
                    table.add_row(name, cell)
            OUT.print(table)
    else:
        table = Table(*header)
        for row in rows:
            table.add_row(*row)
        OUT.print(table)
    say(f"{len(rows)} row{'s' * (len(rows) != 1)}")
