"""Translations that are kept, since clients ask the same queries again and again."""

from __future__ import annotations

import threading
from collections import OrderedDict

from epntap.adql import Translation, translate
from epntap.tables import TableSet

#: Translations that are kept; one of an EPNcore table takes some 20 kB.
_MOST = 256

#: Characters of a query that is worth keeping. Longer ones are lists that nobody asks for twice.
_LONGEST = 4096


class Translations:
    """Translates queries, and keeps what became of the latest ones.

    A translation holds for one table set and one limit. When the tables change, all are forgotten.
    Threads may share it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: TableSet | None = None
        self._kept: OrderedDict[tuple[str, int], Translation] = OrderedDict()

    def of(self, query: str, tables: TableSet, limit: int) -> Translation:
        """Return the translation of a query.

        Parameters
        ----------
        query
            ADQL.
        tables
            What it may name.
        limit
            Rows to fetch at most.

        Raises
        ------
        AdqlError
            If the query cannot be translated.
        """
        key = (query, limit)
        with self._lock:
            if self._tables is not tables:
                self._tables = tables
                self._kept.clear()
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = translate(query, tables, limit=limit)
        if len(query) <= _LONGEST:
            self._keep(key, tables, made)
        return made

    def _keep(self, key: tuple[str, int], tables: TableSet, made: Translation) -> None:
        with self._lock:
            # They may have changed meanwhile.
            if self._tables is tables:
                self._kept[key] = made
                if len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
