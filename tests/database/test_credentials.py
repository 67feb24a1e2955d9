from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epntap.database.credentials import Passwords, derive_passwords, read_or_create_secret
from epntap.errors import DatabaseUnavailableError


@settings(max_examples=10, deadline=None)
@given(st.text(min_size=1).filter(str.isprintable), st.text(min_size=1), st.text(min_size=1))
def test_passwords_depend_on_the_owners_and_on_the_database_only(
    password: str, one: str, other: str
) -> None:
    first = derive_passwords(password, one)
    assert first == derive_passwords(password, one)
    assert len({first.publisher, first.reader, password}) == 3
    assert (first == derive_passwords(password, other)) == (one == other)


@pytest.mark.parametrize("password", [None, ""])
def test_where_the_owner_needs_no_password_nobody_has_one(password: str | None) -> None:
    assert derive_passwords(password, "epntap") == Passwords(None, None)


def test_a_secret_is_made_once_and_is_readable_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    made = read_or_create_secret(path, create=True)
    assert len(made) >= 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_or_create_secret(path, create=True) == made
    assert read_or_create_secret(path, create=False) == made


def test_two_secrets_differ(tmp_path: Path) -> None:
    made = {read_or_create_secret(tmp_path / name, create=True) for name in "ab"}
    assert len(made) == 2


def test_a_secret_that_should_exist_is_not_made_up(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError, match="is missing"):
        read_or_create_secret(tmp_path / "secret", create=False)
