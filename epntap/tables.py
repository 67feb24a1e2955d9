"""What a published table and its columns are, for everybody who talks about them.

These are the words that the layers of the service exchange: the catalogue makes them, the
database stores them as TAP_SCHEMA, ADQL carries them through a query, the formats write them
as FIELDs. They import nothing of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TimeSystem:
    """A VOTable TIMESYS (VOTable 1.4, section 3.4): how a time column is to be read.

    Attributes
    ----------
    timescale
        Term of the IVOA timescale vocabulary, e.g. ``UTC``.
    refposition
        Term of the IVOA refposition vocabulary, or a target or spacecraft name, e.g. ``UNKNOWN``.
    timeorigin
        ``JD-origin`` for EPNcore, whose times are Julian Dates (EPN-TAP 2.0, section 1).
    """

    timescale: str
    refposition: str
    timeorigin: str = "JD-origin"


@dataclass(frozen=True, slots=True)
class CoordinateSystem:
    """A VOTable COOSYS (VOTable 1.4, section 3.1).

    Attributes
    ----------
    system
        Term of the IVOA refframe vocabulary, e.g. ``ICRS``.
    epoch
        Epoch of the positions when it is known, e.g. ``J2000.0``.
    """

    system: str
    epoch: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column as TAP_SCHEMA and VOTable describe it.

    Attributes
    ----------
    name
        As clients see it. Lower case for published tables.
    datatype
        VOTable datatype: ``short``, ``int``, ``long``, ``float``, ``double``, ``char``, or
        ``unicodeChar`` for text beyond ASCII.
    arraysize
        ``None`` for a scalar, ``"*"`` for text and arrays of any length, else the DALI form.
    xtype
        DALI or ADQL xtype, e.g. ``timestamp``, ``adql:REGION``, ``polygon``.
    unit
        VOUnit string, ``None`` when dimensionless or not applicable.
    ucd, utype, description
        As TAP_SCHEMA has them; ``None`` when empty.
    system
        Time or coordinate system that the values refer to; carried to results as TIMESYS/COOSYS.
    indexed, principal, std
        The TAP_SCHEMA flags (TAP 1.1, section 4.3).
    """

    name: str
    datatype: str
    arraysize: str | None = None
    xtype: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    system: TimeSystem | CoordinateSystem | None = None
    indexed: bool = False
    principal: bool = False
    std: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """Where the rows of a table are: a schema and a relation of PostgreSQL, both unquoted."""

    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """How a table joins another one (TAP 1.1, sections 4.4 and 4.5).

    Attributes
    ----------
    target
        Qualified name of the other table.
    columns
        Pairs of a column here and one there.
    description
        What the join means.
    """

    target: str
    columns: tuple[tuple[str, str], ...]
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table that queries may name.

    Attributes
    ----------
    schema, name
        As clients write them, e.g. ``icme`` and ``epn_core``, ``TAP_SCHEMA`` and ``columns``.
    columns
        In the order of ``SELECT *``.
    relation
        The physical relation of the version that is current. ADQL emits this, never the public
        name, so that a reader holds exactly the version that it was resolved against.
    utype, description
        As TAP_SCHEMA has them.
    foreign_keys
        The tables that it joins.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    relation: Relation
    utype: str | None = None
    description: str | None = None
    foreign_keys: tuple[ForeignKey, ...] = ()
    _by_name: dict[str, Column] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Index the columns by their lower-cased names."""
        self._by_name.update((column.name.lower(), column) for column in self.columns)

    def __hash__(self) -> int:
        """Hash what tells tables apart; all columns would take longer than what is looked up."""
        return hash((self.schema, self.name, self.relation))

    @property
    def qualified_name(self) -> str:
        """The name as TAP_SCHEMA.tables has it, e.g. ``icme.epn_core``."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        """Return the column of that name, compared without case, or ``None``."""
        return self._by_name.get(name.lower())


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema and its tables, as TAP_SCHEMA.schemas and VOSI tables list them."""

    name: str
    tables: tuple[Table, ...]
    description: str | None = None
    utype: str | None = None


@dataclass(frozen=True)
class TableSet:
    """Every table that can be queried at one moment: what a query is resolved against.

    Attributes
    ----------
    schemas
        In the order of ``schema_index``.
    generation
        Number of the database's state; it grows with every publication, roll-back and drop.
    geometry
        What computes geometry there: ``portable`` or ``pg_sphere``.
    """

    schemas: tuple[Schema, ...]
    generation: int = 0
    geometry: str = "portable"

    def __post_init__(self) -> None:
        """Index the tables by their lower-cased qualified names."""
        index = {
            table.qualified_name.lower(): table
            for schema in self.schemas
            for table in schema.tables
        }
        object.__setattr__(self, "_index", index)

    @property
    def tables(self) -> dict[str, Table]:
        """All tables by lower-cased qualified name."""
        index: dict[str, Table] = self.__dict__["_index"]
        return index

    def table(self, qualified_name: str) -> Table | None:
        """Return the table of that name (``schema.table``), compared without case, or ``None``."""
        return self.tables.get(qualified_name.lower())


#: VOTable datatypes of text; both are stored as PostgreSQL's ``text``.
TEXT_DATATYPES = frozenset({"char", "unicodeChar"})

#: PostgreSQL type that stores a VOTable datatype (TAP 1.1, table 1). Text is ``text``.
_STORAGE_TYPES = {
    "short": "smallint",
    "int": "integer",
    "long": "bigint",
    "float": "real",
    "double": "double precision",
}


def storage_type(column: Column) -> str:
    """Return the PostgreSQL type in which a table keeps the column.

    Timestamps are kept as ``timestamp(3)``, numeric arrays as PostgreSQL arrays, everything else
    of datatype ``char`` or ``unicodeChar`` as ``text``.

    Raises
    ------
    ValueError
        If the datatype is not one that a published table may have.
    """
    if column.datatype in TEXT_DATATYPES:
        return "timestamp(3)" if column.xtype == "timestamp" else "text"
    try:
        scalar = _STORAGE_TYPES[column.datatype]
    except KeyError:
        raise ValueError(
            f"column {column.name}: datatype {column.datatype!r} cannot be stored; "
            f"use one of {', '.join([*_STORAGE_TYPES, 'char', 'unicodeChar'])}"
        ) from None
    return scalar if column.arraysize is None else f"{scalar}[]"


def wire_type(column: Column) -> str:
    """Return the PostgreSQL type that a result column has when it leaves the database.

    As `storage_type`, but a timestamp travels as ISO 8601 ``text`` with a ``T``.
    """
    return "text" if column.datatype in TEXT_DATATYPES else storage_type(column)
