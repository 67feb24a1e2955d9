"""The whole way from a query to SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from epntap.adql.context import GeometryBackend
from epntap.adql.errors import AdqlError, Fault
from epntap.adql.geometry import Geometry
from epntap.adql.parser import parse
from epntap.adql.pgsphere import PgSphere
from epntap.adql.resolver import Resolver
from epntap.adql.statement import emit
from epntap.tables import Column, TableSet

#: Who makes SQL of geometry, by `TableSet.geometry`.
_BACK_ENDS: Mapping[str, GeometryBackend] = MappingProxyType(
    {"portable": Geometry(), "pg_sphere": PgSphere()}
)


@dataclass(frozen=True)
class Translation:
    """A query that can be run.

    Attributes
    ----------
    sql
        One SELECT of PostgreSQL without parameters, fit for ``COPY (…) TO STDOUT``. Its columns
        have exactly the types that `epntap.tables.wire_type` gives for `columns`.
    columns
        The FIELDs of the result. Those that are columns of tables are described as TAP_SCHEMA
        has them.
    tables
        Qualified names of the tables that are read, each once, in the order of the query.
    """

    sql: str
    columns: tuple[Column, ...]
    tables: tuple[str, ...]


def translate(
    query: str,
    tableset: TableSet,
    *,
    limit: int | None = None,
    geometry: GeometryBackend | None = None,
) -> Translation:
    """Translate ADQL 2.1 to SQL.

    Parameters
    ----------
    query
        The text of the query.
    tableset
        The tables that it may name.
    limit
        Rows to fetch at most, besides what TOP says.
    geometry
        Who makes SQL of geometry; by default the back end that `tableset` names.

    Raises
    ------
    AdqlError
        If the query is not ADQL, uses what is not there, or is too large.
    ValueError
        If `limit` is negative.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"limit must not be negative, it is {limit}")
    try:
        tree = parse(query)
        resolver = Resolver(tableset, geometry or _BACK_ENDS[tableset.geometry])
        sql, columns = emit(resolver.resolve(tree), limit)
    except Fault as fault:
        raise AdqlError.of(fault, query) from None
    except RecursionError:
        # The limits of the parser count brackets; a caller that is itself deep in calls may
        # leave less room than they allow.
        raise AdqlError.of(Fault("the query is nested too deeply", 0), query) from None
    return Translation(sql, columns, tuple(resolver.used))
