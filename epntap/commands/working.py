"""Working at what stands in line."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from epntap.commands.messages import say
from epntap.database import Database
from epntap.errors import UserError
from epntap.ports import stopped_by_signals
from epntap.requests.folders import folders_of, sweep_folders
from epntap.settings import Settings, read_settings
from epntap.worker import Worker, all_tasks
from epntap.worker.background import BackgroundWorker

#: The line of all work that names none.
DEFAULT_QUEUES = ("default",)


def run_worker(*, queues: Sequence[str], concurrency: int | None) -> None:
    """Do what stands in line until a signal comes."""
    settings = read_settings(worker_concurrency=concurrency)
    follow_log_setting()
    served = tuple(dict.fromkeys(queues)) or DEFAULT_QUEUES
    with stopped_by_signals(), Database.open(settings) as database:
        worker = background_worker(database, settings, served)
        try:
            with worker:
                say(f"Working at {', '.join(served)}, Ctrl-C stops")
                worker.wait()
        except KeyboardInterrupt:
            say("")
    say("Stopped")


def background_worker(
    database: Database,
    settings: Settings,
    queues: Sequence[str] = DEFAULT_QUEUES,
    *,
    reserved: int = 0,
    delay_seconds: float = 0.0,
) -> BackgroundWorker:
    """Return a worker for everything that this service does, to be entered."""

    def make() -> Worker:
        # What a worker of this machine left that was killed.
        sweep_folders(folders_of(settings))
        return Worker(
            database,
            settings,
            all_tasks(),
            queues=queues,
            concurrency=settings.worker_concurrency,
            reserved=reserved,
        )

    return BackgroundWorker(make, delay_seconds=delay_seconds)


def follow_log_setting() -> None:
    """Show as much of what the service says as EPNTAP_LOG asks for.

    Raises
    ------
    UserError
        If that is no level.
    """
    name = os.environ.get("EPNTAP_LOG", "warning")
    level = logging.getLevelNamesMapping().get(name.upper())
    if level is None:
        raise UserError(
            f"EPNTAP_LOG is {name!r}", hint="set it to debug, info, warning, error or critical"
        )
    logging.getLogger("epntap").setLevel(level)
