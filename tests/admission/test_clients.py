"""Whom a limit is counted for."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epntap.admission import client_key


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_is_counted_as(host, key):
    assert client_key(host) == key


@given(st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_two_addresses_of_one_64_are_one_client_and_others_are_not(first, second):
    if first.ipv4_mapped or second.ipv4_mapped:
        return
    same = int(first) >> 64 == int(second) >> 64
    assert (client_key(str(first)) == client_key(str(second))) == same
    neighbour = ipaddress.IPv6Address((int(first) >> 64 << 64) | (int(second) & (2**64 - 1)))
    if neighbour.ipv4_mapped is None:
        assert client_key(str(neighbour)) == client_key(str(first))


@given(st.text(max_size=5000))
def test_what_a_proxy_passes_on_is_never_trusted_to_be_short(text):
    assert len(client_key(text)) <= 64
