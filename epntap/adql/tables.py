"""Which table a name means."""

from __future__ import annotations

from epntap.adql.errors import Fault, closest
from epntap.adql.tree import TableReference
from epntap.tables import Table, TableSet


def find_table(tableset: TableSet, reference: TableReference) -> Table:
    """Return the table that a reference means.

    Parameters
    ----------
    tableset
        What queries may name.
    reference
        ``schema.table``, or ``table`` alone if no other schema has one of that name.

    Raises
    ------
    Fault
        If there is none, or more than one.
    """
    *schema, name = reference.parts
    written = ".".join(map(str, reference.parts))
    if len(schema) == 1:
        table = tableset.table(f"{schema[0].name}.{name.name}")
        if table and name.matches(table.name) and schema[0].matches(table.schema):
            return table
    elif not schema:
        found = [table for table in tableset.tables.values() if name.matches(table.name)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(sorted(table.qualified_name for table in found)[:10])
            raise Fault(
                f"the table name {written} is ambiguous", reference.at, f"it could be {names}"
            )
    raise Fault(f"there is no table {written}", reference.at, _hint(reference, tableset))


def _hint(reference: TableReference, tableset: TableSet) -> str:
    """Return the table whose qualified name, or name alone, is most like the one written."""
    qualified = {table.qualified_name: table.qualified_name for table in tableset.tables.values()}
    by_name = {table.name: table.qualified_name for table in tableset.tables.values()}
    known = qualified if len(reference.parts) > 1 else by_name
    match = closest(".".join(part.name for part in reference.parts), known)
    return f"did you mean {known[match]}?" if match else "TAP_SCHEMA.tables lists the tables"
