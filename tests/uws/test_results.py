"""The results store: a directory, and a file system of fsspec that is none."""

from __future__ import annotations

import itertools
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epntap.results import (
    DirectoryStore,
    RemoteStore,
    ResultMissingError,
    ResultsError,
    ResultStore,
    open_results,
)
from epntap.settings import Settings
from epntap.uws.files import ByteRange, UnsatisfiableRangeError, read_range

_numbers = itertools.count(1)


@pytest.fixture(params=["directory", "memory", "subdirectory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ResultStore:
    """The stores; fsspec's memory has no directories, its dirfs has another root."""
    if request.param == "directory":
        return DirectoryStore(tmp_path / "results")
    if request.param == "memory":
        return RemoteStore(f"memory://store{next(_numbers)}/prefix")
    return RemoteStore(f"local://{tmp_path}/results")


def fill(store: ResultStore, key: str, content: bytes = b"content") -> None:
    with store.create(key) as writer:
        writer.write(content)


def fail(store: ResultStore, key: str, content: bytes) -> None:
    with store.create(key) as writer:
        writer.write(content)
        raise ZeroDivisionError


def read(store: ResultStore, key: str) -> bytes:
    with store.open(key) as file:
        return file.read()


def test_what_is_written_is_read(store):
    with store.create("job/1/result.csv") as writer:
        for piece in (b"one,", b"", b"two\n"):
            writer.write(piece)
    assert writer.size == 8
    assert read(store, "job/1/result.csv") == b"one,two\n"
    with store.open("job/1/result.csv") as file:
        file.seek(4)
        assert file.read(3) == b"two"


def test_a_file_is_not_there_before_it_is_whole(store):
    with store.create("job/result") as writer:
        writer.write(b"x" * 1_000_000)
        with pytest.raises(ResultMissingError):
            store.open("job/result")
    assert len(read(store, "job/result")) == 1_000_000


def test_a_file_whose_writing_fails_leaves_nothing_and_spoils_nothing(store):
    fill(store, "job/result", b"old")
    with pytest.raises(ZeroDivisionError):
        fail(store, "job/result", b"new")
    assert read(store, "job/result") == b"old"
    fill(store, "job/result", b"new")
    assert read(store, "job/result") == b"new"
    with pytest.raises(ZeroDivisionError):
        fail(store, "other/result", b"")
    with pytest.raises(ResultMissingError):
        store.open("other/result")


def test_files_are_removed_one_by_one_and_by_job(store):
    for key in ("a/1/x", "a/1/y", "a/in/z", "b/1/x"):
        fill(store, key)
    store.remove("a/1/x")
    with pytest.raises(ResultMissingError):
        store.open("a/1/x")
    assert read(store, "a/1/y")
    store.remove("a")
    for key in ("a/1/y", "a/in/z"):
        with pytest.raises(ResultMissingError):
            store.open(key)
    assert read(store, "b/1/x")
    store.remove("a")
    store.remove("b/1/x/deeper")


def test_the_jobs_that_have_files_are_found(store):
    assert list(store.holdings()) == []
    for key in ("a/1/x", "a/in/z", "b/x"):
        fill(store, key)
    found = {one.job: one.changed for one in store.holdings()}
    assert found.keys() == {"a", "b"}
    assert all(abs(datetime.now(UTC) - time) < timedelta(hours=1) for time in found.values())


@pytest.mark.parametrize("key", ["", "../x", "a/../../x", "a//b", "/etc/passwd", "a/\0"])
def test_no_key_leads_out_of_the_store(store, key):
    for use in (store.open, store.create, store.remove):
        with pytest.raises(ValueError, match="is not a key"):
            use(key)


def test_a_directory_is_for_its_user_alone_and_files_are_found_on_this_machine(tmp_path):
    store = DirectoryStore(tmp_path / "deep" / "results")
    fill(store, "job/1/x")
    assert stat.S_IMODE((tmp_path / "deep" / "results").stat().st_mode) == 0o700
    path = store.path("job/1/x")
    assert path is not None
    assert path.read_bytes() == b"content"
    assert RemoteStore("memory://x").path("job/1/x") is None


def test_a_place_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = DirectoryStore(tmp_path / "file")
    with pytest.raises(ResultsError, match=r"cannot be kept in .*file.*EPNTAP_RESULTS"):
        store.create("job/x")
    with pytest.raises(ResultsError, match="EPNTAP_RESULTS=nowhere://x cannot be used"):
        RemoteStore("nowhere://x")


def test_a_full_disk_is_named(tmp_path):
    store = DirectoryStore(tmp_path)
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(ResultsError, match="No space left"):
        fill_a_full_disk(store)
    assert not list((tmp_path / "job").iterdir())


def fill_a_full_disk(store: ResultStore) -> None:
    with store.create("job/x") as writer:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, writer._file.fileno())
        os.close(full)
        writer.write(b"x" * 1_000_000)


def test_the_setting_names_the_store(tmp_path):
    def of(where: str | None) -> ResultStore:
        return open_results(Settings(home=tmp_path / "home", results=where))

    def path(where: str | None) -> Path | None:
        return of(where).path("a/b")

    assert path(None) == tmp_path / "home" / "results" / "a" / "b"
    assert path(f"{tmp_path}/other") == tmp_path / "other" / "a" / "b"
    assert path(f"file://{tmp_path}/other") == tmp_path / "other" / "a" / "b"
    assert isinstance(of("memory://bucket/x"), RemoteStore)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-4", ByteRange(0, 5)),
        ("bytes = 5-", ByteRange(5, 10)),
        ("bytes=-3", ByteRange(7, 10)),
        ("bytes=-30", ByteRange(0, 10)),
        ("bytes=2-400", ByteRange(2, 10)),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
    ],
)
def test_a_range_is_read(header, expected):
    assert read_range(header, 10) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0)])
def test_a_range_that_is_not_there_is_told(header, size):
    with pytest.raises(UnsatisfiableRangeError):
        read_range(header, size)


@given(st.integers(1, 1000), st.integers(0, 2000), st.integers(0, 2000))
def test_a_range_lies_within_the_file(size, first, last):
    try:
        found = read_range(f"bytes={first}-{last}", size)
    except UnsatisfiableRangeError:
        assert first >= size
    else:
        if found is None:
            assert last < first
        else:
            assert (found.start, found.stop) == (first, min(last + 1, size))
