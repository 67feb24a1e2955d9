"""The functions of ADQL 2.1 (sections 2.3.2 and 4.3) but those of geometry.

Arguments are converted before they stand in the template, so that PostgreSQL meets exactly the
types that are declared; in particular nothing is ever computed in its type numeric.
"""

from __future__ import annotations

from epntap.adql.registry import Accepts, Carries, Function, Parameter
from epntap.adql.values import Kind

_X = Parameter("x", Accepts.NUMBER)
_DOUBLE = Parameter("x", Kind.DOUBLE)
_TEXT = Parameter("s", Kind.TEXT)


def _double(
    name: str,
    sql: str,
    description: str,
    *,
    unit: str | None = None,
    carries: Carries = Carries.NOTHING,
) -> Function:
    return Function(name, (_DOUBLE,), Kind.DOUBLE, sql, description, unit=unit, carries=carries)


FUNCTIONS = (
    Function("ABS", (_X,), None, "abs({0})", "Absolute value.", carries=Carries.MAGNITUDE),
    _double(
        "CEILING",
        "ceil({0})",
        "Smallest whole number not below x.",
        carries=Carries.MAGNITUDE,
    ),
    _double(
        "FLOOR",
        "floor({0})",
        "Largest whole number not above x.",
        carries=Carries.MAGNITUDE,
    ),
    _double("DEGREES", "degrees({0})", "Radians in degrees.", unit="deg"),
    _double("RADIANS", "radians({0})", "Degrees in radians.", unit="rad"),
    _double("EXP", "exp({0})", "Exponential."),
    _double("LOG", "ln({0})", "Natural logarithm."),
    _double("LOG10", "log({0})", "Logarithm to base 10."),
    _double("SQRT", "sqrt({0})", "Square root."),
    _double("SIN", "sin({0})", "Sine of an angle in radians."),
    _double("COS", "cos({0})", "Cosine of an angle in radians."),
    _double("TAN", "tan({0})", "Tangent of an angle in radians."),
    _double("COT", "cot({0})", "Cotangent of an angle in radians."),
    _double("ASIN", "asin({0})", "Arc sine in radians.", unit="rad"),
    _double("ACOS", "acos({0})", "Arc cosine in radians.", unit="rad"),
    _double("ATAN", "atan({0})", "Arc tangent in radians.", unit="rad"),
    Function(
        "ATAN2",
        (Parameter("y", Kind.DOUBLE), _DOUBLE),
        Kind.DOUBLE,
        "atan2({0}, {1})",
        "Arc tangent of y/x in the right quadrant, in radians.",
        unit="rad",
    ),
    Function(
        "POWER",
        (_DOUBLE, Parameter("y", Kind.DOUBLE)),
        Kind.DOUBLE,
        "power({0}, {1})",
        "x to the power of y.",
    ),
    Function("PI", (), Kind.DOUBLE, "pi()", "The number pi."),
    Function("RAND", (), Kind.DOUBLE, "random()", "Random number from 0 to below 1."),
    Function(
        "RAND",
        (Parameter("seed", Kind.INT, literal=True),),
        Kind.DOUBLE,
        # A subquery without references is evaluated once, before the first row.
        "((SELECT udf.adql_seed({0})) + random())",
        "Random number from 0 to below 1, of a sequence that the seed starts.",
    ),
    Function(
        "MOD",
        (Parameter("x", Kind.LONG), Parameter("y", Kind.LONG)),
        Kind.LONG,
        "mod({0}, {1})",
        "Remainder of x/y; it has the sign of x.",
    ),
    Function(
        "MOD",
        (_DOUBLE, Parameter("y", Kind.DOUBLE)),
        Kind.DOUBLE,
        "udf.adql_mod({0}, {1})",
        "Remainder of x/y; it has the sign of x.",
    ),
    _double(
        "ROUND",
        "udf.adql_round({0}, 0)",
        "Nearest whole number; halves away from zero.",
        carries=Carries.MAGNITUDE,
    ),
    Function(
        "ROUND",
        (_DOUBLE, Parameter("n", Kind.INT)),
        Kind.DOUBLE,
        "udf.adql_round({0}, {1})",
        "x rounded to n decimal places; halves away from zero.",
        carries=Carries.MAGNITUDE,
    ),
    _double(
        "TRUNCATE",
        "trunc({0})",
        "Whole part, towards zero.",
        carries=Carries.MAGNITUDE,
    ),
    Function(
        "TRUNCATE",
        (_DOUBLE, Parameter("n", Kind.INT)),
        Kind.DOUBLE,
        "udf.adql_truncate({0}, {1})",
        "x cut after n decimal places.",
        carries=Carries.MAGNITUDE,
    ),
    Function("LOWER", (_TEXT,), Kind.TEXT, "lower({0})", "Lower case.", carries=Carries.MAGNITUDE),
    Function("UPPER", (_TEXT,), Kind.TEXT, "upper({0})", "Upper case.", carries=Carries.MAGNITUDE),
    Function(
        "TIMESTAMP",
        (Parameter("s", Kind.TIMESTAMP, literal=True),),
        Kind.TIMESTAMP,
        "{0}",
        "The timestamp that a literal string spells.",
    ),
)
