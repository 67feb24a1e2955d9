from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg2.extensions import connection as Connection

from epntap import resources
from epntap.database import Database, MigrationError, installation, migrations, roles
from epntap.database.migrations import install_functions, migrate, read_migrations
from epntap.settings import Settings


@pytest.fixture
def opened(copy_home: Callable[[], Path]) -> Iterator[Database]:
    with Database.open(Settings(home=copy_home())) as database:
        yield database


@pytest.fixture
def owner(opened: Database) -> Iterator[Connection]:
    with opened.owner() as connection:
        yield connection


@pytest.fixture
def sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder sql/ that the service takes for its own."""
    folder = tmp_path / "sql"
    shutil.copytree(resources.sql_folder(), folder)
    for module in (installation, migrations, roles):
        monkeypatch.setattr(module, "sql_folder", lambda: folder)
    return folder


def names(connection: Connection) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM epntap.migration ORDER BY number")
        return [name for (name,) in cursor]


def test_all_migrations_have_been_applied_and_are_not_applied_again(owner: Connection) -> None:
    known = read_migrations()
    assert names(owner) == [migration.path.name for migration in known]
    owner.rollback()
    assert migrate(owner, known) == 0


def test_a_new_migration_is_applied_by_the_next_opening(
    copy_home: Callable[[], Path], sql: Path
) -> None:
    settings = Settings(home=copy_home())
    number = len(read_migrations()) + 1
    name = f"{number:04d}_more.sql"
    (sql / "migrations" / name).write_text("CREATE TABLE epntap.more (a int)")
    with Database.open(settings) as database, database.publisher() as connection:
        with connection.cursor() as cursor:
            # The rights of the publisher extend to it.
            cursor.execute("INSERT INTO epntap.more VALUES (1)")
        connection.commit()
        with database.owner() as owner:
            assert names(owner)[-1] == name


def test_a_migration_that_fails_leaves_nothing_and_is_named(owner: Connection, sql: Path) -> None:
    number = len(read_migrations()) + 1
    path = sql / "migrations" / f"{number:04d}_wrong.sql"
    path.write_text("CREATE TABLE epntap.half (a int); SELECT 1/0")
    with pytest.raises(MigrationError, match="division by zero") as error:
        migrate(owner, read_migrations())
    assert str(path) in str(error.value)
    with owner.cursor() as cursor:
        cursor.execute("SELECT to_regclass('epntap.half')")
        assert cursor.fetchone() == (None,)
    assert path.name not in names(owner)


def test_an_applied_migration_must_not_be_edited(copy_home: Callable[[], Path], sql: Path) -> None:
    first = sql / "migrations" / "0001_foundations.sql"
    first.write_text(first.read_text() + "\n-- afterthought")
    with pytest.raises(MigrationError, match=r"0001_foundations\.sql has changed"):
        Database.open(Settings(home=copy_home()))


def test_a_database_newer_than_the_software_is_refused(opened: Database, owner: Connection) -> None:
    with owner, owner.cursor() as cursor:
        cursor.execute(
            "INSERT INTO epntap.migration (number, name, digest)"
            " VALUES (9999, '9999_later.sql', '')"
        )
    with pytest.raises(MigrationError, match=r"newer than this software.*9999_later\.sql"):
        migrate(owner, read_migrations())


@pytest.mark.parametrize("name", ["0003_gap.sql", "two.sql", "0002_Upper.sql"])
def test_names_of_migrations_are_checked(tmp_path: Path, name: str) -> None:
    (tmp_path / "0001_first.sql").write_text("SELECT 1")
    (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match="should begin with"):
        read_migrations(tmp_path)


def test_the_digest_is_of_the_text() -> None:
    first = read_migrations()[0]
    assert replace(first, text=first.text + " ").digest != first.digest
    assert replace(first, path=Path("elsewhere")).digest == first.digest


def test_functions_are_installed_anew_when_a_file_changes_and_the_reader_may_call_them(
    copy_home: Callable[[], Path], sql: Path
) -> None:
    settings = Settings(home=copy_home())
    for answer in (1, 2):
        (sql / "functions" / "zz_answer.sql").write_text(
            "CREATE OR REPLACE FUNCTION udf.zz_answer() RETURNS int LANGUAGE sql IMMUTABLE"
            f" AS 'SELECT {answer}'"
        )
        with (
            Database.open(settings) as database,
            database.reader() as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT udf.zz_answer()")
            assert cursor.fetchone() == (answer,)


def test_a_wrong_function_is_named_and_none_is_installed(owner: Connection, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.sql", tmp_path / "bad.sql"
    good.write_text("CREATE FUNCTION udf.good() RETURNS int LANGUAGE sql AS 'SELECT udf.later()'")
    bad.write_text("CREATE FUNCTION udf.bad(")
    with pytest.raises(MigrationError, match=r"bad\.sql: syntax error"):
        install_functions(owner, (good, bad))
    with owner.cursor() as cursor:
        cursor.execute("SELECT to_regproc('udf.good')")
        assert cursor.fetchone() == (None,)
