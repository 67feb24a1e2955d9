"""``/tap/examples``: the example queries of the catalogues (DALI 1.1, section 2.3)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg2
from lxml import etree
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from epntap.database import Database
from epntap.errors import UserError
from epntap.formats.markup import unique_ids
from epntap.settings import Settings
from epntap.tap.errors import error_response, from_database
from epntap.tap.query import TableSets

if TYPE_CHECKING:
    from epntap.catalogue import ExampleQuery

#: What the capabilities document calls the resource, and how it is reached (TAPRegExt).
EXAMPLES_STANDARD = "ivo://ivoa.net/std/DALI#examples"

_XHTML = "http://www.w3.org/1999/xhtml"

#: Vocabulary of the RDFa properties; readers compare this very text.
_VOCABULARY = "http://www.ivoa.net/rdf/examples#"

#: Everything but the Char of XML 1.0, section 2.2.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Example:
    """An example query with what a reader is told of it.

    Attributes
    ----------
    group
        Title of the catalogue that it is about.
    tables
        Qualified names of the tables that it asks.
    """

    group: str
    query: ExampleQuery
    tables: tuple[str, ...]


def _discovery() -> ExampleQuery:
    """Return the example that every service has, whatever is published."""
    from epntap.catalogue import ExampleQuery
    from epntap.epncore.standard import TABLE_UTYPE

    return ExampleQuery(
        name="Which EPN-TAP tables are there?",
        description="Every table in the EPNcore data model has this utype.",
        query=(
            "SELECT table_name, description\nFROM TAP_SCHEMA.tables\n"
            f"WHERE utype = '{TABLE_UTYPE}'\nORDER BY table_name"
        ),
    )


def tables_named_in(query: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return which of the known tables a query names, without regard to case."""
    return tuple(
        name
        for name in known
        if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", query, re.IGNORECASE)
    )


def examples_document(examples: Sequence[Example], settings: Settings) -> bytes:
    """Return the page: well-formed XHTML with RDFa, for TOPCAT and pyvo as for people."""
    root = etree.Element(f"{{{_XHTML}}}html", nsmap={None: _XHTML})
    head = _add(root, "head")
    _add(head, "title", f"Example queries – {settings.site_name}")
    _add(head, "link", rel="stylesheet", href=f"{settings.url}/static/portal.css")
    main = _add(_add(root, "body", vocab=_VOCABULARY), "main")
    _add(main, "h1", "Example queries")
    introduction = _add(main, "p", "Each can be sent to ")
    _add(introduction, "code", f"{settings.url}/tap").tail = " as it stands."
    ids = unique_ids(_slug(example) for example in examples)
    group = None
    for identifier, example in zip(ids, examples, strict=True):
        if example.group != group:
            group = example.group
            _add(main, "h2", group)
        _add_example(main, identifier, example, settings)
    content: bytes = etree.tostring(
        root, encoding="UTF-8", xml_declaration=True, doctype="<!DOCTYPE html>"
    )
    return content


def _add_example(
    parent: etree._Element, identifier: str, example: Example, settings: Settings
) -> None:
    section = _add(parent, "section", typeof="example", id=identifier, resource=f"#{identifier}")
    query = example.query.query.strip()
    _add(section, "h3", example.query.name, property="name")
    if example.query.description:
        _add(section, "p", example.query.description)
    for name in example.tables:
        _add(_add(section, "p", "Table: "), "code", name, property="table")
    _add(section, "pre", query, property="query")
    _add(_add(section, "p"), "a", "Try it", href=f"{settings.url}/?query={quote(query)}#query")


def _slug(example: Example) -> str:
    words = re.findall(r"[a-z0-9]+", f"{example.group} {example.query.name}".lower())
    return "-".join(words) or "example"


def _add(
    parent: etree._Element, name: str, text: str | None = None, **attributes: str
) -> etree._Element:
    element = etree.SubElement(parent, f"{{{_XHTML}}}{name}", attributes)
    if text is not None:
        element.text = _ILLEGAL.sub("", text)
    return element


class ExamplesResource:
    """``/tap/examples``.

    Parameters
    ----------
    database, tablesets
        Whose catalogues.
    settings
        Name and URL of the service.
    """

    def __init__(self, database: Database, tablesets: TableSets, settings: Settings) -> None:
        self._database = database
        self._tablesets = tablesets
        self._settings = settings

    def routes(self) -> list[BaseRoute]:
        """Return the resource, to stand below ``/tap``."""
        return [Route("/examples", self._respond)]

    async def _respond(self, _request: Request) -> Response:
        try:
            page = await asyncio.to_thread(self.document)
        except UserError as error:
            return error_response(error)
        except psycopg2.Error as error:
            return error_response(from_database(error))
        return Response(page, media_type="application/xhtml+xml; charset=utf-8")

    def document(self) -> bytes:
        """Return the page as it is now."""
        return examples_document(self.examples(), self._settings)

    def examples(self) -> list[Example]:
        """Return the examples of all published catalogues, by the names of these."""
        from epntap.catalogue import stored_catalogue

        with self._database.publisher() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT description FROM epntap.catalogue"
                " WHERE current_version IS NOT NULL ORDER BY name"
            )
            described = [stored_catalogue(description) for (description,) in cursor.fetchall()]
            tables = self._tablesets.of(connection)
        names = [table.qualified_name for table in tables.tables.values()]
        pairs = [
            (catalogue.description.title, query)
            for catalogue in described
            for query in catalogue.description.examples
        ]
        pairs.append(("The service", _discovery()))
        return [
            Example(title, query, tables_named_in(query.query, names)) for title, query in pairs
        ]
