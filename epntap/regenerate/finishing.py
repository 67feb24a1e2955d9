"""The end of a run: its parts become a version of the catalogue, or the reason why not is kept."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from epntap.database import Database
from epntap.errors import DatabaseUnavailableError, OverloadedError, UserError
from epntap.plugins import Progress, Span
from epntap.provenance import RunRecord, finish, get_run
from epntap.publish.acceptance import InvalidRowsError, RefusedError, UnderWayError
from epntap.publish.attempts import counted
from epntap.publish.publication import Publication, publish
from epntap.regenerate.accepting import acceptance_of
from epntap.regenerate.assembling import Parts, PartsSource, StoredParts, Summary
from epntap.regenerate.partstore import published_span, remove_unneeded
from epntap.regenerate.staging import files_of
from epntap.regenerate.storage import Regeneration

log = logging.getLogger(__name__)

#: Violations that the reason of a refusal names.
_NAMED_VIOLATIONS = 3


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    run_id
        Which run.
    state
        ``published``, ``unchanged``, ``refused`` or ``failed``; ``tried`` when nothing was to be
        stored.
    reason
        Why it was refused or failed.
    publication
        What was published or compared, if it came so far.
    """

    run_id: str
    state: Literal["published", "unchanged", "refused", "failed", "tried"]
    reason: str | None = None
    publication: Publication | None = None

    @property
    def is_good(self) -> bool:
        """Whether the catalogue is as it should be."""
        return self.state in ("published", "unchanged") or (
            self.state == "tried" and self.reason is None
        )


def finish_run(
    database: Database, run: Regeneration, progress: Progress, *, diff_rows: int = 0
) -> Outcome | None:
    """Publish the parts of a run, or record why that cannot be.

    Parameters
    ----------
    diff_rows
        How many granules of each sort the outcome lists.

    Returns
    -------
    Outcome or None
        None if the run had ended before.

    Raises
    ------
    UnderWayError
        If somebody else publishes the catalogue at this moment; to be tried again.
    """
    record = _record(database, run)
    if record is None:
        return None
    try:
        publication = _publish(
            database, run, record, StoredParts(database, run), progress, diff_rows=diff_rows
        )
    except (UnderWayError, DatabaseUnavailableError, OverloadedError):
        raise
    except RefusedError as error:
        outcome = Outcome(run.run_id, "refused", reason_of(error))
        record = counted(record, error.candidate)
    except InvalidRowsError as error:
        outcome = Outcome(run.run_id, "refused", reason_of(error))
    except UserError as error:
        outcome = Outcome(run.run_id, "failed", str(error))
    else:
        outcome = Outcome(run.run_id, publication.state, None, publication)
    if outcome.state in ("refused", "failed"):
        if _record(database, run) is None:
            # Cancelled meanwhile, which is why it could not be published.
            return None
        with database.publisher() as connection:
            finish(connection, record, outcome.state, outcome.reason)
            connection.commit()
    staged = files_of(database, run)
    if staged is not None:
        staged.remove()
    with database.publisher() as connection, connection.cursor() as cursor:
        removed = remove_unneeded(cursor, run.catalogue.name)
        connection.commit()
    log.info("run %s: %s, %d old parts removed", run.run_id, outcome.state, removed)
    return outcome


def _record(database: Database, run: Regeneration) -> RunRecord | None:
    """Return the record of a run that has not ended."""
    with database.publisher() as connection:
        record = get_run(connection, run.run_id)
    return record if record is not None and record.state in ("waiting", "running") else None


def try_parts(
    database: Database, run: Regeneration, record: RunRecord, parts: Parts, progress: Progress
) -> Outcome:
    """Compare parts with the catalogue and store nothing."""
    try:
        publication = _publish(database, run, record, parts, progress, dry_run=True)
    except InvalidRowsError as error:
        return Outcome(run.run_id, "tried", reason_of(error))
    return Outcome(run.run_id, "tried", "; ".join(publication.refusals) or None, publication)


def _publish(
    database: Database,
    run: Regeneration,
    record: RunRecord,
    parts: Parts,
    progress: Progress,
    *,
    dry_run: bool = False,
    diff_rows: int = 0,
) -> Publication:
    plan = run.plan
    summary = Summary.of(parts)
    provenance = {**summary.provenance, "source": run.source}
    return publish(
        database,
        run.catalogue,
        PartsSource(parts, f"{plan.pipeline}: {run.source}", summary.units),
        files=files_of(database, run),
        drop_invalid=plan.accept.dropped_rows > 0,
        provenance=provenance,
        run=summary.into(record),
        accept=acceptance_of(plan, _growth(database, run.catalogue.name, summary.span), progress),
        only_if_different=True,
        dry_run=dry_run,
        diff_rows=diff_rows,
        progress=lambda rows: progress("Publishing", rows, 0),
    )


def _growth(database: Database, catalogue: str, span: Span) -> float:
    """Return how many times longer a span is than that of the last good run; 1 or more."""
    with database.publisher() as connection, connection.cursor() as cursor:
        before = published_span(cursor, catalogue)
    if before is None:
        return 1.0
    return max(1.0, (span.stop - span.start) / (before.stop - before.start))


def reason_of(error: RefusedError | InvalidRowsError) -> str:
    """Return why rows were refused, with some of the violations."""
    if isinstance(error, RefusedError):
        return "; ".join(error.reasons)
    named = "; ".join(str(violation) for violation in error.violations[:_NAMED_VIOLATIONS])
    return f"{len(error.violations)} violations of the rules of EPNcore: {named}"
