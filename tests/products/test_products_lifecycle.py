"""Files come with a version, stay as long as it, and go with it; whatever ends the publisher."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from psycopg2 import sql
from tests_support import serving

from epntap.database import Database
from epntap.errors import PublishError
from epntap.products import loading, tidying
from epntap.products.address import announce
from epntap.products.records import find
from epntap.products.store import open_products
from epntap.products.task import TidyTask
from epntap.publish import Acceptance, RefusedError, UnderWayError, drop, publication, rollback
from epntap.results import ResultsError
from epntap.worker import all_tasks


def links(rows) -> dict[str, str]:
    return {row["granule_uid"]: row["access_url"] for row in rows if row["access_url"]}


def statuses(site, urls) -> list[int]:
    return [site.get(urlsplit(url).path).status_code for url in urls]


def test_files_of_the_version_before_stay_until_one_cannot_go_back_to_it(
    pits, database, site, rows_of, contents
):
    pits.publish(database)
    first = links(rows_of(pits.catalogue))
    pits.rows.clear()
    pits.add("a", note=" again")
    pits.add("b", mask=False)
    done = pits.publish(database)
    second = links(rows_of(pits.catalogue))
    # What is the same has the same link: the row has not changed.
    assert first["b_profile"] == second["b_profile"]
    assert first["a_profile"] != second["a_profile"]
    assert (done.new, done.changed, done.unchanged, done.gone) == (0, 3, 2, 0)
    assert statuses(site, [*first.values(), *second.values()]) == [200] * 6
    rollback(database, pits.catalogue.name)
    assert links(rows_of(pits.catalogue)) == first
    assert statuses(site, [*first.values(), *second.values()]) == [200] * 6
    rollback(database, pits.catalogue.name)
    pits.rows.clear()
    pits.add("a", note=" a third time")
    pits.publish(database)
    third = links(rows_of(pits.catalogue))
    assert statuses(site, third.values()) == [200, 200]
    assert statuses(site, [second["a_profile"], second["b_profile"]]) == [200, 200]
    assert statuses(site, [first["a_profile"], first["a_mask"]]) == [404, 404]
    # Three files of a third time, five of the second version.
    assert len(contents(pits.catalogue.name)) == 8


def test_a_catalogue_that_is_dropped_has_no_files_any_more(pits, database, site, rows_of, contents):
    pits.publish(database)
    urls = links(rows_of(pits.catalogue)).values()
    assert statuses(site, urls) == [200] * 3
    drop(database, pits.catalogue.name)
    assert statuses(site, urls) == [404] * 3
    assert contents(pits.catalogue.name) == set()


def test_a_file_is_not_served_before_its_version_is_visible(
    pits, database, rows_of, contents, monkeypatch
):
    """The files are all there when the rows are made current, and nobody may fetch them yet."""
    seen: list[object] = []
    note = loading.note_base

    def look(*given):
        """The last step before the commit."""
        note(*given)
        seen.extend(offered())

    def offered():
        with database.publisher() as other, other.cursor() as reader:
            for content in contents(pits.catalogue.name):
                for name in ("a.csv", "b.csv", "a.png", "b.png"):
                    yield find(reader, pits.catalogue.name, content, name)

    monkeypatch.setattr(loading, "note_base", look)
    pits.publish(database)
    assert seen == [None] * 20
    assert sum(each is not None for each in offered()) == 5


def test_publishing_the_same_again_changes_nothing(pits, database, rows_of, contents):
    pits.publish(database)
    before, kept = rows_of(pits.catalogue), contents(pits.catalogue.name)
    again = pits.publish(database)
    assert (again.version, again.unchanged) == (2, 5)
    assert rows_of(pits.catalogue) == before
    assert contents(pits.catalogue.name) == kept
    same = pits.publish(database, only_if_different=True)
    assert same.state == "unchanged"
    assert contents(pits.catalogue.name) == kept


def test_a_changed_file_is_a_changed_row(pits, database):
    pits.publish(database)
    (pits.folder / "a.csv").write_text("length,depth\n0,7\n")
    done = pits.publish(database, only_if_different=True)
    assert (done.state, done.changed, done.unchanged) == ("published", 1, 4)


def test_what_fails_or_is_refused_leaves_no_file(pits, database, contents, site, rows_of):
    pits.publish(database)
    kept, urls = contents(pits.catalogue.name), links(rows_of(pits.catalogue)).values()
    for i in range(8):
        pits.add(f"c{i}")
    with pytest.raises(RefusedError):
        pits.publish(database, accept=Acceptance(rows_factor=2))
    assert contents(pits.catalogue.name) == kept
    (pits.folder / "c7.csv").unlink()
    with pytest.raises(PublishError, match="there is no such file"):
        pits.publish(database)
    assert contents(pits.catalogue.name) == kept
    assert statuses(site, urls) == [200] * 3


PUBLISHER = """\
import os, signal, sys
from pathlib import Path
import epntap.publish.publication as publication
from epntap.catalogue import read_catalogue
from epntap.database import Database
from epntap.publish import open_native, publish
from epntap.settings import read_settings
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
publication.make_current = die
with Database.open(read_settings()) as database:
    folder = Path(sys.argv[2])
    publish(database, read_catalogue(sys.argv[1]), open_native(folder / "pits.csv"), files=folder)
"""


def killed_publisher(pits, database: Database) -> None:
    """Kill a process that publishes between its files and its commit."""
    pits.source.frame.to_csv(pits.folder / "pits.csv", index=False)
    environment = {**os.environ, "EPNTAP_HOME": str(database.settings.home)}
    if database.settings.postgres_bin:
        environment["EPNTAP_POSTGRES_BIN"] = str(database.settings.postgres_bin)
    yaml = pits.folder.parent / f"{pits.catalogue.name}.yaml"
    ended = subprocess.run(
        [sys.executable, "-c", PUBLISHER, str(yaml), str(pits.folder)],
        env=environment,
        capture_output=True,
        timeout=120,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def test_what_a_killed_publisher_leaves_is_removed_by_the_next_one(
    pits, database, site, rows_of, contents
):
    pits.publish(database)
    kept, urls = contents(pits.catalogue.name), links(rows_of(pits.catalogue)).values()
    pits.add("c")
    killed_publisher(pits, database)
    left = contents(pits.catalogue.name) - kept
    assert len(left) == 3
    assert statuses(site, urls) == [200] * 3
    prefix = urlsplit(next(iter(urls))).path.rsplit("/", 2)[0]
    # They are on the disk, and of no version: nobody gets them.
    assert {site.get(f"{prefix}/{content}/c.csv").status_code for content in left} == {404}
    pits.rows.pop()
    pits.publish(database)
    assert contents(pits.catalogue.name) == kept


def test_what_a_killed_publisher_leaves_is_removed_by_workers(
    pits, database, contents, monkeypatch
):
    killed_publisher(pits, database)
    assert len(contents(pits.catalogue.name)) == 5
    assert "products.tidy" in {task.name for task in all_tasks()}

    class Context:
        pass

    context = Context()
    context.database, context.settings = database, database.settings
    TidyTask().run(context)
    assert contents(pits.catalogue.name) == set()


def test_nothing_is_tidied_up_while_somebody_publishes(pits, database, contents, monkeypatch):
    """Files are there before their version; whoever looks at that moment must leave them."""
    removed: list[int] = []
    show = publication.make_current

    def look(cursor, database, catalogue, *rest):
        removed.append(tidying.tidy(database, catalogue.name))
        show(cursor, database, catalogue, *rest)

    monkeypatch.setattr(publication, "make_current", look)
    pits.publish(database)
    assert removed == [0]
    assert len(contents(pits.catalogue.name)) == 5
    store = open_products(database.settings, pits.catalogue.name)
    with store.create("ab" * 16) as orphan:
        orphan.write(b"x")
    assert tidying.tidy(database, pits.catalogue.name) == 1
    assert len(contents(pits.catalogue.name)) == 5


def test_files_of_a_version_that_is_still_read_stay(pits, database, site, rows_of):
    """A query that began long ago streams its links; they are good until it has ended."""
    pits.publish(database)
    first = links(rows_of(pits.catalogue))
    with database.reader() as connection, connection.cursor() as cursor:
        table = sql.Identifier(pits.catalogue.name, "epn_core_v1")
        cursor.execute(sql.SQL("SELECT granule_uid FROM {}").format(table))
        for note in (" second", " third"):
            pits.rows.clear()
            pits.add("a", note=note)
            pits.publish(database)
        assert statuses(site, first.values()) == [200] * 3
        connection.rollback()
    pits.publish(database)
    assert statuses(site, first.values()) == [404] * 3


def test_a_second_publication_at_the_same_time_spoils_nothing(
    pits, database, site, rows_of, monkeypatch
):
    show = publication.make_current

    def meanwhile(*given):
        # The files are there, their version is not.
        monkeypatch.setattr(publication, "make_current", show)
        with pytest.raises(UnderWayError):
            pits.publish(database)
        show(*given)

    monkeypatch.setattr(publication, "make_current", meanwhile)
    pits.publish(database)
    assert statuses(site, links(rows_of(pits.catalogue)).values()) == [200] * 3


def test_a_store_that_cannot_be_used_is_named(pits, database, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    for where, message in (
        (str(tmp_path / "file"), "cannot be kept in .*/file.*EPNTAP_PRODUCTS"),
        ("nowhere://x", "EPNTAP_PRODUCTS=nowhere://x.* cannot be used"),
    ):
        there = database.settings.model_copy(update={"products": where})
        monkeypatch.setattr(database, "settings", there)
        with pytest.raises(ResultsError, match=message):
            pits.publish(database)


def test_a_catalogue_can_be_dropped_while_its_files_cannot_be_reached(
    pits, database, site, rows_of, contents, monkeypatch, caplog
):
    pits.publish(database)
    urls = links(rows_of(pits.catalogue)).values()
    with monkeypatch.context() as patch:
        there = database.settings.model_copy(update={"products": "nowhere://x"})
        patch.setattr(database, "settings", there)
        drop(database, pits.catalogue.name)
    assert "are not removed yet: EPNTAP_PRODUCTS=nowhere://x" in caplog.text
    assert statuses(site, urls) == [404] * 3
    assert len(contents(pits.catalogue.name)) == 5
    assert tidying.tidy(database, pits.catalogue.name) == 5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_is_done_links_lead_to_files_and_no_file_is_kept_in_vain(
    pits, database, rows_of, contents, seed
):
    dice = random.Random(seed)
    name, history = pits.catalogue.name, []
    for _ in range(8):
        step = dice.choice(["publish", "publish", "fail", "rollback", "drop"])
        if step in ("publish", "fail"):
            pits.rows.clear()
            for pit in dice.sample("abcde", dice.randint(1, 4)):
                pits.add(pit, note=f" {dice.randint(1, 2)}", mask=dice.random() < 0.5)
            if step == "fail":
                (pits.folder / f"{pits.rows[-1]['id']}.csv").unlink()
                with pytest.raises(PublishError):
                    pits.publish(database)
            else:
                pits.publish(database)
                history = [*history[-1:], links_of_all(rows_of(pits.catalogue))]
        elif step == "rollback" and len(history) == 2:
            rollback(database, name)
            history.reverse()
        elif step == "drop" and history:
            drop(database, name)
            history = []
        if history:
            assert links_of_all(rows_of(pits.catalogue)) == history[-1]
        assert contents(name) == set().union(*history)


def links_of_all(rows) -> set[str]:
    """The contents that rows link to."""
    found = {row[name] for row in rows for name in ("access_url", "thumbnail_url")} - {None}
    return {url.split("/")[-2] for url in found}


def test_links_follow_a_service_that_moves_and_nothing_else_changes(
    pits, database, rows_of, settings
):
    pits.publish(database)
    before = rows_of(pits.catalogue)
    moved = settings.model_copy(update={"base_url": "https://epntap.example.org/vo"})
    announce(database, moved)
    after = rows_of(pits.catalogue)
    old = f"{settings.url}/products/"
    for row, was in zip(after, before, strict=True):
        for name, value in was.items():
            if name in ("access_url", "thumbnail_url") and value is not None:
                value = value.replace(old, "https://epntap.example.org/vo/products/")
            assert row[name] == value
    # Others that publish learn where the service is, and find their rows unchanged.
    again = pits.publish(database)
    assert again.unchanged == 5
    assert links(rows_of(pits.catalogue)) == links(after)
    rollback(database, pits.catalogue.name)
    assert links(rows_of(pits.catalogue)) == links(after)
    # A base URL that is set counts for more than where the service was last seen.
    announce(database, settings)
    assert links(rows_of(pits.catalogue)) == links(before)


def test_links_elsewhere_are_left_alone_when_the_service_moves(
    pits, database, rows_of, settings, tmp_path: Path
):
    text = (tmp_path / f"{pits.catalogue.name}.yaml").read_text()
    text = text.replace("columns: [rank]", "columns: [rank, page]").replace(
        "columns:\n", "columns:\n  - {name: page, datatype: char, description: A page}\n", 1
    )
    (tmp_path / "page.yaml").write_text(text)
    from epntap.catalogue import read_catalogue

    pits.catalogue = read_catalogue(tmp_path / "page.yaml")
    for row in pits.rows:
        row["page"] = f"{settings.url}/products/{pits.catalogue.name}/about"
    pits.publish(database)
    announce(database, settings.model_copy(update={"base_url": "https://example.org"}))
    rows = rows_of(pits.catalogue)
    assert {row["page"] for row in rows if row["page"]} == {pits.rows[0]["page"]}
    announce(database, settings)


def test_a_catalogue_without_files_leaves_nothing_behind(
    moons: str, database: Database, contents: Callable[[str], set[str]]
):
    assert contents(moons) == set()
    assert not (database.settings.home / "products" / moons).exists()


def test_a_store_elsewhere_serves_the_same(pits, database, monkeypatch, rows_of):
    """The store is one that fsspec reaches; its files are on no disk that is looked at."""
    settings_before = database.settings
    there = database.settings.model_copy(update={"products": "memory://epntap-products"})
    monkeypatch.setattr(database, "settings", there)
    pits.publish(database)
    with serving(database, there) as here, httpx.Client() as client:
        announce(database, here)
        rows = {row["granule_uid"]: row for row in rows_of(pits.catalogue)}
        url = rows["a_mask"]["access_url"]
        content = (pits.folder / "a.png").read_bytes()
        assert client.get(url).content == content
        part = client.get(url, headers={"Range": "bytes=5-14"})
        assert (part.status_code, part.content) == (206, content[5:15])
        drop(database, pits.catalogue.name)
        assert client.get(url).status_code == 404
    assert not list(open_products(there, pits.catalogue.name).holdings())
    announce(database, settings_before)
