"""New rows compared with those of the current version: what is new, changed, the same, gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from epntap.catalogue import Catalogue
from epntap.publish.relations import columns_of_relation, identifier
from epntap.tables import Relation

#: Dates that the service keeps itself unless the source brings them.
_DATES = ("creation_date", "modification_date", "release_date")


@dataclass(frozen=True, slots=True)
class Diff:
    """Some of the granules that differ, by granule_uid in ascending order.

    Attributes
    ----------
    new, changed, gone
        No more of each than were asked for; the counts of a `Comparison` tell how many there are.
    """

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Numbers of granules by comparison with the version before."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0

    @property
    def differs(self) -> bool:
        """Whether anything is not as it was."""
        return bool(self.new or self.changed or self.gone)


@dataclass(frozen=True, slots=True)
class Comparer:
    """Compares rows in a landing table with those of a version, granule by granule.

    Parameters
    ----------
    catalogue
        Whose rows they are.
    landing
        Table of the new rows, which have each granule_uid once.
    old
        Table of the current version.
    old_columns
        Names of its columns.
    dated_by_source
        Those of the three dates that the new rows bring themselves.
    """

    catalogue: Catalogue
    landing: Relation
    old: Relation
    old_columns: frozenset[str]
    dated_by_source: frozenset[str]

    @classmethod
    def of(
        cls,
        cursor: Any,
        catalogue: Catalogue,
        landing: Relation,
        old: Relation,
        dated_by_source: frozenset[str],
    ) -> Comparer:
        """Make one; looks up the columns of the old table."""
        return cls(catalogue, landing, old, columns_of_relation(cursor, old), dated_by_source)

    @property
    def same_columns(self) -> bool:
        """Whether the old table has exactly the columns of the catalogue."""
        return self.old_columns == {column.name for column in self.catalogue.columns}

    def compare(self, cursor: Any) -> Comparison:
        """Count the granules that are new, changed, the same and gone."""
        cursor.execute(
            sql.SQL(
                "SELECT count(*) FILTER (WHERE o.granule_uid IS NULL),"
                " count(*) FILTER (WHERE o.granule_uid IS NOT NULL AND NOT {same}),"
                " count(*) FILTER (WHERE o.granule_uid IS NOT NULL AND {same}),"
                " (SELECT count(*) FROM {old})"
                " FROM {joined}"
            ).format(same=self._same(), joined=self._joined(), old=identifier(self.old))
        )
        new, changed, unchanged, before = cursor.fetchone()
        return Comparison(new, changed, unchanged, before - changed - unchanged)

    def diff(self, cursor: Any, limit: int) -> Diff:
        """Return up to `limit` of the granules of each sort."""
        joined, same = self._joined(), self._same()
        return Diff(
            new=_uids(
                cursor,
                sql.SQL("SELECT n.granule_uid FROM {} WHERE o.granule_uid IS NULL").format(joined),
                limit,
            ),
            changed=_uids(
                cursor,
                sql.SQL(
                    "SELECT n.granule_uid FROM {} WHERE o.granule_uid IS NOT NULL AND NOT {}"
                ).format(joined, same),
                limit,
            ),
            gone=_uids(
                cursor,
                sql.SQL(
                    "SELECT o.granule_uid FROM {} AS o WHERE NOT EXISTS"
                    " (SELECT 1 FROM {} AS n WHERE n.granule_uid = o.granule_uid)"
                ).format(identifier(self.old), identifier(self.landing)),
                limit,
            ),
        )

    def carry_over(self, cursor: Any, relation: Relation) -> None:
        """Copy the landing table on, with the dates and runs that known granules have already.

        A known granule keeps its creation and release dates, and its modification date and run
        too while its content is the same. Dates that the source brings stand as they are.
        """
        same = self._same()
        kept = sql.SQL("o.granule_uid IS NOT NULL AND {}").format(same)
        carried = {
            "creation_date": sql.SQL("coalesce(o.creation_date, n.creation_date)"),
            "release_date": sql.SQL("coalesce(o.release_date, n.release_date)"),
            "modification_date": sql.SQL(
                "CASE WHEN {} THEN o.modification_date ELSE n.modification_date END"
            ).format(kept),
        }
        for name in self._added & self.old_columns:
            # A row of a version that did not know its run yet gets the run that confirms it.
            carried[name] = sql.SQL("CASE WHEN {} THEN coalesce({o}, {n}) ELSE {n} END").format(
                kept, o=sql.Identifier("o", name), n=sql.Identifier("n", name)
            )
        names = [column.name for column in self.catalogue.columns]
        values = sql.SQL(", ").join(
            carried[name]
            if name in carried and name not in self.dated_by_source
            else sql.Identifier("n", name)
            for name in names
        )
        cursor.execute(
            sql.SQL("INSERT INTO {new} ({names}) SELECT {values} FROM {joined} ORDER BY n.ctid")
            .format(
                new=identifier(relation),
                names=sql.SQL(", ").join(map(sql.Identifier, names)),
                values=values,
                joined=self._joined(),
            )
        )  # fmt: skip

    @property
    def _added(self) -> frozenset[str]:
        return frozenset(added.column.name for added in self.catalogue.standard.added)

    def _joined(self) -> sql.Composed:
        return sql.SQL("{} AS n LEFT JOIN {} AS o ON o.granule_uid = n.granule_uid").format(
            identifier(self.landing), identifier(self.old)
        )

    def _same(self) -> sql.Composable:
        """Return the condition under which a granule has the content that it had.

        What the service adds to a row is no content, and neither are dates that it gives itself.
        """
        names = [column.name for column in self.catalogue.columns]
        if self.old_columns - self._added != set(names) - self._added:
            return sql.SQL("false")
        beside = self._added.union(_DATES)
        content = [name for name in names if name not in beside] + sorted(self.dated_by_source)
        return sql.SQL("({}) IS NOT DISTINCT FROM ({})").format(
            sql.SQL(", ").join(sql.Identifier("n", name) for name in content),
            sql.SQL(", ").join(sql.Identifier("o", name) for name in content),
        )


def first_uids(cursor: Any, relation: Relation, limit: int) -> tuple[str, ...]:
    """Return the first granules of a table."""
    return _uids(cursor, sql.SQL("SELECT granule_uid FROM {}").format(identifier(relation)), limit)


def _uids(cursor: Any, selected: sql.Composable, limit: int) -> tuple[str, ...]:
    cursor.execute(selected + sql.SQL(" ORDER BY 1 LIMIT %s"), (limit,))
    return tuple(row[0] for row in cursor.fetchall())
