"""The paths under which DaCHS has what we have elsewhere, for links and scripts made for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

#: Where DaCHS serves TAP; the longer path comes first, as the shorter one holds it.
_TAP_PATHS = ("/__system__/tap/run/tap", "/__system__/tap/run")

#: Pages of DaCHS, and where we have their like.
_PAGES = {
    "/__system__/adql/query/form": "/#query",
    "/__system__/dc_tables/list/form": "/#catalogues",
    "/__system__/services/registry/info": "/help",
    **dict.fromkeys(_TAP_PATHS, "/tap"),
}


def dachs_routes(tap: Sequence[BaseRoute]) -> list[BaseRoute]:
    """Return routes for the root of the service.

    Parameters
    ----------
    tap
        The resources of ``/tap``. They answer under the other paths themselves, without a
        redirect, which would lose what is posted.
    """
    root = Route("/", _redirection("/tap"))
    return [
        *(Route(path, _redirection(target)) for path, target in _PAGES.items()),
        *(Mount(path, routes=[root, *tap]) for path in _TAP_PATHS),
    ]


def _redirection(target: str) -> Callable[[Request], Awaitable[Response]]:
    async def redirect(_request: Request) -> Response:
        return RedirectResponse(target)

    return redirect
