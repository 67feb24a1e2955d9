"""Files that a pipeline writes: published by a run, made again here or by workers."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from epntap.catalogue import Catalogue, read_catalogue
from epntap.commands.science import run_pipeline
from epntap.plugins import find_pipeline, makes_products
from epntap.products.files import StagedFiles
from epntap.products.store import STAGED, open_products
from epntap.products.tidying import tidy
from epntap.regenerate.beginning import begin
from epntap.regenerate.errors import RegenerationError
from epntap.regenerate.foreground import Order, regenerate, rehearse
from epntap.regenerate.tasks import regeneration_tasks
from epntap.worker import Worker

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture(autouse=True)
def _plugin(monkeypatch) -> Iterator[None]:
    """Install the pipelines ``pictured`` and ``pictured_spans`` for this process."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    importlib.invalidate_caches()
    yield
    sys.modules.pop("pictured", None)


@pytest.fixture
def again(pits, tmp_path) -> tuple[Catalogue, Path]:
    """A catalogue that can be made again, and the file that it is made of."""
    source = tmp_path / "objects.txt"
    source.write_text("x 1\ny 2\n")
    return described(pits, tmp_path, "pictured", source), source


def described(pits, tmp_path: Path, pipeline: str, source: Path) -> Catalogue:
    yaml = tmp_path / f"{pits.catalogue.name}.yaml"
    plan = f"regenerate: {{pipeline: {pipeline}, source: {source}, retry_after: 1s}}\n"
    path = tmp_path / f"{pipeline}.yaml"
    path.write_text(yaml.read_text() + plan)
    return read_catalogue(path)


def order(catalogue: Catalogue) -> Order:
    stored = catalogue.description.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return Order(stored, datetime(2025, 1, 1, tzinfo=UTC))


def quiet(_description: str, _done: int, _total: int) -> None:
    """Report progress to nobody."""


def fetched(site, rows) -> dict[str, str]:
    """The content of the files of rows, by granule_uid."""
    links = {row["granule_uid"]: row["access_url"] for row in rows if row["access_url"]}
    return {uid: site.get(urlsplit(url).path).text for uid, url in links.items()}


def test_a_catalogue_is_made_again_with_its_files(again, database, site, rows_of, contents):
    catalogue, source = again
    outcome = regenerate(database, order(catalogue), quiet)
    assert outcome.state == "published"
    assert outcome.publication is not None
    assert (outcome.publication.rows, outcome.publication.files) == (4, 4)
    assert fetched(site, rows_of(catalogue)) == {"x_profile": "x 1\n", "y_profile": "y 2\n"}
    source.write_text("x 1\ny 3\n")
    outcome = regenerate(database, order(catalogue), quiet)
    assert outcome.publication is not None
    assert (outcome.publication.changed, outcome.publication.unchanged) == (2, 2)
    assert fetched(site, rows_of(catalogue)) == {"x_profile": "x 1\n", "y_profile": "y 3\n"}
    # Nothing of a run stays besides: x, y and the y before.
    assert len(contents(catalogue.name)) == 6
    assert regenerate(database, order(catalogue), quiet).state == "unchanged"
    assert len(contents(catalogue.name)) == 6


def test_a_rehearsal_leaves_no_file(again, database, contents):
    catalogue, _ = again
    outcome = rehearse(database, order(catalogue), quiet)
    assert outcome.publication is not None
    assert outcome.publication.files == 4
    assert contents(catalogue.name) == set()


def test_a_run_that_fails_leaves_the_files_that_there_were(
    again, database, site, rows_of, contents
):
    catalogue, source = again
    regenerate(database, order(catalogue), quiet)
    kept = contents(catalogue.name)
    source.write_text("x 1\ny broken\n")
    outcome = regenerate(database, order(catalogue), quiet)
    assert outcome.state == "failed"
    assert outcome.reason is not None
    assert "y is broken" in outcome.reason
    assert contents(catalogue.name) == kept
    assert fetched(site, rows_of(catalogue))["y_profile"] == "y 2\n"


def test_workers_hand_files_on_to_the_one_that_publishes(
    again, database, settings, site, rows_of, contents
):
    catalogue, _ = again
    with database.publisher() as connection:
        run = begin(connection, order(catalogue).description, moment=datetime.now(UTC))
        connection.commit()
    worker = Worker(database, settings, regeneration_tasks(), concurrency=2)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        state = await_end(database, run.run_id)
    finally:
        worker.stop()
        thread.join(60)
    assert state == ("published", None)
    assert fetched(site, rows_of(catalogue)) == {"x_profile": "x 1\n", "y_profile": "y 2\n"}
    assert len(contents(catalogue.name)) == 4


def await_end(database, run_id: str, seconds: float = 60.0) -> tuple[str, str | None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with database.publisher() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT state, reason, ended FROM epntap.run WHERE run_id = %s", (run_id,)
            )
            ((state, reason, ended),) = cursor.fetchall()
        if ended is not None:
            return state, reason
        time.sleep(0.05)
    raise AssertionError(f"run {run_id} has not ended after {seconds} s")


def test_a_pipeline_of_spans_cannot_carry_files_yet_and_says_so(pits, tmp_path, database):
    source = tmp_path / "objects.txt"
    source.write_text("x 1\n")
    catalogue = described(pits, tmp_path, "pictured_spans", source)
    with pytest.raises(RegenerationError, match="works span by span, whose parts carry no files"):
        regenerate(database, order(catalogue), quiet)
    with pytest.raises(RegenerationError, match="epntap run pictured_spans --publish"):
        rehearse(database, order(catalogue), quiet)


def test_what_a_run_under_way_has_left_is_not_tidied_up(again, database, tmp_path, contents):
    catalogue, _ = again
    with database.publisher() as connection:
        run = begin(connection, order(catalogue).description, moment=datetime.now(UTC))
        connection.commit()
    staged = StagedFiles(open_products(database.settings, catalogue.name), run.run_id)
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "a.csv").write_text("x")
    assert staged.take(tmp_path / "left") == 1
    assert tidy(database, catalogue.name) == 0
    assert contents(catalogue.name) == {f"{STAGED}{run.run_id}"}
    staged.remove()
    assert contents(catalogue.name) == set()
    with database.publisher() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM epntap.regeneration WHERE run_id = %s", (run.run_id,))
        cursor.execute("DELETE FROM epntap.run WHERE run_id = %s", (run.run_id,))
        connection.commit()


def test_epntap_run_publishes_the_files_of_a_pipeline_and_keeps_no_folder(
    again, database, rows_of, monkeypatch, tmp_path, capsys
):
    catalogue, source = again
    assert makes_products(find_pipeline("pictured"))
    assert not makes_products(find_pipeline("icme"))
    monkeypatch.setenv("EPNTAP_HOME", str(database.settings.home))
    if database.settings.postgres_bin:
        monkeypatch.setenv("EPNTAP_POSTGRES_BIN", str(database.settings.postgres_bin))
    monkeypatch.setattr("epntap.commands.science.read_catalogue", lambda _name: catalogue)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    rows = tmp_path / "published.csv"
    run_pipeline("pictured", str(source), output=rows, publish=True, options={})
    assert "--option products=FOLDER does that" in " ".join(capsys.readouterr().err.split())
    links = [row["access_url"] for row in rows_of(catalogue) if row["access_url"]]
    assert len(links) == 2
    assert list((tmp_path / "scratch").iterdir()) == []
    # Who names a folder keeps the files.
    (tmp_path / "kept").mkdir()
    run_pipeline(
        "pictured",
        str(source),
        output=tmp_path / "rows.csv",
        publish=False,
        options={"products": str(tmp_path / "kept")},
    )
    assert (tmp_path / "kept" / "x" / "profile.csv").read_text() == "x 1\n"
    assert "x/profile.csv" in (tmp_path / "rows.csv").read_text()
