"""Who the server runs as, and that nobody's permissions change for it."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from epntap.database import Database, cluster, read_generation
from epntap.database.account import Account, choose_account
from epntap.database.binaries import find_binaries
from epntap.database.cluster import locate, usable_binaries
from epntap.database.postmaster import read_postmaster
from epntap.errors import DatabaseUnavailableError
from epntap.settings import Settings

from .conftest import Child

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to see privileges dropped")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="needs an ordinary user")

OPEN = """
    import os, stat, sys
    from pathlib import Path
    from epntap.database import Database, read_generation
    from epntap.database.postmaster import read_postmaster
    from epntap.settings import Settings
    home = Path(sys.argv[1])
    with Database.open(Settings(home=home)) as database:
        with database.reader() as connection:
            print("generation", read_generation(connection))
        server = Path("/proc") / str(read_postmaster(home / "postgres").pid)
        print("uids", os.geteuid(), (home / "postgres").stat().st_uid, server.stat().st_uid)
        print("mode", oct(stat.S_IMODE(home.stat().st_mode)), flush=True)
        sys.stdin.readline()
"""


def modes(path: Path) -> dict[Path, tuple[int, int, int]]:
    """Mode and owner of a path and all above it."""
    found = {}
    for one in (path, *path.parents):
        status = one.stat()
        found[one] = (status.st_mode, status.st_uid, status.st_gid)
    return found


def owner_of_server(home: Path) -> int:
    found = locate(home)
    postmaster = read_postmaster(found.data)
    assert postmaster is not None
    return Path(f"/proc/{postmaster.pid}").stat().st_uid


def generation(settings: Settings) -> int:
    with Database.open(settings) as database, database.reader() as connection:
        return read_generation(connection)


@pytest.fixture
def reachable_folder(new_home: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for /var/lib/epntap."""
    folder = new_home() / "var"
    monkeypatch.setattr(cluster, "REACHABLE_FOLDER", folder)
    return folder


@pytest.fixture
def closed_home(new_home: Callable[[], Path]) -> Iterator[Path]:
    """A home below a directory that only we can enter."""
    above = new_home()
    above.chmod(0o700)
    home = above / "home"
    home.mkdir()
    yield home
    shutil.rmtree(home)


@as_root
def test_root_drops_to_an_ordinary_user_and_changes_no_directory_above(
    copy_home: Callable[[], Path],
) -> None:
    home = copy_home()
    before = modes(home)
    with Database.open(Settings(home=home)) as database, database.reader() as connection:
        assert read_generation(connection) == 1
        assert owner_of_server(home) == locate(home).account.uid != 0
    assert modes(home) == before


@as_root
def test_a_home_below_a_closed_directory_gets_its_cluster_elsewhere(
    closed_home: Path, reachable_folder: Path
) -> None:
    before = modes(closed_home)
    settings = Settings(home=closed_home)
    with Database.open(settings) as database:
        with database.publisher() as connection, connection, connection.cursor() as cursor:
            cursor.execute("SELECT epntap.bump_generation()")
        link = closed_home / "postgres"
        assert link.is_symlink()
        (place,) = (reachable_folder / "clusters").iterdir()
        assert link.resolve() == place / "data"
        status = place.stat()
        assert stat.S_IMODE(status.st_mode) == 0o700
        assert status.st_uid == owner_of_server(closed_home) != 0
    # Found again, not made again.
    assert generation(settings) == 2
    assert len(list((reachable_folder / "clusters").iterdir())) == 1
    assert modes(closed_home) == before


@as_root
def test_a_link_to_a_cluster_that_is_gone_is_not_taken_for_an_empty_home(
    closed_home: Path, reachable_folder: Path
) -> None:
    (closed_home / "postgres").symlink_to(reachable_folder / "clusters" / "gone" / "data")
    with pytest.raises(DatabaseUnavailableError, match="which is gone"):
        Database.open(Settings(home=closed_home))


@as_root
def test_programs_below_a_closed_directory_are_copied_once(
    new_home: Callable[[], Path], reachable_folder: Path
) -> None:
    above = new_home()
    folder = above / "pginstall" / "bin"
    folder.mkdir(parents=True)
    for part in ("lib", "share"):
        (above / "pginstall" / part).mkdir()
    for name in ("postgres", "initdb", "pg_ctl"):
        (folder / name).write_text('#!/bin/sh\necho "postgres (PostgreSQL) 17.2"\n')
        (folder / name).chmod(0o755)
    above.chmod(0o700)
    before = modes(folder)
    binaries = find_binaries(folder)
    account = choose_account(new_home() / "none")
    copied = usable_binaries(binaries, account)
    assert copied.folder.is_relative_to(reachable_folder / "binaries")
    assert usable_binaries(binaries, account) == copied
    assert len(list((reachable_folder / "binaries").iterdir())) == 1
    assert modes(folder) == before
    assert account.run(copied.program("initdb"), "--version").stdout.strip().endswith("17.2")


@as_root
def test_data_that_belong_to_root_are_refused(new_home: Callable[[], Path]) -> None:
    data = new_home() / "postgres"
    data.mkdir()
    with pytest.raises(DatabaseUnavailableError, match="belongs to root"):
        Database.open(Settings(home=data.parent))


@as_root
def test_the_account_writes_only_what_it_may(new_home: Callable[[], Path]) -> None:
    ours = new_home() / "ours"
    ours.write_text("kept")
    ours.chmod(0o600)
    account = choose_account(new_home() / "none")
    with pytest.raises(DatabaseUnavailableError, match=r"cannot write .*Permission denied"):
        account.write(ours, "overwritten")
    assert ours.read_text() == "kept"


@as_root
def test_an_ordinary_user_has_a_server_of_its_own_name(
    new_home: Callable[[], Path], child: Callable[..., Child]
) -> None:
    entry = pwd.getpwnam("daemon")
    account = Account(entry.pw_uid, entry.pw_gid)
    above = new_home()
    if _can_run_python(account):
        os.chown(above, entry.pw_uid, entry.pw_gid)
        one = child(OPEN, above / "home", user=entry.pw_uid, group=entry.pw_gid, extra_groups=())
    elif _can_map(account):
        # Python lies where only root may go: then as that user in a name space of its own.
        one = child(OPEN, above / "home", prefix=_map(account))
    else:
        pytest.skip("neither can an ordinary user run this Python, nor may we map users")
    assert one.expect() == "generation 1"
    assert one.expect() == f"uids {entry.pw_uid} {entry.pw_uid} {entry.pw_uid}"
    assert one.expect() == "mode 0o700"
    assert read_postmaster(above / "home" / "postgres") is not None
    one.tell("close")
    one.finish()
    assert read_postmaster(above / "home" / "postgres") is None


def _can_run_python(account: Account) -> bool:
    try:
        answer = account.run(sys.executable, "-c", f"import sys; open({__file__!r})")
    except PermissionError:
        return False
    return answer.returncode == 0


def _map(account: Account) -> list[str]:
    return ["unshare", "-U", f"--map-user={account.uid}", f"--map-group={account.gid}"]


def _can_map(account: Account) -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_map(account), "true"], capture_output=True).returncode == 0


@as_user
def test_an_ordinary_user_runs_the_server_itself(copy_home: Callable[[], Path]) -> None:
    home = copy_home()
    with Database.open(Settings(home=home)):
        assert owner_of_server(home) == os.geteuid()


@as_user
def test_a_home_that_cannot_be_written_is_named(new_home: Callable[[], Path]) -> None:
    home = new_home()
    home.chmod(0o500)
    try:
        with pytest.raises(DatabaseUnavailableError, match="no permission to write") as error:
            Database.open(Settings(home=home))
        assert str(home) in str(error.value)
    finally:
        home.chmod(0o700)


def test_a_directory_of_another_kind_in_the_way_is_not_used(tmp_path: Path) -> None:
    account = Account(os.geteuid(), os.getegid())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatabaseUnavailableError, match="move it away"):
        account.own(tmp_path / "run")


def test_programs_run_in_a_session_of_their_own_without_our_pg_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    account = Account(os.geteuid(), os.getegid())
    answer = account.run("/bin/sh", "-c", "echo ${PGPORT-none}; ps -o sid= -p $$ 2>/dev/null; pwd")
    assert isinstance(answer, subprocess.CompletedProcess)
    assert answer.stdout.splitlines()[0] == "none"
    assert answer.stdout.splitlines()[-1] == "/"
