"""Making catalogues again: by hand, on a schedule, and how all that stands."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from epntap.catalogue import Catalogue, read_catalogue
from epntap.commands.messages import say
from epntap.commands.reports import OUT, steps
from epntap.database import Database
from epntap.errors import UserError
from epntap.plugins import Progress
from epntap.provenance import get_run
from epntap.publish import Publication
from epntap.publish.checking import check_examples
from epntap.regenerate.beginning import begin, cancel
from epntap.regenerate.clock import SystemClock
from epntap.regenerate.finishing import Outcome
from epntap.regenerate.foreground import Order, regenerate, rehearse
from epntap.regenerate.plan import as_utc
from epntap.regenerate.schedule import list_scheduled, pause
from epntap.regenerate.status import CatalogueStatus, Status, read_status
from epntap.regenerate.storage import Regeneration, Wanted, stored_description
from epntap.settings import read_settings

#: Granules of each sort that are named.
_NAMED = 10

_STYLES = {"refused": "yellow", "failed": "red", "published": "green", "unchanged": "green"}

#: How often it is looked how far workers are, in seconds.
_LOOK_SECONDS = 0.5


def regenerate_catalogue(
    name_or_path: str,
    *,
    source: str | None,
    start: str | None,
    stop: str | None,
    dry_run: bool,
    queue: bool,
    wait: bool,
) -> bool:
    """Make a catalogue again; return whether it is as it should be then."""
    wanted = Wanted(_time("--from", start), _time("--to", stop))
    with Database.open(read_settings()) as database:
        description = _description(database, name_or_path)
        order = Order(description, SystemClock().now(), source=source, wanted=wanted)
        if queue:
            return _in_line(database, order, wait=wait)
        with steps() as progress:
            outcome = (rehearse if dry_run else regenerate)(database, order, progress)
    _report(outcome)
    return outcome.is_good


def cancel_run(name: str) -> None:
    """End what is under way for a catalogue."""
    with Database.open(read_settings()) as database:
        run_id = cancel(database, name)
    say(f"Run {run_id} is cancelled; {name}.epn_core stays as it is")


def _description(database: Database, name_or_path: str) -> dict[str, Any]:
    """Return the description that is meant: of a file, as published, or one that comes along."""
    if Path(name_or_path).suffix not in (".yaml", ".yml"):
        published = stored_description(database, name_or_path)
        if published is not None and "regenerate" in published:
            return published
    catalogue = read_catalogue(name_or_path)
    check_examples(catalogue)
    return _plain(catalogue)


def _plain(catalogue: Catalogue) -> dict[str, Any]:
    return catalogue.description.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _time(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment: datetime = as_utc(datetime.fromisoformat(text))
    except ValueError:
        raise UserError(
            f"{option} {text!r} is not a time", hint="write 2024-06-01 or 2024-06-01T12:00, in UTC"
        ) from None
    return moment


def _in_line(database: Database, order: Order, *, wait: bool) -> bool:
    """Leave a run to the workers, and wait for its end if that is wanted."""
    with database.publisher() as connection:
        run = begin(
            connection,
            order.description,
            moment=order.moment,
            source=order.source,
            wanted=order.wanted,
        )
        connection.commit()
    say(f"Run {run.run_id} stands in line")
    if not wait:
        return True
    with steps() as progress:
        outcome = _await(database, run, progress)
    _report(outcome)
    return outcome.is_good


def _await(database: Database, run: Regeneration, progress: Progress) -> Outcome:
    while True:
        status = read_status(database)
        found = next((each for each in status.runs if each.run_id == run.run_id), None)
        if found is None:
            break
        if not status.workers:
            progress("Waiting for a worker: epntap worker", 0, 0)
        progress("Chunks", found.done, found.total)
        time.sleep(_LOOK_SECONDS)
    with database.publisher() as connection:
        record = get_run(connection, run.run_id)
    if record is None or record.state == "waiting" or record.state == "running":
        raise UserError(f"run {run.run_id} has vanished")
    publication = Publication(
        catalogue=record.catalogue,
        version=record.version or 0,
        rows=record.row_count or 0,
        dropped=(),
        new=record.new_rows or 0,
        changed=record.changed_rows or 0,
        unchanged=record.unchanged_rows or 0,
        gone=record.gone_rows or 0,
        run_id=record.run_id,
    )
    return Outcome(record.run_id, record.state, record.reason, publication)


def _report(outcome: Outcome) -> None:
    """Say how a run ended, and which granules differ."""
    found = outcome.publication
    if found is not None and found.diff is not None:
        for word, sign, count, names in (
            ("new", "+", found.new, found.diff.new),
            ("changed", "~", found.changed, found.diff.changed),
            ("gone", "-", found.gone, found.diff.gone),
        ):
            for name in names[:_NAMED]:
                OUT.print(f"{sign} {escape(name)}")
            if count > len(names[:_NAMED]):
                OUT.print(f"{sign} and {count - len(names[:_NAMED]):,} more that are {word}")
    for violation in found.dropped[:_NAMED] if found is not None else ():
        say(f"left out: {violation}")
    say(f"Run {outcome.run_id}: {_ending(outcome)}")


def _ending(outcome: Outcome) -> str:
    found = outcome.publication
    if outcome.state in ("refused", "failed"):
        return f"{outcome.state}: {outcome.reason}"
    if found is None:
        return f"would be refused: {outcome.reason}"
    changes = (
        f"{found.rows:,} rows ({found.new:,} new, {found.changed:,} changed, "
        f"{found.unchanged:,} unchanged, {found.gone:,} gone)"
    )
    if outcome.state == "unchanged":
        return f"{found.catalogue}.epn_core is as it was: {found.rows:,} rows"
    if outcome.state == "published":
        return f"published {found.catalogue}.epn_core, version {found.version}: {changes}"
    if outcome.reason is not None:
        return f"would be refused: {outcome.reason}; {changes}"
    return f"nothing is stored; it would be version {found.version}: {changes}"


def show_schedule() -> None:
    """Print what is scheduled."""
    with Database.open(read_settings()) as database:
        scheduled = list_scheduled(database)
    if not scheduled:
        say("Nothing is scheduled: no published description has 'schedule' under 'regenerate'")
        return
    table = Table("catalogue", "schedule (UTC)", "next", "last", "outcome", "note")
    for each in scheduled:
        state = each.last_state or "never"
        table.add_row(
            escape(each.catalogue),
            each.schedule,
            "paused" if each.paused else _moment(each.due),
            _moment(each.last_started),
            _styled(state) + (f": {escape(each.last_reason)}" if each.last_reason else ""),
            escape(each.note or ""),
        )
    OUT.print(table)


def pause_schedule(name: str, *, paused: bool) -> None:
    """Leave a catalogue alone, or take its schedule up again."""
    with Database.open(read_settings()) as database:
        pause(database, name, paused=paused)
    say(f"{name} is left alone" if paused else f"{name} is made again as its schedule says")


def show_status(*, as_json: bool) -> bool:
    """Print how everything stands; return whether no regeneration failed or was refused."""
    with Database.open(read_settings()) as database:
        status = read_status(database)
    if as_json:
        print(json.dumps({**asdict(status), "good": status.is_good}, indent=2, default=_as_text))
        return status.is_good
    _print_catalogues(status)
    _print_work(status)
    return status.is_good


def _as_text(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _print_catalogues(status: Status) -> None:
    if not status.catalogues:
        say("Nothing is published yet")
        return
    table = Table("catalogue", "version", "rows", "age", "last regeneration", "next")
    for each in status.catalogues:
        table.add_row(
            escape(each.name),
            str(each.version or "none"),
            f"{each.rows:,}" if each.rows is not None else "",
            _age(each.published, status.moment),
            _last(each, status.moment),
            "paused" if each.paused else _moment(each.due),
        )
    OUT.print(table)
    for each in status.catalogues:
        if not each.is_good:
            OUT.print(f"[red]{escape(each.name)}[/]: {escape(each.reason or 'no reason is known')}")
        if each.note:
            OUT.print(f"{escape(each.name)}: {escape(each.note)}")


def _last(catalogue: CatalogueStatus, moment: datetime) -> str:
    if catalogue.state is None:
        return ""
    age = _age(catalogue.ended, moment)
    return f"{_styled(catalogue.state)} {age} ago, {escape(catalogue.run_id or '')}"


def _print_work(status: Status) -> None:
    for run in status.runs:
        done = f"{run.done} of {run.total} chunks done, {run.running} under way"
        trouble = f"; last trouble: {run.trouble}" if run.trouble else ""
        where = " in the foreground" if run.foreground else ""
        OUT.print(escape(f"{run.run_id} is {run.state}{where}: {done}{trouble}"))
    for line in status.lines:
        OUT.print(
            escape(
                f"queue {line.queue}, {line.task}: {line.waiting} waiting, {line.running} under way"
            )
        )
    if not status.workers:
        OUT.print("no worker has been seen")
    for worker in status.workers:
        OUT.print(
            escape(
                f"worker {worker.name}: {', '.join(worker.queues)}, {worker.running} of "
                f"{worker.concurrency} at work, seen {_age(worker.seen, status.moment)} ago"
            )
        )


def _styled(state: str) -> str:
    style = _STYLES.get(state)
    return f"[{style}]{state}[/]" if style else state


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment is not None else ""


def _age(moment: datetime | None, now: datetime) -> str:
    """Say how long ago a moment was, in its largest unit."""
    if moment is None:
        return ""
    seconds = max(0.0, (now - moment).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
