"""Publishing: a new version is loaded, checked, indexed and made current, or nothing happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg2 import sql

from epntap.catalogue import Catalogue
from epntap.database import Database
from epntap.epncore.validation import Violation
from epntap.errors import PublishError
from epntap.publish.loading import (
    Loaded,
    Progress,
    create_table,
    delete_duplicates,
    find_duplicates,
    identifier,
    load,
)
from epntap.publish.mapping import RowMapper
from epntap.publish.native import NativeSource
from epntap.publish.release import Version, claim, current_version, make_current, next_version
from epntap.publish.versions import drop_superseded
from epntap.tables import Relation

_DATES = ("creation_date", "modification_date", "release_date")


class InvalidRowsError(PublishError):
    """Rows break the rules of EPNcore.

    Attributes
    ----------
    violations
        Every one of them, with row and column.
    """

    def __init__(self, name: str, violations: list[Violation]) -> None:
        rows = len({violation.row for violation in violations})
        super().__init__(
            f"{name}: {len(violations)} violation{'s' * (len(violations) != 1)} "
            f"in {rows} row{'s' * (rows != 1)}; nothing was published",
            hint="correct the rows, or publish the others with --drop-invalid",
        )
        self.violations = violations


@dataclass(frozen=True)
class Publication:
    """What a publication did.

    Attributes
    ----------
    catalogue, version
        What is current now.
    rows
        Rows of the catalogue.
    dropped
        Violations of the rows that were left out.
    new, changed, unchanged, gone
        Granules by comparison with the version before.
    """

    catalogue: str
    version: int
    rows: int
    dropped: tuple[Violation, ...]
    new: int
    changed: int
    unchanged: int
    gone: int


def publish(
    database: Database,
    catalogue: Catalogue,
    source: NativeSource,
    *,
    drop_invalid: bool = False,
    provenance: Mapping[str, Any] | None = None,
    progress: Progress = lambda _rows: None,
) -> Publication:
    """Publish the rows of a source as the catalogue's new current version.

    Everything happens in one transaction: readers see the old version until the new one is whole,
    and a crash at any moment leaves the old one.

    Parameters
    ----------
    drop_invalid
        Leave rows out that break a rule, instead of refusing them all.
    provenance
        What made the rows, kept with the version.
    progress
        Told the number of rows loaded.

    Raises
    ------
    InvalidRowsError
        With every violation, if there are any and `drop_invalid` is not set.
    PublishError
        If the source cannot be read, has no rows, or another publication is under way.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    with database.publisher() as connection, connection.cursor() as cursor:
        claim(cursor, catalogue.name)
        before = current_version(cursor, catalogue.name)
        number = next_version(cursor, catalogue.name)
        relation = Relation(catalogue.name, f"epn_core_v{number}")
        cursor.execute(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(catalogue.name))
        )
        mappers: list[RowMapper] = []

        def make_mapper(columns: list[str]) -> RowMapper:
            mappers.append(RowMapper(catalogue, columns, source.units, now))
            return mappers[-1]

        landing = relation if before is None else Relation(catalogue.name, f"landing_v{number}")
        create_table(cursor, landing, catalogue.columns)
        loaded = load(cursor, landing, catalogue, source, make_mapper, progress)
        _settle_violations(cursor, landing, source.name, loaded, drop_invalid=drop_invalid)
        if loaded.rows == 0:
            raise PublishError(
                f"{source.name}: there is no row to publish; nothing was changed",
                hint="'epntap drop' removes a catalogue",
            )
        counts = (loaded.rows, 0, 0, 0)
        if before is not None:
            create_table(cursor, relation, catalogue.columns)
            counts = _carry_over(cursor, catalogue, landing, relation, before, mappers[0])
        _finish_table(cursor, catalogue, relation)
        version = Version(catalogue.name, number, relation, loaded.rows)
        make_current(cursor, database, catalogue, version, source.name, provenance or {})
        connection.commit()
    drop_superseded(database, catalogue.name)
    new, changed, unchanged, gone = counts
    return Publication(
        catalogue.name, number, loaded.rows, tuple(loaded.violations), new, changed, unchanged, gone
    )


def _settle_violations(
    cursor: Any, landing: Relation, name: str, loaded: Loaded, *, drop_invalid: bool
) -> None:
    loaded.violations.extend(find_duplicates(cursor, landing, loaded.refused))
    loaded.violations.sort(key=lambda violation: violation.row)
    if not loaded.violations:
        return
    if not drop_invalid:
        raise InvalidRowsError(name, loaded.violations)
    loaded.rows -= delete_duplicates(cursor, landing)


def _carry_over(
    cursor: Any,
    catalogue: Catalogue,
    landing: Relation,
    relation: Relation,
    before: Version,
    mapper: RowMapper,
) -> tuple[int, int, int, int]:
    """Move rows from the landing table on, with the dates that known granules have already.

    A known granule keeps its creation and release dates, and its modification date too while its
    content is the same. Dates that the source brings itself stand as they are.

    Returns
    -------
    tuple of int
        New, changed, unchanged and gone granules.
    """
    names = [column.name for column in catalogue.columns]
    content = [name for name in names if name not in _DATES] + sorted(mapper.dated_by_source)
    cursor.execute(
        "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = %s::regclass"
        " AND attnum > 0 AND NOT attisdropped",
        (f'"{before.relation.schema}"."{before.relation.name}"',),
    )
    comparable = {row[0] for row in cursor.fetchall()} == set(names)
    same: sql.Composable = sql.SQL("false")
    if comparable:
        same = sql.SQL("({}) IS NOT DISTINCT FROM ({})").format(
            sql.SQL(", ").join(sql.Identifier("n", name) for name in content),
            sql.SQL(", ").join(sql.Identifier("o", name) for name in content),
        )
    carried = {
        "creation_date": sql.SQL("coalesce(o.creation_date, n.creation_date)"),
        "release_date": sql.SQL("coalesce(o.release_date, n.release_date)"),
        "modification_date": sql.SQL(
            "CASE WHEN o.granule_uid IS NOT NULL AND {} THEN o.modification_date"
            " ELSE n.modification_date END"
        ).format(same),
    }
    values = sql.SQL(", ").join(
        carried[name]
        if name in carried and name not in mapper.dated_by_source
        else sql.Identifier("n", name)
        for name in names
    )
    cursor.execute(
        sql.SQL(
            "INSERT INTO {new} ({names}) SELECT {values} FROM {landing} AS n"
            " LEFT JOIN {old} AS o ON o.granule_uid = n.granule_uid ORDER BY n.ctid"
        ).format(
            new=identifier(relation),
            names=sql.SQL(", ").join(map(sql.Identifier, names)),
            values=values,
            landing=identifier(landing),
            old=identifier(before.relation),
        )
    )
    cursor.execute(
        sql.SQL(
            "SELECT count(*) FILTER (WHERE o.granule_uid IS NULL),"
            " count(*) FILTER (WHERE o.granule_uid IS NOT NULL AND NOT {same}),"
            " count(*) FILTER (WHERE o.granule_uid IS NOT NULL AND {same})"
            " FROM {landing} AS n LEFT JOIN {old} AS o ON o.granule_uid = n.granule_uid"
        ).format(same=same, landing=identifier(landing), old=identifier(before.relation))
    )
    new, changed, unchanged = cursor.fetchone()
    cursor.execute(sql.SQL("DROP TABLE {}").format(identifier(landing)))
    return new, changed, unchanged, before.rows - changed - unchanged


def _finish_table(cursor: Any, catalogue: Catalogue, relation: Relation) -> None:
    """Give the table its primary key, indexes and statistics."""
    cursor.execute(
        sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (granule_uid)").format(identifier(relation))
    )
    for name in catalogue.indexes:
        cursor.execute(
            sql.SQL("CREATE INDEX ON {} ({})").format(identifier(relation), sql.Identifier(name))
        )
    for expression in _geometry_indexes(catalogue):
        cursor.execute(
            sql.SQL("CREATE INDEX ON {} USING gist ({})").format(
                identifier(relation), sql.SQL(expression)
            )
        )
    cursor.execute(sql.SQL("ANALYZE {}").format(identifier(relation)))


def _geometry_indexes(catalogue: Catalogue) -> list[str]:
    """Return the expressions by which queries search on the sphere.

    They are those that `epntap.adql.geometry` writes, so that the planner knows them again.
    """
    if catalogue.frame not in ("celestial", "body"):
        return []
    columns = {column.name: column for column in catalogue.columns}
    expressions = []
    if {"c1min", "c2min"} <= set(columns):
        c1, c2 = (
            f"{name}::double precision" if columns[name].datatype == "float" else name
            for name in ("c1min", "c2min")
        )
        expressions.append(f"udf.position({c1}, {c2})")
    region = columns.get("s_region")
    if region is not None and region.xtype == "adql:REGION":
        expressions.append("udf.region_box(s_region)")
    elif region is not None and region.xtype == "point":
        expressions.append("udf.position((s_region)[1], (s_region)[2])")
    elif region is not None:
        expressions.append("udf.shape_box(s_region)")
    return expressions
