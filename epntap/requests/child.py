"""The process of one run: ``python -m epntap.requests.child ORDER``, in an empty folder.

It limits itself before it looks at anything of a client, and ends with whoever started it.
"""

from __future__ import annotations

import logging
import os
import resource
import shutil
import signal
import sys
import threading
import warnings
from pathlib import Path

from epntap.errors import UserError
from epntap.provenance.privacy import shown
from epntap.requests.order import Answer, Limits, Order

log = logging.getLogger(__name__)

#: The kernel takes this process first when memory is short (proc(5), oom_score_adj).
_FIRST_TO_GO = "1000"

#: Characters of a message that comes from a library.
_LONGEST_MESSAGE = 500


def main(order_file: Path) -> None:
    """Carry out an order; the answer says how it went."""
    order = Order.read(order_file)
    end_with_parent(order_file.parent)
    limit(order.limits)
    # What libraries say stays in the notes.
    warnings.simplefilter("ignore")
    answer_for(order).write(Path())


def answer_for(order: Order) -> Answer:
    """Run the pipeline, and return the outputs or why there are none."""
    from epntap.requests.outputs import make_outputs

    try:
        return Answer(make_outputs(order))
    except UserError as error:
        return Answer(error=shown(str(error)))
    except MemoryError:
        return _no_memory(order.limits)
    except Exception as error:
        if "allocate memory" in str(error):
            # So torch and numpy say it.
            return _no_memory(order.limits)
        # A pipeline is anybody's code: what it did not foresee is told as it is, without paths.
        log.exception("%s failed", order.pipeline)
        words = " ".join(shown(str(error)).split())[:_LONGEST_MESSAGE]
        return Answer(error=f"the pipeline failed on this: {type(error).__name__}: {words}")


def _no_memory(limits: Limits) -> Answer:
    return Answer(
        error=f"the run needs more memory than the {limits.memory_bytes // 1024**2} MiB that it may"
        " have (ask for a shorter span, or send a smaller file)"
    )


def limit(limits: Limits) -> None:
    """Bound what this process, and all that it starts, can use up."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
    # The second number is for a process that does not heed the first.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))
    if sys.platform == "linux":
        # Elsewhere address space cannot be limited.
        if limits.memory_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")


def end_with_parent(folder: Path) -> None:
    """End this process, and remove its folder, when the worker ends without a word.

    The worker holds the other end of our input. The pipeline gets an input that is empty.
    """
    parent = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        os.read(parent, 1)
        # The main thread may be writing there; what is left then is swept by the next worker.
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
