"""What the columns of a result are called."""

from __future__ import annotations

from epntap.adql.lexer import MAX_IDENTIFIER_BYTES
from epntap.adql.tree import (
    AggregateCall,
    ColumnReference,
    Expression,
    FunctionCall,
    GeometryCall,
    SelectItem,
)
from epntap.adql.values import Value

#: Characters of a name that is made up, so that a number still fits behind it.
_MAX_GENERATED = 50


class Labels:
    """Makes names unique, without regard to case, by a number behind them."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, name: str) -> str:
        """Return the name, or the name with the first number that makes it a new one."""
        label = name
        lower = name.lower()
        number = 0
        while lower in self._taken:
            number += 1
            suffix = f"_{number}"
            room = MAX_IDENTIFIER_BYTES - len(suffix)
            label = name.encode()[:room].decode(errors="ignore") + suffix
            lower = label.lower()
        self._taken.add(lower)
        return label


def output_name(item: SelectItem, value: Value, number: int) -> str:
    """Return the name of an item of a select list.

    Parameters
    ----------
    item
        With an alias, which is the name as it is written.
    value
        What it resolved to. A column has its name in TAP_SCHEMA, in that spelling.
    number
        Which item it is, from 1.
    """
    if item.alias is not None:
        return item.alias.name
    node = item.expression
    if isinstance(node, ColumnReference):
        written = node.parts[-1].name
        stored = value.about.name.strip('"')
        return stored if value.bare and stored.lower() == written.lower() else written
    return _generated(node) or f"column_{number}"


def _generated(node: Expression) -> str | None:
    """Return a speaking name such as ``max_time_min`` for a call of a column."""
    arguments: tuple[Expression, ...]
    if isinstance(node, AggregateCall):
        arguments = () if node.argument is None else (node.argument,)
    elif isinstance(node, FunctionCall | GeometryCall):
        arguments = node.arguments
    else:
        return None
    if isinstance(node, AggregateCall) and not arguments:
        name = "count_all"
    elif arguments and isinstance(arguments[0], ColumnReference):
        column = arguments[0].parts[-1].name
        name = f"{node.name}_{column}".lower()
    else:
        name = f"{node.name}_".lower() + "value"
    plain = name.isascii() and name.replace("_", "").isalnum()
    return name if plain and len(name) <= _MAX_GENERATED else None
