"""The corpus: queries, and what is expected of both services."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "corpus"

#: What a name in the corpus looks like: ids are typed on command lines.
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Outcome(StrEnum):
    """How a service answers a query."""

    ROWS = "rows"
    #: The query is not ADQL, or not about what there is: found before anything is computed.
    REFUSED = "refused"
    #: The query is well formed, but the values do not allow it (a division by zero).
    FAILED = "failed"


class Blame(StrEnum):
    """On whose side a difference is."""

    DACHS = "dachs"
    OURS = "ours"
    BOTH_RIGHT = "both-right"


@dataclass(frozen=True)
class Difference:
    """A difference that has been looked into.

    Attributes
    ----------
    who
        Whose fault it is, or that neither is wrong.
    why
        The explanation.
    metadata
        Whether only names, types and units differ, and the rows are equal.
    """

    who: Blame
    why: str
    metadata: bool


@dataclass(frozen=True)
class Case:
    """One query of the corpus.

    Attributes
    ----------
    id
        File and name, such as ``joins/left``.
    group
        Title of the file.
    adql
        The query, about ``bench.epn_core`` and TAP_SCHEMA.
    ours
        What this service does with it.
    ordered
        Whether ORDER BY is total, so that rows are compared in their order.
    needs
        Capabilities without which the query is not asked: names of functions, ``geometry``.
    difference
        The known difference to DaCHS, if there is one.
    """

    id: str
    group: str
    adql: str
    ours: Outcome
    ordered: bool
    needs: tuple[str, ...]
    difference: Difference | None


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key cannot be given twice: the second query would hide the first."""


def _mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"{node.start_mark}: {key!r} is there twice")
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_corpus(folder: Path = FOLDER) -> list[Case]:
    """Read every file of the corpus.

    Raises
    ------
    ValueError
        If an entry has an unknown key or value, or a name is used twice.
    """
    return [case for file in sorted(folder.glob("*.yaml")) for case in _read(file)]


def _read(file: Path) -> Iterator[Case]:
    content = yaml.load(file.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    _only(content, {"title", "ours", "needs", "queries"}, file.name)
    defaults = {key: content[key] for key in ("ours", "needs") if key in content}
    for name, entry in content["queries"].items():
        where = f"{file.stem}/{name}"
        if not _NAME.fullmatch(name):
            raise ValueError(f"{where}: names are lower-case words with hyphens")
        given = {"adql": entry} if isinstance(entry, str) else entry
        yield _case(where, content["title"], {**defaults, **given})


def _case(where: str, group: str, given: dict[str, Any]) -> Case:
    _only(given, {"adql", "ours", "order", "needs", "difference"}, where)
    if given.get("order", "total") != "total":
        raise ValueError(f"{where}: order can only be 'total'")
    difference = None
    if "difference" in given:
        _only(given["difference"], {"who", "why", "metadata"}, where)
        difference = Difference(
            Blame(given["difference"]["who"]),
            given["difference"]["why"],
            given["difference"].get("metadata", False),
        )
    return Case(
        id=where,
        group=group,
        adql=given["adql"],
        ours=Outcome(given.get("ours", "rows")),
        ordered="order" in given,
        needs=(*given.get("needs", ()), *_functions(given["adql"])),
        difference=difference,
    )


def _functions(adql: str) -> list[str]:
    """Return the functions of a query that a service may or may not have."""
    called = re.findall(r"\b((?:ivo|gavo)_\w+)\s*\(", adql, re.IGNORECASE)
    return sorted({name.lower() for name in called} - {"ivo_no_such_function"})


def _only(given: dict[str, Any], allowed: set[str], where: str) -> None:
    unknown = set(given) - allowed
    if unknown:
        raise ValueError(f"{where}: unknown keys {sorted(unknown)}")
