"""Example queries held to the table that they are about, before anything is published."""

from __future__ import annotations

from epntap.adql import translate
from epntap.catalogue import Catalogue
from epntap.errors import CatalogueError, UserError
from epntap.tables import Relation, Schema, Table, TableSet


def check_examples(catalogue: Catalogue) -> None:
    """Translate every example query of a catalogue.

    Raises
    ------
    CatalogueError
        If one is wrong; the message names it and shows where.
    """
    name = catalogue.name
    table = Table(name, "epn_core", catalogue.columns, Relation(name, "epn_core"))
    tables = TableSet((Schema(name, (table,)),))
    for example in catalogue.description.examples:
        try:
            translate(example.query, tables)
        except UserError as error:
            raise CatalogueError(f"{name}: example query {example.name!r}: {error}") from error
