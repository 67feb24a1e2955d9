"""Who publishes, from the settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epntap.errors import UserError
from epntap.registry import site_of
from epntap.registry.xml import timestamp
from epntap.settings import Settings


def settings(*, url: str = "https://vo.example.org", **changes: str) -> Settings:
    """Settings of which only these matter here."""
    return Settings(site_name="A service", base_url=url, **changes)


def test_without_an_authority_the_identifiers_say_that_they_are_not_registered() -> None:
    site = site_of(settings())
    assert site.identifier("tap") == "ivo://x-unregistered/tap"
    assert not site.is_registered


def test_the_authority_of_the_settings_is_used() -> None:
    site = site_of(settings(authority="vespa.example.org", contact_email="vo@example.org"))
    assert site.identifier() == "ivo://vespa.example.org"
    assert site.identifier("a/epn_core") == "ivo://vespa.example.org/a/epn_core"
    assert site.is_registered
    assert site.email == "vo@example.org"


@pytest.mark.parametrize("authority", ["a", "ab", "ivo://abc", "abc/def", "-abc", "a b c", "äöü"])
def test_an_authority_that_is_none_is_refused(authority: str) -> None:
    with pytest.raises(UserError, match="authority"):
        site_of(settings(authority=authority))


@pytest.mark.parametrize("address", ["me", "me@here", "a b@c.de", "@example.org"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(UserError, match="contact_email"):
        site_of(settings(contact_email=address))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://vo.example.org/x", "postmaster@vo.example.org"),
        ("http://127.0.0.1:8000", "postmaster@127.0.0.1"),
        ("http://localhost:8000", "postmaster@localhost.localdomain"),
        ("http://[::1]:8000", "postmaster@localhost.localdomain"),
    ],
)
def test_without_an_address_the_postmaster_of_the_host_is_named(url: str, address: str) -> None:
    assert site_of(settings(url=url)).email == address


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.integers(-12, 12))
def test_timestamps_are_utc_whatever_the_zone(moment: datetime, hours: int) -> None:
    local = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    written = datetime.strptime(timestamp(local), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(0) <= local - written < timedelta(seconds=1)
