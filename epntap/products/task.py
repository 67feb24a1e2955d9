"""What workers do for files of catalogues."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from epntap.products.store import catalogues_with_files
from epntap.products.tidying import tidy
from epntap.queue import Work
from epntap.worker.task import WorkContext

log = logging.getLogger(__name__)

#: How often it is looked for what a crash has left: all files are listed for it.
_PERIOD = timedelta(hours=6)


class TidyTask:
    """The task ``products.tidy``: it stands in line for some hours, then it runs."""

    name = "products.tidy"
    attempts = 1

    def run(self, context: WorkContext, *_: Any, **__: Any) -> None:
        """Remove what crashes have left."""
        for catalogue in catalogues_with_files(context.settings):
            tidy(context.database, catalogue)

    def given_up(self, context: WorkContext, reason: str, *_: Any, **__: Any) -> None:
        """Leave it to the next time."""
        log.error("files that no version has are not removed: %s", reason)

    def orphans(self, connection: Any) -> Iterable[Work]:
        """Return the next one."""
        at = datetime.now(UTC) + _PERIOD
        yield Work(self.name, queueing_lock=self.name, lock=self.name, priority=-10, at=at)
