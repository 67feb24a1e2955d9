"""How work is put in line, and how one hears of it.

`put` writes work into the caller's transaction; processes of `epntap.worker` take it. The tables
behind it are those of procrastinate, and nothing outside this package knows them.
"""

from epntap.queue.listening import PhaseListener
from epntap.queue.work import URGENT, Work, put

__all__ = ["URGENT", "PhaseListener", "Work", "put"]
