"""Whose jobs a list may show."""

from __future__ import annotations

from starlette.requests import Request

from epntap.admission import client_of

#: Headers by which a proxy says that, and for whom, it passes a request on.
_FORWARDING = ("x-forwarded-for", "forwarded", "via", "x-real-ip")


def own_address(request: Request) -> str | None:
    """Return what the jobs of a client are found by, ``None`` if it may be shared by everybody.

    Behind a proxy that is not trusted to say who asks, all requests come from the proxy, and a
    list of "the jobs from this address" would show everybody's.
    """
    if request.client is None:
        return None
    address = request.client.host
    if not any(name in request.headers for name in _FORWARDING):
        return client_of(request)
    # A trusted proxy's word has been taken already: then the address is one of those it names.
    forwarded = request.headers.get("x-forwarded-for", "")
    named = {part.strip().strip("[]") for part in forwarded.split(",")}
    return client_of(request) if address in named else None
