"""Which addresses tables are fetched from.

A URL of a client must not make the service talk to what only the service can reach: itself, its
network, the metadata of its cloud. What counts is the address that is connected to, not the name.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from epntap.tap.uploads.policy import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Prefixes under which IPv6 carries an IPv4 address that a translator connects to (RFC 6052,
#: section 2.1; RFC 8215), in its last 32 bits.
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))

#: IPv4 in the last 32 bits, obsolete (RFC 4291, section 2.5.5.1).
_COMPATIBLE = ipaddress.ip_network("::/96")


class ForbiddenAddressError(Exception):
    """The name leads to an address that must not be connected to."""


def resolve(host: str, port: int, networks: Sequence[Network]) -> list[str]:
    """Return the addresses of a host, if every one of them may be connected to.

    A host with one forbidden address is refused as a whole: it would be another one next time.

    Raises
    ------
    ForbiddenAddressError
        If one may not be connected to.
    OSError
        If the host has none.
    UnicodeError
        If the host is none that can be looked up.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not is_allowed(address, networks):
            raise ForbiddenAddressError(address)
    return addresses


def is_allowed(text: str, networks: Sequence[Network]) -> bool:
    """Return whether an address is public, or within one of the networks."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if "%" not in text and any(address in network for network in networks):
        return True
    return "%" not in text and all(_is_public(one) for one in (address, *_carried(address)))


def _is_public(address: Address) -> bool:
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
        or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
    )


def _carried(address: Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in (*_TRANSLATED, _COMPATIBLE)):
        carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in carried if one is not None]
