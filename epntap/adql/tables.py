"""Which table a name means."""

from __future__ import annotations

from epntap.adql.errors import Fault, nearest
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
    known = [table.qualified_name for table in tableset.tables.values()]
    plain = ".".join(part.name for part in reference.parts)
    hint = nearest(plain, known) or _nearest_name(plain, tableset)
    raise Fault(f"there is no table {written}", reference.at, hint)


def _nearest_name(name: str, tableset: TableSet) -> str | None:
    """Return a hint for a name without schema."""
    by_name = {table.name: table.qualified_name for table in tableset.tables.values()}
    hint = nearest(name, by_name)
    return hint or "TAP_SCHEMA.tables lists the tables"
