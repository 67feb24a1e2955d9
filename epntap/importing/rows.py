"""The row maker of a descriptor: which native value goes into which column."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from epntap.importing.descriptor import attribute, line_of, own_text
from epntap.importing.expressions import Source, UntranslatableError, read_expression
from epntap.importing.notes import Notes

_POPULATE = re.compile(r"//epntap2#populate-2_0")


class RowMaker:
    """Gathers the sources of columns from a ``rowmaker`` element.

    Parameters
    ----------
    columns
        Names of the columns that the table has.
    notes
        Takes what cannot be translated.
    """

    def __init__(self, columns: Iterable[str], notes: Notes) -> None:
        self._columns = list(columns)
        self._notes = notes
        self._variables: dict[str, Source | None] = {}
        self.sources: dict[str, Source] = {}
        #: Columns whose expression could not be translated.
        self.refused: set[str] = set()
        #: Columns that are taken from fields of their names, without a word about each.
        self.by_name: set[str] = set()

    def read(self, rowmaker: Any) -> None:
        """Read a row maker: variables, maps, binds, then what goes by equal names."""
        for child in rowmaker:
            match child.tag:
                case "var":
                    self._variable(child)
                case "map":
                    key = attribute(child, "key") or attribute(child, "dest") or ""
                    source = attribute(child, "source") or attribute(child, "src")
                    self._set(key, f"@{source}" if source else own_text(child), child)
                case "simplemaps":
                    self._simple_maps(own_text(child), child)
                case "apply" if _POPULATE.fullmatch(child.get("procDef", "").strip()):
                    self._binds(child)
                case "idmaps":
                    pass  # read below, like the attribute
                case _:
                    name = f" {child.get('procDef')}" if child.get("procDef") else ""
                    self._refuse(child, f"{child.tag}{name}", "code is not translated")
        self._simple_maps(rowmaker.get("simplemaps") or "", rowmaker)
        self._same_names(attribute(rowmaker, "idmaps") or "")

    def _variable(self, element: Any) -> None:
        name = attribute(element, "key") or attribute(element, "name") or ""
        text = attribute(element, "source") or attribute(element, "src")
        # A variable may be made of the field of the same name: `int(@size)` for `size`.
        self._variables[name] = self._read(
            f"@{text}" if text else own_text(element), element, f"var {name}"
        )

    def _binds(self, apply: Any) -> None:
        for child in apply:
            if child.tag == "bind":
                key = attribute(child, "key") or attribute(child, "name") or ""
                self._set(key, own_text(child), child)
            else:
                self._refuse(child, f"{child.tag} of {apply.get('procDef')}", "is not translated")

    def _simple_maps(self, text: str, element: Any) -> None:
        for pair in re.split(r"[,\s]+", text.strip()):
            destination, colon, source = pair.partition(":")
            if colon:
                self._set(destination, f"@{source}", element)

    def _set(self, key: str, expression: str, element: Any) -> None:
        what = f"{element.tag} {key} = {_short(expression)}"
        if key not in self._columns:
            self._refuse(element, what, "the table has no such column")
            return
        source = self._read(expression, element, what)
        if source is None:
            self.refused.add(key)
        elif not source.is_empty:
            self.sources[key] = source

    def _read(self, expression: str, element: Any, what: str) -> Source | None:
        if not expression:
            self._refuse(element, what, "it is empty")
            return None
        try:
            return read_expression(expression, self._variables)
        except UntranslatableError as error:
            self._refuse(element, what, f"not translated: {error}")
            return None

    def _same_names(self, idmaps: str) -> None:
        """Take columns from fields of their names (DaCHS: ``idmaps``, with shell patterns)."""
        patterns = [
            re.compile(re.escape(word).replace(r"\*", ".*").replace(r"\?", "."))
            for word in re.split(r"[,\s]+", idmaps)
            if word
        ]
        for name in self._columns:
            wanted = any(pattern.fullmatch(name) for pattern in patterns)
            if not wanted or name in self.sources or name in self.refused:
                continue
            if name not in self._variables:
                self.by_name.add(name)
            source = self._variables.get(name, Source(column=name))
            if source is None:
                self.refused.add(name)
            elif not source.is_empty:
                self.sources[name] = source

    def _refuse(self, element: Any, what: str, reason: str) -> None:
        self._notes.add(line_of(element), what, reason)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 70 else flat[:67] + "..."
