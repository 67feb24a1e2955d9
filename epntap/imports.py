"""What a server imports late, and importing while something else is waited for.

The first answers go before everything that they do not need: a heavy package is imported by the
function that uses it, where that is first called.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from importlib import import_module
from types import ModuleType

#: For so long the first answers go before what is done beside them.
FIRST_ANSWERS_SECONDS = 0.3

#: Packages that a server has not imported when it gives its first answers: pages, documents of
#: the registry and of capabilities, uploads, descriptions of catalogues and pipelines need them.
LATE = frozenset(
    {
        "croniter",
        "fsspec",
        "jinja2",
        "pipelines",
        "pydantic_xml",
        "requests",
        "rich",
        "vo_models",
        "yaml",
    }
)

#: Packages that a server, its worker included, does not import at all unless it is asked for
#: something that needs them: they would double the memory of a server that idles.
LARGE = frozenset(
    {
        "astropy",
        "matplotlib",
        "pandas",
        "procrastinate",
        "psycopg",
        "pyarrow",
        "pyvo",
        "scipy",
        "torch",
    }
)


def import_meanwhile(module: str, *, delay_seconds: float = 0.0) -> None:
    """Begin to import a module in a thread, and return at once.

    Whoever imports it in the ordinary way afterwards waits until it is there, and is told what is
    wrong with it.

    Parameters
    ----------
    module
        Its full name.
    delay_seconds
        How long the thread waits before.
    """
    thread = threading.Timer(delay_seconds, import_module, args=(module,))
    thread.name = "imports"
    thread.daemon = True
    thread.start()


async def imported_late(module: str) -> ModuleType:
    """Return a module; where it must be imported first, others are answered meanwhile.

    Raises
    ------
    ImportError
        If it cannot be imported.
    """
    found = sys.modules.get(module)
    # One that is only half imported is in the list as well: the import waits for the rest.
    if found is None or getattr(found.__spec__, "_initializing", False):
        return await asyncio.to_thread(import_module, module)
    return found
