"""How a function is declared: everything that can be called is an entry of this form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from epntap.adql.tree import FunctionCall
from epntap.adql.values import Kind, Value


class Accepts(Enum):
    """What an argument may be, where it is not of one kind."""

    NUMBER = "any number; the function is computed in its type"
    TIME = "a timestamp, or text that spells one"
    SHAPE = "a point, a circle or a polygon"
    INTERVAL = "an array of two numbers, or text that spells one"


class Carries(Enum):
    """What a result inherits of its first argument."""

    NOTHING = "nothing"
    MAGNITUDE = "unit, UCD and description: the value is changed, not what it is"


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a function.

    Attributes
    ----------
    name
        As the capabilities document and the documentation show it.
    accepts
        The kind that an argument is converted to, or what it may be.
    literal
        Whether only a literal will do.
    """

    name: str
    accepts: Kind | Accepts
    literal: bool = False

    @property
    def type_name(self) -> str:
        """The type in the form string of a capabilities document."""
        if isinstance(self.accepts, Kind):
            return self.accepts.value
        return _TYPE_NAMES[self.accepts]


_TYPE_NAMES = {
    Accepts.NUMBER: Kind.DOUBLE.value,
    Accepts.TIME: Kind.TIMESTAMP.value,
    Accepts.SHAPE: "GEOMETRY",
    Accepts.INTERVAL: "INTERVAL",
}

#: Makes the value of a call from its arguments as they are written and as they are resolved.
Builder = Callable[[FunctionCall, tuple[Value, ...]], Value]


@dataclass(frozen=True, slots=True)
class Function:
    """A function that queries may call.

    Attributes
    ----------
    name
        As it is documented; calls are compared without case.
    parameters
        All of them are needed; a function that takes fewer has a further entry.
    returns
        Kind of the result, or ``None`` for that of the first argument (of the shape, where it
        takes one).
    sql
        Template in which ``{0}``, ``{1}`` stand for the arguments. It has to be an expression
        that stands beside any operator, as a call does.
    description
        One sentence for people.
    condition
        Whether `sql` is a truth value of PostgreSQL. ADQL has none: the result is the INTEGER
        1 or 0, and ``1 = f(..)`` becomes the condition itself, so that indexes serve it.
    aggregate
        Whether it takes a column of rows.
    udf
        Whether capabilities declare it as defined by the service, and not by ADQL.
    carries
        What the result inherits from its first argument.
    unit, ucd
        Of the result, where they are always the same.
    array
        Type of the elements where the result is an array of PostgreSQL.
    builder
        Makes the value of a call, where what a template can say is not enough.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: Kind | None
    sql: str
    description: str
    condition: bool = False
    aggregate: bool = False
    udf: bool = False
    carries: Carries = Carries.NOTHING
    unit: str | None = None
    ucd: str | None = None
    array: str | None = None
    builder: Builder | None = None

    @property
    def form(self) -> str:
        """The signature as TAPRegExt has it: ``name(arg TYPE, …) -> TYPE``."""
        arguments = ", ".join(
            f"{parameter.name} {parameter.type_name}" for parameter in self.parameters
        )
        if self.array is not None:
            result = f"{self.array.upper()}[]"
        elif self.returns is not None:
            result = self.returns.value
        else:
            takes_shape = any(parameter.accepts is Accepts.SHAPE for parameter in self.parameters)
            result = "GEOMETRY" if takes_shape else Kind.DOUBLE.value
        return f"{self.name}({arguments}) -> {result}"


Registry = Mapping[str, tuple[Function, ...]]


def index(functions: tuple[Function, ...]) -> Registry:
    """Return the functions by upper-cased name; each name with all its signatures."""
    by_name: dict[str, tuple[Function, ...]] = {}
    for function in functions:
        key = function.name.upper()
        by_name[key] = (*by_name.get(key, ()), function)
    return by_name
