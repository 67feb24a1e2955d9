"""Python expressions of resource descriptors, read as mappings; none of them is ever run."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass, replace
from typing import Any

#: Functions that read a number or a text: the mapping does so by the column's type.
_READERS = frozenset(
    {"float", "int", "str", "unicode", "parseFloat", "parseInt", "parseSmallint", "parseUnicode"}
)
_TIME_READERS = frozenset({"parseTimestamp", "parseISODT", "parseDate"})

#: Formats of times that are ISO 8601.
_ISO_FORMATS = frozenset(
    {
        f"{date}{time}"
        for date in ("%Y-%m-%d", "%Y-%m-%dT", "%Y-%m-%d ")
        for time in ("", "%H:%M:%S", "%H:%M:%S.%f", "%H:%M:%SZ", "%H:%M:%S.%fZ", "%H:%M")
    }
)
#: Functions to Julian Dates, and those that make times of other numbers.
_TO_JD = frozenset({"dateTimeToJdn", "getJD"})
_NUMBER_TIMES = {"mjdToDateTime": "mjd", "jdnToDateTime": "jd"}

#: JD of the zero of the Modified Julian Date.
_MJD_ZERO = 2400000.5

#: Longer ones are programs.
_LONGEST_EXPRESSION = 2000

_STRING_OR_FIELD = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|@(\w+)""")
_NATIVE = "_native_"


class UntranslatableError(ValueError):
    """An expression does more than a mapping can."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from, in the words of a catalogue's mapping.

    One of `column`, `template` and `constant` says it; all are ``None`` for no value at all.
    """

    column: str | None = None
    template: str | None = None
    constant: str | int | float | None = None
    time: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    modulo: float | None = None
    nulls: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no value."""
        return self.column is None and self.template is None and self.constant is None

    @property
    def is_changed(self) -> bool:
        """Whether the values of the column are changed by more than how they are read."""
        return (self.scale, self.offset, self.modulo, self.time) != (1.0, 0.0, None, None)

    def as_mapping(self) -> str | dict[str, Any]:
        """Return it as the YAML file has it."""
        given: dict[str, Any] = {}
        for key in ("column", "template", "constant", "time"):
            if getattr(self, key) is not None:
                given[key] = getattr(self, key)
        if self.scale != 1.0:
            given["scale"] = self.scale
        if self.offset != 0.0:
            given["offset"] = self.offset
        if self.modulo is not None:
            given["modulo"] = self.modulo
        if self.nulls:
            given["values"] = dict.fromkeys(self.nulls)
        return given["column"] if set(given) == {"column"} else given


def read_expression(text: str, variables: dict[str, Source | None]) -> Source:
    """Read an expression.

    Parameters
    ----------
    text
        Python with ``@name`` for what a row has, as in ``float(@depth)*1000``.
    variables
        What was defined for the rows before, by name; ``None`` where that could not be read.

    Raises
    ------
    UntranslatableError
        If it is not Python, or does more than a mapping can.
    """
    if len(text) > _LONGEST_EXPRESSION:
        raise UntranslatableError("it is too long")
    python = _with_names(text.strip())
    if "\\" in python:
        raise UntranslatableError("it uses a macro or an escape")
    try:
        source = _Reader(variables).read(ast.parse(python, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError, OverflowError) as error:
        raise UntranslatableError("it is not one Python expression of usual size") from error
    except ValueError as error:
        if isinstance(error, UntranslatableError):
            raise
        raise UntranslatableError("it is not Python") from error
    numbers = (source.scale, source.offset, source.modulo, source.constant)
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise UntranslatableError("a number in it is not finite")
    return source


def _with_names(text: str) -> str:
    """Write ``@name`` as a name of Python, also inside of f-strings, but not in other strings."""

    def written(match: re.Match[str]) -> str:
        if match[2] is not None:
            return _NATIVE + match[2]
        formatted = text[max(match.start() - 1, 0) : match.start()] in ("f", "F")
        return re.sub(r"@(\w+)", rf"{_NATIVE}\1", match[0]) if formatted else match[0]

    return _STRING_OR_FIELD.sub(written, text)


class _Reader:
    def __init__(self, variables: dict[str, Source | None]) -> None:
        self._variables = variables

    def read(self, node: ast.expr) -> Source:
        match node:
            case ast.Constant(value=str() | int() | float() | None as value) if not isinstance(
                value, bool
            ):
                return Source(constant=value)
            case ast.Name(id=name) if name.startswith(_NATIVE):
                return self._native(name.removeprefix(_NATIVE))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _scaled(self.read(operand), -1.0)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, args)
            case ast.BinOp(left=left, op=op, right=right):
                first = self.read(left)
                if isinstance(op, ast.Mod) and isinstance(first.constant, str):
                    return self._formatted(first, right)
                return _combined(first, op, self.read(right))
            case ast.JoinedStr(values=values):
                return self._joined(values)
        raise UntranslatableError("it does more than a mapping can")

    def _native(self, name: str) -> Source:
        if name not in self._variables:
            return Source(column=name)
        variable = self._variables[name]
        if variable is None:
            raise UntranslatableError(f"@{name} is defined by what could not be translated")
        return variable

    def _call(self, name: str, args: list[ast.expr]) -> Source:
        if name in _READERS and len(args) == 1:
            return self.read(args[0])
        if name in _TIME_READERS and len(args) in (1, 2):
            source = self.read(args[0])
            if len(args) == 2 and _text_of(args[1]) not in _ISO_FORMATS:
                raise UntranslatableError("only times in ISO 8601 can be read")
            return _plain(source)
        if name in _TO_JD and len(args) == 1:
            source = self.read(args[0])
            return source if source.time is not None else replace(_plain(source), time="iso")
        if name in _NUMBER_TIMES and len(args) == 1:
            return replace(_plain(self.read(args[0])), time=_NUMBER_TIMES[name])
        if name == "parseWithNull" and len(args) == 3 and isinstance(args[1], ast.Name):
            null = _text_of(args[2])
            if args[1].id in _READERS and null is not None:
                return replace(_plain(self.read(args[0])), nulls=(null,))
        raise UntranslatableError(f"{name}() has no counterpart")

    def _formatted(self, text: Source, right: ast.expr) -> Source:
        """Read ``'a %s b' % @x`` and ``'%s-%s' % (@x, @y)``."""
        parts = right.elts if isinstance(right, ast.Tuple) else [right]
        pieces = re.split(r"(%.)", str(text.constant))
        places = [piece for piece in pieces if re.fullmatch("%[^%]", piece)]
        if set(places) - {"%s"} or len(places) != len(parts):
            raise UntranslatableError("only %s can be filled in, once for each value")
        values = iter(_template_of(self.read(part)) for part in parts)
        filled = [
            next(values) if piece == "%s" else ("%" if piece == "%%" else _literal(piece))
            for piece in pieces
        ]
        return Source(template="".join(filled))

    def _joined(self, values: list[ast.expr]) -> Source:
        parts = []
        for value in values:
            if isinstance(value, ast.FormattedValue):
                if value.format_spec is not None or value.conversion != -1:
                    raise UntranslatableError("values cannot be formatted")
                parts.append(_template_of(self.read(value.value)))
            else:
                parts.append(_template_of(self.read(value)))
        return Source(template="".join(parts))


def _text_of(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_text(source: Source) -> bool:
    return isinstance(source.constant, str) or source.template is not None


def _plain(source: Source) -> Source:
    if source.column is None or source.is_changed:
        raise UntranslatableError("only a field of the row can be read this way")
    return source


def _literal(text: str) -> str:
    if "{" in text or "}" in text:
        raise UntranslatableError("a brace cannot stand in a template")
    return text


def _template_of(source: Source) -> str:
    """Return a source as part of a template."""
    if source.template is not None:
        return source.template
    if source.constant is not None:
        return _literal(str(source.constant))
    if source.column is None or source.is_changed or source.nulls:
        raise UntranslatableError("only fields of the row can be joined to a text")
    return f"{{{source.column}}}"


def _scaled(source: Source, factor: float) -> Source:
    if isinstance(source.constant, int | float):
        return replace(source, constant=source.constant * factor)
    if source.column is None or source.time is not None or source.modulo is not None:
        raise UntranslatableError("only a number of the row can be multiplied")
    return replace(source, scale=source.scale * factor, offset=source.offset * factor)


def _shifted(source: Source, amount: float) -> Source:
    if isinstance(source.constant, int | float):
        return replace(source, constant=source.constant + amount)
    if source.column is None or source.modulo is not None:
        raise UntranslatableError("only to a number of the row something can be added")
    return replace(source, offset=source.offset + amount)


def _combined(left: Source, op: ast.operator, right: Source) -> Source:
    if isinstance(op, ast.Add) and (_is_text(left) or _is_text(right)):
        return Source(template=_template_of(left) + _template_of(right))
    a = left.constant if isinstance(left.constant, int | float) else None
    b = right.constant if isinstance(right.constant, int | float) else None
    match op:
        case ast.Mult() if b is not None:
            return _scaled(left, b)
        case ast.Mult() if a is not None:
            return _scaled(right, a)
        case ast.Div() if b:
            return _scaled(left, 1.0 / b)
        case ast.Add() if b is not None:
            return _shifted(left, b)
        case ast.Add() if a is not None:
            return _shifted(right, a)
        case ast.Sub() if b is not None:
            return _shifted(left, -b)
        case ast.Sub() if a is not None:
            return _shifted(_scaled(right, -1.0), a)
        case ast.Mod() if b is not None and b > 0 and left.column is not None:
            if left.modulo is not None:
                raise UntranslatableError("the remainder is taken twice")
            return replace(left, modulo=b)
    raise UntranslatableError("it does more than a linear change of one number of the row")


def as_julian_date(source: Source) -> Source:
    """Return the source of a Julian Date in the clearest words: MJD by name, not by offset."""
    plain = source.time is None and source.scale == 1.0 and source.modulo is None
    if plain and source.offset == _MJD_ZERO:
        return replace(source, offset=0.0, time="mjd")
    return source
