"""Whom limits per client are counted for: an address, or the network of one subscriber."""

from __future__ import annotations

import ipaddress

from starlette.requests import HTTPConnection

#: A subscriber is given at least this much of IPv6 (RFC 6177) and chooses addresses in it freely.
_IPV6_PREFIX = 64

#: What is neither address nor name of a host is no longer than this: somebody made it up.
_LONGEST_NAME = 64


def client_key(host: str | None) -> str:
    """Return what a client is counted as.

    Parameters
    ----------
    host
        Address of the client, as the server sees it or a trusted proxy tells it.

    Returns
    -------
    str
        An IPv4 address, an IPv6 network, or, where there is no address, at most 64 characters.
    """
    if not host:
        return "unknown"
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host[:_LONGEST_NAME]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed, _IPV6_PREFIX), strict=False))


def client_of(request: HTTPConnection) -> str:
    """Return what the client of a request is counted as.

    The server has put the address that a trusted proxy told in place of the proxy's own.
    """
    return client_key(request.client.host if request.client is not None else None)
