"""FIELDs of an uploaded VOTable, as columns that can be stored and queried.

The types of TAP are fewer than those of VOTable: ``boolean``, ``bit`` and ``unsignedByte`` become
``short`` (0 and 1 for the first two), complex numbers pairs of reals. Values are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import prod

from epntap.tables import TEXT_DATATYPES, Column, CoordinateSystem, TimeSystem
from epntap.tap.uploads.errors import UploadError

#: Columns that a table may have. More do not fit into a page of PostgreSQL when all are texts.
MAX_COLUMNS = 400

#: PostgreSQL's limit of identifiers, in bytes.
_LONGEST_NAME = 63

#: Elements of the largest array whose declared size is kept. Results spell a missing array of a
#: fixed size out, so that with large ones a small table would make a huge result.
_MAX_FIXED_ELEMENTS = 16

#: Names that every relation of PostgreSQL has already. Case makes no difference in ADQL, but it
#: does there.
_SYSTEM_NAMES = frozenset({"tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"})

_ARRAYSIZE = re.compile(r"((?:[0-9]{1,9}x)*)(?:([0-9]{1,9})(\*?)|(\*))", re.ASCII)

#: Datatype here of each one of VOTable (VOTable 1.4, section 2.1).
_DATATYPES = {
    "boolean": "short",
    "bit": "short",
    "unsignedByte": "short",
    "short": "short",
    "int": "int",
    "long": "long",
    "char": "char",
    "unicodeChar": "unicodeChar",
    "float": "float",
    "double": "double",
    "floatComplex": "float",
    "doubleComplex": "double",
}

_COMPLEX = frozenset({"floatComplex", "doubleComplex"})

#: Shapes of DALI; functions of geometry take them in double precision.
_SHAPES = frozenset({"point", "circle", "polygon"})

#: ADQL's name of the timestamp, before DALI had one (TAP 1.0, section 2.5).
_TIMESTAMPS = frozenset({"timestamp", "adql:TIMESTAMP"})


@dataclass
class FieldElement:
    """What stands in a FIELD element; filled while the document is read.

    Attributes
    ----------
    attributes
        Its attributes.
    description
        Pieces of the text of its DESCRIPTION.
    null
        What its VALUES say stands for a missing value.
    """

    attributes: dict[str, str]
    description: list[str] = field(default_factory=list)
    null: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A column as it comes, and as it is stored.

    Attributes
    ----------
    datatype
        VOTable datatype that it comes in.
    length
        Primitives in a cell (characters, bits, numbers), ``None`` when each cell has its own.
        A complex number counts as one.
    null
        Integer that stands for a missing value.
    column
        As it is stored, with everything that is known about it.
    several_texts
        Whether each cell is an array of texts of one size.
    """

    datatype: str
    length: int | None
    null: int | None
    column: Column
    several_texts: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the cells are texts."""
        return self.datatype in TEXT_DATATYPES

    @property
    def is_complex(self) -> bool:
        """Whether the cells are complex numbers, each stored as two elements."""
        return self.datatype in _COMPLEX

    @property
    def is_array(self) -> bool:
        """Whether the cells are stored as arrays."""
        return not self.is_text and self.column.arraysize is not None


def make_fields(
    upload: str,
    elements: list[FieldElement],
    systems: dict[str, TimeSystem | CoordinateSystem],
) -> tuple[Field, ...]:
    """Return the columns of a table.

    Parameters
    ----------
    upload
        Name of the table, for messages.
    elements
        Its FIELDs.
    systems
        The document's TIMESYS and COOSYS elements by their ID.

    Raises
    ------
    UploadError
        If there are none or too many, two have the same name, or one has a name, datatype or
        arraysize that cannot be used.
    """
    if not elements:
        raise UploadError(upload, "the table has no FIELD")
    if len(elements) > MAX_COLUMNS:
        raise UploadError(
            upload, f"the table has {len(elements)} columns, {MAX_COLUMNS} are the most", status=413
        )
    fields = tuple(_make_field(upload, element, systems) for element in elements)
    taken: dict[str, str] = {}
    for one in fields:
        name = one.column.name
        other = taken.setdefault(name.lower(), name)
        if other is not name:
            raise UploadError(
                upload,
                f"the columns {other} and {name} have the same name; case makes no difference",
                hint="rename one",
            )
    return fields


def _make_field(
    upload: str, element: FieldElement, systems: dict[str, TimeSystem | CoordinateSystem]
) -> Field:
    given = element.attributes
    name = _column_name(upload, given)
    datatype = given.get("datatype", "").strip()
    if datatype not in _DATATYPES:
        raise UploadError(
            upload,
            f"column {name} has the datatype {datatype!r}",
            hint=f"VOTable has {', '.join(_DATATYPES)}",
        )
    size = _arraysize(upload, name, given.get("arraysize"))
    xtype = given.get("xtype", "").strip() or None
    stored = _DATATYPES[datatype]
    if datatype in TEXT_DATATYPES and xtype in _TIMESTAMPS:
        # What timestamps are written with is ASCII.
        xtype, stored = "timestamp", "char"
    if xtype in _SHAPES and stored not in TEXT_DATATYPES and size is not None:
        stored = "double"
    column = Column(
        name=name,
        datatype=stored,
        arraysize=_stored_arraysize(datatype, size),
        xtype=xtype,
        unit=given.get("unit") or None,
        ucd=given.get("ucd") or None,
        utype=given.get("utype") or None,
        description=" ".join("".join(element.description).split()) or None,
        system=systems.get(given.get("ref", "")),
    )
    null = _null(upload, name, datatype, element.null)
    several = datatype in TEXT_DATATYPES and size is not None and "x" in size
    return Field(datatype, _length(size), null, column, several)


def _column_name(upload: str, given: dict[str, str]) -> str:
    name = (given.get("name") or given.get("ID") or "").strip()
    if not name or len(name.encode()) > _LONGEST_NAME:
        raise UploadError(
            upload,
            f"a column has the name {name[:_LONGEST_NAME]!r}",
            hint=f"names have 1 to {_LONGEST_NAME} bytes",
        )
    if '"' in name or not name.isprintable():
        raise UploadError(upload, f"column {name!r}: the name cannot be written in a query")
    return name.upper() if name in _SYSTEM_NAMES else name


def _arraysize(upload: str, name: str, given: str | None) -> str | None:
    """Return a valid arraysize, ``None`` for one value: so a size of 1 is meant, mostly."""
    text = (given or "").strip()
    if text in ("", "1"):
        return None
    match = _ARRAYSIZE.fullmatch(text)
    if match is None or 0 in _dimensions(text):
        raise UploadError(upload, f"column {name} has the arraysize {text[:50]!r}")
    return text


def _dimensions(size: str) -> list[int]:
    return [int(part) for part in size.replace("*", "").split("x") if part]


def _length(size: str | None) -> int | None:
    if size is None:
        return 1
    return None if size.endswith("*") else prod(_dimensions(size))


def _stored_arraysize(datatype: str, size: str | None) -> str | None:
    """Return the arraysize of the stored column, and of results."""
    if datatype in TEXT_DATATYPES:
        # Several texts in a cell become one: astropy refuses a result with text of two dimensions.
        return "*"
    if datatype in _COMPLEX:
        size = "2" if size is None else f"2x{size}"
    length = _length(size)
    return "*" if length is not None and length > _MAX_FIXED_ELEMENTS else size


def _null(upload: str, name: str, datatype: str, given: str | None) -> int | None:
    if given is None or datatype not in ("unsignedByte", "short", "int", "long"):
        return None
    text = given.strip()
    try:
        return int(text, 0 if text[:2].lower() == "0x" else 10)
    except ValueError:
        raise UploadError(
            upload, f"column {name}: VALUES null={text[:50]!r} is not an integer"
        ) from None
