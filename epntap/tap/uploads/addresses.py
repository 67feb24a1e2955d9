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

#: Prefix under which IPv6 carries an IPv4 address, in its last 32 bits, that a translator connects
#: to (RFC 6052, section 2.1): what hosts without IPv6 have in networks without IPv4.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")

#: The same for translators of a network's own (RFC 8215), which may lead anywhere.
_TRANSLATED_LOCALLY = ipaddress.ip_network("64:ff9b:1::/48")


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
    if "%" in text:
        # A zone: the address has a meaning on one link only.
        return False
    address = ipaddress.ip_address(text)
    if any(address in network for network in networks):
        return True
    return all(_is_public(one) for one in _targets(address))


def _is_public(address: Address) -> bool:
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
        or address in _TRANSLATED_LOCALLY
        or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
    )


def _targets(address: Address) -> list[Address]:
    """Return the addresses that a connection to an address may lead to."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address in _TRANSLATED:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    return [address, *(one for one in carried if one is not None)]
