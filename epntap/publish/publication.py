"""Publishing: a new version is loaded, checked, compared and made current, or nothing happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from psycopg2 import sql

from epntap.catalogue import Catalogue
from epntap.database import Database
from epntap.epncore.validation import Violation
from epntap.errors import PublishError
from epntap.products.files import Files
from epntap.products.loading import FileLoader, file_loader
from epntap.provenance.runs import RunRecord, finish, run_of_provenance
from epntap.publish.acceptance import (
    Acceptance,
    Candidate,
    InvalidRowsError,
    RefusedError,
)
from epntap.publish.attempts import counted
from epntap.publish.comparison import Comparer, Comparison, Diff, first_uids
from epntap.publish.indexes import finish_table
from epntap.publish.loading import (
    Loaded,
    Progress,
    create_table,
    delete_duplicates,
    find_duplicates,
    load,
)
from epntap.publish.mapping import RowMapper
from epntap.publish.native import NativeSource
from epntap.publish.relations import identifier
from epntap.publish.release import (
    Version,
    claim,
    current_version,
    is_described_alike,
    make_current,
    next_version,
)
from epntap.publish.tombstones import bury, raise_returned
from epntap.publish.versions import drop_superseded
from epntap.tables import Relation

#: Granules of each sort that a trial lists.
_TRIAL_DIFF = 1000


#: Memory of the server for each step of the comparison of two versions.
_COMPARING_MEMORY = "64MB"


@dataclass(frozen=True)
class Publication:
    """What a publication did.

    Attributes
    ----------
    catalogue, version
        What is current now; of a trial, what would be.
    rows
        Rows of the catalogue.
    dropped
        Violations of the rows that were left out.
    new, changed, unchanged, gone
        Granules by comparison with the version before.
    run_id
        The run that is recorded with it.
    state
        ``published``; ``unchanged`` when nothing differs and so nothing was done; ``tried`` when
        nothing was meant to be stored.
    diff
        Some of the granules that differ, if they were asked for.
    refusals
        Of a trial: the rules of acceptance that it would break.
    files
        How many files rows of the catalogue link to.
    """

    catalogue: str
    version: int
    rows: int
    dropped: tuple[Violation, ...]
    new: int
    changed: int
    unchanged: int
    gone: int
    run_id: str
    state: Literal["published", "unchanged", "tried"] = "published"
    diff: Diff | None = None
    refusals: tuple[str, ...] = ()
    files: int = 0


def publish(
    database: Database,
    catalogue: Catalogue,
    source: NativeSource,
    *,
    files: Files | Path | None = None,
    drop_invalid: bool = False,
    provenance: Mapping[str, Any] | None = None,
    run: RunRecord | None = None,
    accept: Acceptance | None = None,
    only_if_different: bool = False,
    dry_run: bool = False,
    diff_rows: int = 0,
    progress: Progress = lambda _rows: None,
) -> Publication:
    """Publish the rows of a source as the catalogue's new current version.

    Everything happens in one transaction: readers see the old version until the new one is whole,
    and a crash at any moment leaves the old one. The end of the run is recorded in it, too; that
    of a run that fails or is refused is left to the caller (`epntap.publish.attempt`).

    Parameters
    ----------
    files
        Where the files are that rows name, if the description has ``products``; a folder, or
        whatever gives them. They are there before the version is visible, and those that no
        version has are removed.
    drop_invalid
        Leave rows out that break a rule, instead of refusing them all.
    provenance
        What made the rows, kept with the version.
    run
        The run that new and changed rows point to, unless they name one in a native column
        ``run_id``; by default one that is made from `provenance` and the name of the source.
    accept
        Rules that are held to before anything is visible.
    only_if_different
        Make no new version when rows and description are as they were.
    dry_run
        Do everything but store: also the run is not recorded, and a refusal is not raised but
        told by the result.
    diff_rows
        How many granules of each sort the result lists at most; 1000 for a `dry_run`.
    progress
        Told the number of rows loaded.

    Raises
    ------
    InvalidRowsError
        With every violation, if there are any and `drop_invalid` is not set.
    RefusedError
        If a rule of `accept` is broken, with every reason.
    UnderWayError
        If another publication of the catalogue is under way.
    PublishError
        If the source cannot be read or has no rows, names runs that do not exist or files that
        cannot be published, or the run has ended already.
    """
    if run is None:
        # Of a publication by hand only the success is recorded: whoever tries sees why it fails.
        run = run_of_provenance(catalogue.name, "publication", provenance or {}, source=source.name)
    load_files = file_loader(database, catalogue, files, dry_run=dry_run)
    with load_files, database.publisher() as connection, connection.cursor() as cursor:
        landed = _land(
            cursor, catalogue, source, run, progress, load_files, drop_invalid=drop_invalid
        )
        if landed.rows == 0 and accept is None:
            raise PublishError(
                f"{source.name}: there is no row to publish; nothing was changed",
                hint="'epntap drop' removes a catalogue",
            )
        listed = diff_rows or (_TRIAL_DIFF if dry_run else 0)
        result = _result(catalogue, run, landed, _diff(cursor, landed, listed) if listed else None)
        result = replace(result, files=load_files.count)
        candidate = _candidate(catalogue, landed)
        refusals = accept.reasons(candidate) if accept is not None else ()
        if dry_run:
            connection.rollback()
            return replace(result, state="tried", refusals=refusals)
        if refusals:
            raise RefusedError(refusals, candidate)
        same = _unchanged_version(cursor, catalogue, landed) if only_if_different else None
        if same is not None:
            connection.rollback()
            finish(connection, counted(run, candidate, same.number), "unchanged")
            connection.commit()
            return replace(result, version=same.number, state="unchanged")
        _fill(cursor, catalogue, landed, run)
        finish(connection, counted(run, candidate, landed.number), "published")
        make_current(
            cursor,
            database,
            catalogue,
            Version(catalogue.name, landed.number, landed.relation, landed.rows),
            source.name,
            provenance or {},
            run.run_id,
        )
        load_files.record(cursor, landed.number)
        connection.commit()
    drop_superseded(database, catalogue.name)
    return result


@dataclass(frozen=True)
class _Landed:
    """Rows in a table of their own, and how they compare with those that are current."""

    before: Version | None
    number: int
    relation: Relation
    table: Relation
    loaded: Loaded
    comparer: Comparer | None
    compared: Comparison

    @property
    def rows(self) -> int:
        return self.loaded.rows


def _land(
    cursor: Any,
    catalogue: Catalogue,
    source: NativeSource,
    run: RunRecord,
    progress: Progress,
    load_files: FileLoader,
    *,
    drop_invalid: bool,
) -> _Landed:
    """Load the rows; without a version before, into the table that they stay in."""
    claim(cursor, catalogue.name)
    products = load_files.begin(cursor)
    before = current_version(cursor, catalogue.name)
    number = next_version(cursor, catalogue.name)
    relation = Relation(catalogue.name, f"epn_core_v{number}")
    table = relation if before is None else Relation(catalogue.name, f"landing_v{number}")
    cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(catalogue.name)))
    create_table(cursor, table, catalogue.columns)
    now = datetime.now(UTC).replace(microsecond=0)
    mappers: list[RowMapper] = []

    def make_mapper(columns: list[str]) -> RowMapper:
        mappers.append(RowMapper(catalogue, columns, source.units, now, run.run_id))
        return mappers[-1]

    loaded = load(cursor, table, catalogue, source, make_mapper, progress, products)
    _settle_violations(cursor, table, source.name, loaded, drop_invalid=drop_invalid)
    if any(mapper.runs_by_source for mapper in mappers):
        _check_runs(cursor, table, source.name, run)
    if before is None:
        return _Landed(None, number, relation, table, loaded, None, Comparison(new=loaded.rows))
    dated = mappers[0].dated_by_source if mappers else frozenset()
    # Rows are compared in memory as far as they fit into it, and not by way of files.
    cursor.execute("SET LOCAL work_mem = %s", (_COMPARING_MEMORY,))
    comparer = Comparer.of(cursor, catalogue, table, before.relation, dated)
    return _Landed(before, number, relation, table, loaded, comparer, comparer.compare(cursor))


def _settle_violations(
    cursor: Any, landing: Relation, name: str, loaded: Loaded, *, drop_invalid: bool
) -> None:
    loaded.add_duplicates(find_duplicates(cursor, landing, loaded))
    if not loaded.violation_count:
        return
    if not drop_invalid:
        raise InvalidRowsError(
            name, loaded.violations, count=loaded.violation_count, rows=loaded.invalid_rows
        )
    loaded.rows -= delete_duplicates(cursor, landing)


def _check_runs(cursor: Any, landing: Relation, name: str, run: RunRecord) -> None:
    """See to it that the runs that rows of the source name are known.

    Raises
    ------
    PublishError
        If one is not.
    """
    cursor.execute(
        sql.SQL(
            "SELECT DISTINCT n.run_id FROM {} AS n WHERE n.run_id <> %s"
            " AND NOT EXISTS (SELECT 1 FROM epntap.run AS r WHERE r.run_id = n.run_id)"
            " ORDER BY 1 LIMIT 3"
        ).format(identifier(landing)),
        (run.run_id,),
    )
    unknown = [row[0] for row in cursor.fetchall()]
    if unknown:
        raise PublishError(
            f"{name}: its column run_id names runs that this service does not know: "
            f"{', '.join(unknown)}; nothing was published",
            hint="leave the column out, or give it another name",
        )


def _diff(cursor: Any, landed: _Landed, limit: int) -> Diff:
    if landed.comparer is None:
        return Diff(new=first_uids(cursor, landed.table, limit))
    return landed.comparer.diff(cursor, limit)


def _candidate(catalogue: Catalogue, landed: _Landed) -> Candidate:
    return Candidate(
        catalogue=catalogue.name,
        rows=landed.rows,
        rows_before=landed.before.rows if landed.before else None,
        dropped=landed.loaded.invalid_rows,
        comparison=landed.compared,
    )


def _result(
    catalogue: Catalogue, run: RunRecord, landed: _Landed, diff: Diff | None
) -> Publication:
    compared = landed.compared
    return Publication(
        catalogue=catalogue.name,
        version=landed.number,
        rows=landed.rows,
        dropped=tuple(landed.loaded.violations),
        new=compared.new,
        changed=compared.changed,
        unchanged=compared.unchanged,
        gone=compared.gone,
        run_id=run.run_id,
        diff=diff,
    )


def _unchanged_version(cursor: Any, catalogue: Catalogue, landed: _Landed) -> Version | None:
    """Return the current version if the new rows and the description are just those of it."""
    before, comparer = landed.before, landed.comparer
    if before is None or comparer is None or landed.compared.differs or not comparer.same_columns:
        return None
    return before if is_described_alike(cursor, catalogue, before) else None


def _fill(cursor: Any, catalogue: Catalogue, landed: _Landed, run: RunRecord) -> None:
    """Make the table of the new version what it is to be, with tombstones for what it lacks."""
    if landed.comparer is not None:
        create_table(cursor, landed.relation, catalogue.columns)
        landed.comparer.carry_over(cursor, landed.relation)
        cursor.execute(sql.SQL("DROP TABLE {}").format(identifier(landed.table)))
    finish_table(cursor, catalogue, landed.relation, landed.loaded.contents)
    if landed.before is not None and landed.compared.gone:
        bury(
            cursor,
            old=landed.before.relation,
            new=landed.relation,
            version=landed.number,
            run_id=run.run_id,
        )
    if landed.before is not None and landed.compared.new:
        raise_returned(cursor, landed.relation)
