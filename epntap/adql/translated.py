"""Functions whose SQL needs more than a template: part of them is computed at translation.

Frames, units and vocabularies are literals in a query, so that astropy and the files of the
standard are asked once for a query and not once for a row.
"""

from __future__ import annotations

from functools import lru_cache

from epntap.adql import metadata
from epntap.adql.conversion import cast_sql, quote_string
from epntap.adql.errors import Fault, nearest
from epntap.adql.tree import FunctionCall, Number, Sign, String
from epntap.adql.units import spectral_conversion
from epntap.adql.values import PG_TYPES, Kind, Value

#: Frames that differ by a rotation, by their names in the IVOA vocabulary refframe and elsewhere,
#: with astropy's. FK4 is not among them: its aberration terms are no rotation.
FRAMES = {
    "ICRS": "icrs",
    "FK5": "fk5",
    "GALACTIC": "galactic",
    "SUPER_GALACTIC": "supergalactic",
    "ECLIPTIC": "barycentricmeanecliptic",
}
_FRAME_ALIASES = {"J2000": "FK5", "SUPERGALACTIC": "SUPER_GALACTIC", "GAL": "GALACTIC"}

#: Bins of a histogram.
MAX_BINS = 100_000


def _text(node: FunctionCall, index: int) -> String:
    """Return an argument that the registry has found to be a literal."""
    argument = node.arguments[index]
    if not isinstance(argument, String):
        raise Fault(f"argument {index + 1} of {node.name} must be a literal string", argument.at)
    return argument


def transform(node: FunctionCall, arguments: tuple[Value, ...]) -> Value:
    """Return a shape in another frame (``ivo_geom_transform``).

    Raises
    ------
    Fault
        If a frame is not known.
    """
    frames = []
    for index in (0, 1):
        written = _text(node, index)
        name = written.value.strip().upper()
        name = _FRAME_ALIASES.get(name, name)
        if name not in FRAMES:
            hint = nearest(name, FRAMES) or f"known are {', '.join(FRAMES)}"
            raise Fault(f"there is no frame {written.value[:40]}", written.at, hint)
        frames.append(FRAMES[name])
    shape = arguments[2]
    array = cast_sql(shape, PG_TYPES[Kind.POINT])
    matrix = ", ".join(repr(element) for element in _rotation(*frames))
    sql = f"udf.shape_turned({array}, '{{{matrix}}}'::double precision[])"
    return Value(sql, shape.kind, PG_TYPES[Kind.POINT], metadata.about("deg"))


@lru_cache(maxsize=64)
def _rotation(source: str, target: str) -> tuple[float, ...]:
    """Return the matrix from one frame of astropy to another, row by row."""
    import numpy as np
    from astropy.coordinates import CartesianRepresentation, SkyCoord

    axes = SkyCoord(CartesianRepresentation(np.eye(3)), frame=source)
    matrix = axes.transform_to(target).cartesian.xyz.value
    if not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-12):
        raise AssertionError(f"astropy's way from {source} to {target} is no rotation")
    return tuple(float(element) for element in matrix.ravel())


def specconv(node: FunctionCall, arguments: tuple[Value, ...]) -> Value:
    """Return a wavelength, frequency or energy in another unit (``gavo_specconv``).

    Raises
    ------
    Fault
        If a unit is not known, or is none of these quantities.
    """
    value = arguments[0]
    target = _text(node, len(arguments) - 1)
    source = value.about.unit if len(arguments) == 2 else _text(node, 1).value
    if not source:
        raise Fault(
            "the unit of argument 1 of gavo_specconv is not known",
            node.arguments[0].at,
            "write it as the second argument",
        )
    factor, inverse = spectral_conversion(source, target.value, target.at)
    number = cast_sql(value, "double precision")
    sql = f"({factor!r}::double precision / nullif({number}, 0))"
    if not inverse:
        sql = f"({number} * {factor!r}::double precision)"
    return Value(sql, Kind.DOUBLE, PG_TYPES[Kind.DOUBLE], metadata.about(target.value))


def histogram(node: FunctionCall, arguments: tuple[Value, ...]) -> Value:
    """Return the aggregate ``ivo_histogram``.

    Raises
    ------
    Fault
        If the range is empty or the number of bins is out of range.
    """
    value, lower, upper, bins = (argument.sql for argument in arguments)
    limits = [_literal_number(node, index) for index in (1, 2, 3)]
    if not limits[0] < limits[1]:
        raise Fault("the upper limit of a histogram is above the lower one", node.arguments[2].at)
    if not 1 <= limits[2] <= MAX_BINS:
        raise Fault(f"a histogram has 1 to {MAX_BINS} bins", node.arguments[3].at)
    sql = f"udf.ivo_histogram(array_agg(width_bucket({value}, {lower}, {upper}, {bins})), {bins})"
    return Value(sql, Kind.ARRAY, "integer[]", metadata.about(None, "meta.number"))


def _literal_number(node: FunctionCall, index: int) -> float:
    argument = node.arguments[index]
    sign = 1.0
    if isinstance(argument, Sign):
        sign = -1.0 if argument.operator == "-" else 1.0
        argument = argument.operand
    if not isinstance(argument, Number):
        raise Fault(f"argument {index + 1} of {node.name} must be a number", argument.at)
    return sign * float(argument.value)


def vocmatch(node: FunctionCall, arguments: tuple[Value, ...]) -> Value:
    """Return whether a text is a term of a vocabulary (``gavo_vocmatch``).

    Raises
    ------
    Fault
        If there is no such vocabulary, or no such term in it.
    """
    from epntap.epncore import read_standard

    vocabularies = read_standard().vocabularies
    name, term = _text(node, 0), _text(node, 1)
    terms = vocabularies.get(name.value)
    if terms is None:
        hint = nearest(name.value, vocabularies) or f"known are {', '.join(sorted(vocabularies))}"
        raise Fault(f"there is no vocabulary {name.value[:40]}", name.at, hint)
    if term.value.lower() not in {known.lower() for known in terms}:
        raise Fault(
            f"{term.value[:40]} is no term of {name.value}", term.at, nearest(term.value, terms)
        )
    sql = f"(lower({arguments[2].sql}) = {quote_string(term.value.lower())})"
    return Value(f"{sql}::integer", Kind.INT, PG_TYPES[Kind.INT], condition=sql)
