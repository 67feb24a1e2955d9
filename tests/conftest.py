"""What many tests share: one database on a temporary home, started once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from epntap.database import Database
from epntap.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("EPNTAP_")]:
            if not name.startswith("EPNTAP_TEST_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def new_home() -> Iterator[Callable[[], Path]]:
    """A function that makes an empty home; all are removed in the end.

    Not below pytest's own temporary directory: that is closed to other users, and as root
    PostgreSQL runs as another user.
    """
    made: list[Path] = []

    def make() -> Path:
        home = Path(tempfile.mkdtemp(prefix="epntap-test-"))
        home.chmod(0o755)
        made.append(home)
        return home

    yield make
    for home in made:
        # A test may have moved one.
        shutil.rmtree(home, ignore_errors=not home.exists())


@pytest.fixture(scope="session")
def database_home(new_home: Callable[[], Path]) -> Path:
    """The home of the session's database."""
    return new_home()


@pytest.fixture(scope="session")
def settings(database_home: Path) -> Settings:
    """Settings of the session's database; EPNTAP_TEST_POSTGRES_BIN chooses the programs."""
    programs = os.environ.get("EPNTAP_TEST_POSTGRES_BIN")
    return Settings(home=database_home, postgres_bin=Path(programs) if programs else None)


@pytest.fixture(scope="session")
def database(settings: Settings) -> Iterator[Database]:
    """The session's database, open; tests that publish use schemas of their own."""
    with Database.open(settings) as opened:
        yield opened
