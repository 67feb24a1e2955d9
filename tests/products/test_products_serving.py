"""Files over HTTP: to the byte, in pieces, for whom they are, and never anything else."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pandas as pd
import pytest
import pyvo
from astropy.utils.data import get_readable_fileobj
from hypothesis import given, settings, strategies
from lxml import html
from tests_support import serving

from epntap.catalogue import read_catalogue
from epntap.database import Database
from epntap.products import serve
from epntap.products.address import announce
from epntap.products.store import content_of, open_content, open_products
from epntap.publish import DataFrameSource, drop, publish
from epntap.results import ResultMissingError
from epntap.settings import Settings

YAML = """\
name: downloads
title: Files of a test
description: Some files.
creators: [Jane Doe]
publisher: Example
contact: Jane Doe
rights: CC0
subjects: [planetary-science]
spatial_frame_type: none
mapping:
  granule_uid: file
  target_class: {constant: planet}
products:
  granules:
    data: {file: file, dataproduct_type: sp}
"""

#: Longer than the pieces in which files are read, and no multiple of them.
SIZE = 1_234_567


@dataclass(frozen=True)
class Offer:
    """Files that are served, and a client."""

    client: httpx.Client
    settings: Settings = field(repr=False)
    content: bytes = field(repr=False)
    urls: dict[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        return self.urls["long.npy"]


@pytest.fixture(scope="module")
def offer(database: Database, tmp_path_factory) -> Iterator[Offer]:
    folder: Path = tmp_path_factory.mktemp("files")
    content = random.Random(5).randbytes(SIZE)
    (folder / "long.npy").write_bytes(content)
    with (folder / "zeros.npy").open("wb") as zeros:
        # More than the buffers of a connection take.
        zeros.truncate(24 * 1024**2)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "picture.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "shape.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    (folder / "map.tif").write_bytes(b"II*\0" + b"\0" * 100)
    (folder / "table.csv").write_text("length,depth\n0,1\n1,2.5\n")
    (folder / "downloads.yaml").write_text(YAML)
    names = sorted(path.name for path in folder.iterdir() if path.suffix != ".yaml")
    with serving(database, database.settings) as here:
        announce(database, here)
        publish(
            database,
            read_catalogue(folder / "downloads.yaml"),
            DataFrameSource(pd.DataFrame({"file": names}), "files"),
            files=folder,
        )
        with httpx.Client(base_url=here.url, timeout=60) as client:
            found = pyvo.dal.TAPService(f"{here.url}/tap").search(
                "SELECT file_name, access_url FROM downloads.epn_core WHERE access_url IS NOT NULL"
            )
            urls = {str(row["file_name"]): str(row["access_url"]) for row in found}
            yield Offer(client, here, content, urls)
    drop(database, "downloads")


def test_a_file_comes_whole_with_its_type_and_nothing_to_guess(offer):
    answer = offer.client.get(offer.url)
    assert answer.status_code == 200
    assert answer.content == offer.content
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"] == 'inline; filename="long.npy"'
    assert "access-control-allow-origin" not in answer.headers
    page = offer.client.get(offer.url, headers={"Origin": "https://example.org"})
    assert page.headers["access-control-allow-origin"] == "*"
    assert "Content-Range" in page.headers["access-control-expose-headers"]
    types = {
        name: offer.client.get(url).headers["content-type"] for name, url in offer.urls.items()
    }
    assert types == {
        "long.npy": "application/octet-stream",
        "zeros.npy": "application/octet-stream",
        "empty.txt": "text/plain",
        "picture.svg": "image/svg+xml",
        "shape.geojson": "application/geo+json",
        "map.tif": "image/tiff",
        "table.csv": "text/csv",
    }


def test_head_says_what_get_says_without_the_content(offer):
    whole, head = offer.client.get(offer.url), offer.client.head(offer.url)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-length", "content-type", "etag", "last-modified"):
        assert head.headers[name] == whole.headers[name]
    part = offer.client.head(offer.url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.headers["content-length"]) == (206, "10")


@settings(max_examples=60, deadline=None)
@given(
    strategies.integers(0, 2 * SIZE) | strategies.none(),
    strategies.integers(0, 2 * SIZE) | strategies.none(),
)
def test_any_range_gives_just_those_bytes_of_the_file(offer, first, last):
    words = ("" if first is None else str(first), "" if last is None else str(last))
    answer = offer.client.get(offer.url, headers={"Range": f"bytes={words[0]}-{words[1]}"})
    content = offer.content
    if (first is None and last is None) or (None not in (first, last) and last < first):
        # No range at all: HTTP has it ignored.
        assert (answer.status_code, answer.content) == (200, content)
        return
    start = max(SIZE - last, 0) if first is None else first
    stop = SIZE if first is None or last is None else min(last + 1, SIZE)
    if start >= SIZE:
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{SIZE}"
        return
    assert answer.status_code == 206
    assert answer.content == content[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(stop - start)


@settings(max_examples=40, deadline=None)
@given(strategies.text(strategies.characters(min_codepoint=32, max_codepoint=126)))
def test_a_range_that_is_none_never_breaks_anything(offer, text):
    answer = offer.client.get(offer.url, headers={"Range": text.strip()})
    assert answer.status_code in (200, 206, 416)
    if answer.status_code == 200:
        assert len(answer.content) == SIZE


def test_a_number_of_five_thousand_digits_is_no_range(offer):
    answer = offer.client.get(offer.url, headers={"Range": f"bytes={'9' * 5000}-"})
    assert (answer.status_code, len(answer.content)) == (200, SIZE)


def test_several_ranges_are_answered_with_the_whole(offer):
    answer = offer.client.get(offer.url, headers={"Range": "bytes=0-1,5-9"})
    assert (answer.status_code, answer.content) == (200, offer.content)


def test_an_empty_file_is_a_file(offer):
    url = offer.urls["empty.txt"]
    answer = offer.client.get(url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert offer.client.get(url, headers={"Range": "bytes=0-"}).status_code == 416


def test_a_download_goes_on_where_it_stopped_if_the_file_is_the_same(offer):
    whole = offer.client.get(offer.url)
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    assert not tag.startswith("W/")
    for same in (tag, date):
        answer = offer.client.get(offer.url, headers={"Range": "bytes=100-", "If-Range": same})
        assert (answer.status_code, answer.content) == (206, offer.content[100:])
    for other in ('"another"', "Mon, 01 Jan 2001 00:00:00 GMT", "nonsense", f"W/{tag}"):
        answer = offer.client.get(offer.url, headers={"Range": "bytes=100-", "If-Range": other})
        assert (answer.status_code, len(answer.content)) == (200, SIZE)


def test_who_has_the_file_is_not_sent_it_again(offer):
    whole = offer.client.get(offer.url)
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    for condition in (
        {"If-None-Match": tag},
        {"If-None-Match": f'"other", W/{tag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": date},
    ):
        answer = offer.client.get(offer.url, headers=condition)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    for condition in (
        {"If-None-Match": '"other"'},
        {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        {"If-Modified-Since": "nonsense"},
        # The tag counts, whatever the date says (RFC 9110, section 13.1.3).
        {"If-None-Match": '"other"', "If-Modified-Since": date},
    ):
        assert offer.client.get(offer.url, headers=condition).status_code == 200


def test_pyvo_and_astropy_fetch_what_rows_link_to(offer):
    rows = pyvo.dal.TAPService(f"{offer.settings.url}/tap").search(
        "SELECT access_url, access_format FROM downloads.epn_core WHERE file_name = 'table.csv'"
    )
    with get_readable_fileobj(str(rows[0]["access_url"]), cache=False) as file:
        assert pd.read_csv(file)["depth"].tolist() == [1.0, 2.5]
    assert rows[0]["access_format"] == "text/csv"


ATTACKS = [
    "/products/downloads/{content}/../{name}",
    "/products/downloads/../downloads/{content}/{name}/",
    "/products/downloads/{content}/..%2f{name}",
    "/products/downloads/{content}/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/products/downloads/{content}/..%5c{name}",
    "/products/downloads/{content}/{name}%00",
    "/products/downloads/{content}/{name}%00.png",
    "/products/downloads/{content}/other.npy",
    "/products/downloads/{content}/",
    "/products/downloads/{content}",
    "/products/downloads/",
    "/products/downloads",
    "/products/",
    "/products",
    "/products/moons/{content}/{name}",
    "/products/%2e%2e/{content}/{name}",
    "/products/downloads/%2e%2e/{name}",
    "/products/downloads/..%2f..%2f..%2fetc/passwd",
    "/products//etc/passwd",
    "/products/downloads/{upper}/{name}",
    "/products/downloads/{short}/{name}",
    "/products/downloads/{content}/{name}/x",
    "/products/downloads/{content}/%27%20OR%201=1--",
    "/products/downloads/staged-x/{name}",
    "/products/DOWNLOADS/{content}/{name}",
]


@pytest.mark.parametrize("number", range(len(ATTACKS)))
def test_no_other_path_leads_to_a_file(offer, number):
    content, name = urlsplit(offer.url).path.split("/")[-2:]
    path = ATTACKS[number].format(
        content=content, name=name, upper=content.upper(), short=content[:-1]
    )
    # As it is: clients tidy paths up, attackers do not.
    status, body = raw_get(offer.settings.port, path)
    assert status == 404, path
    assert b"root:" not in body
    assert offer.content[:100] not in body


def raw_get(port: int, path: str) -> tuple[int, bytes]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_files_are_only_to_be_read(offer):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert offer.client.request(method, offer.url).status_code == 405


def test_a_link_in_the_store_is_not_followed(offer, database, tmp_path):
    (tmp_path / "secret").write_text("secret")
    store = open_products(database.settings, "downloads")
    content = content_of("ab" * 32)
    path = store.path(content)
    assert path is not None
    path.symlink_to(tmp_path / "secret")
    try:
        with pytest.raises(ResultMissingError):
            open_content(store, content)
    finally:
        path.unlink()
    with pytest.raises(ResultMissingError):
        open_content(store, "../moons")


def test_a_client_with_too_many_downloads_waits_or_is_refused(offer, database):
    few = {"downloads": 2, "waiting_seconds": 0.0, "client_hour_bytes": 0}
    with serving(database, offer.settings.model_copy(update=few)) as here:
        url = offer.urls["zeros.npy"].replace(offer.settings.url, here.url)
        with slow_reader(url), httpx.Client() as client:
            refused = client.head(url)
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) >= 1
            assert "at its limit of 1 downloads" in client.get(url).text
        with httpx.Client() as client:
            # The place came free although the first never took all of it.
            deadline = time.monotonic() + 20
            while client.head(url).status_code == 503:
                assert time.monotonic() < deadline
                time.sleep(0.05)


@contextlib.contextmanager
def slow_reader(url: str) -> Iterator[None]:
    """A client that asks for a file again and again and does not take it."""
    parts = urlsplit(url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((parts.hostname, parts.port))
        connection.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        yield


def test_no_more_is_read_than_a_client_takes(offer, monkeypatch):
    """Memory holds the buffers of a connection, however long the file and slow the client."""
    read: list[int] = []
    pieces = serve.pieces

    async def counted(*given):
        async for piece in pieces(*given):
            read.append(len(piece))
            yield piece

    monkeypatch.setattr(serve, "pieces", counted)
    with slow_reader(offer.urls["zeros.npy"]):
        before = -1
        while sum(read) != before:
            before = sum(read)
            time.sleep(0.3)
        assert max(read) <= 512 * 1024
        assert sum(read) < 12 * 1024**2


def test_bytes_of_files_count_like_those_of_queries(offer, database):
    limit = SIZE // 2
    little = {"client_hour_bytes": limit}
    with serving(database, offer.settings.model_copy(update=little)) as here:
        url = offer.url.replace(offer.settings.url, here.url)
        with httpx.Client(timeout=60) as client:
            assert client.get(url).status_code == 200
            refused = client.get(url)
            assert refused.status_code == 503
            assert f"has used the {limit} bytes of an hour" in refused.text
            query = f"{here.url}/tap/sync?LANG=ADQL&QUERY=SELECT+1+AS+one+FROM+downloads.epn_core"
            assert client.get(query).status_code == 503


def test_many_fetch_at_the_same_time_and_each_gets_his_bytes(offer):
    wrong: list[int] = []

    def fetch(seed: int) -> None:
        dice = random.Random(seed)
        with httpx.Client(timeout=60) as client:
            for _ in range(5):
                start = dice.randrange(SIZE)
                answer = client.get(offer.url, headers={"Range": f"bytes={start}-"})
                if answer.content != offer.content[start:]:
                    wrong.append(start)

    threads = [threading.Thread(target=fetch, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_the_page_of_the_catalogue_shows_the_thumbnails(pits, database, site):
    pits.publish(database)
    page = html.fromstring(site.get(f"/catalogue/{pits.catalogue.name}").text)
    pictures = page.xpath("//td/a/img/@src")
    assert len(set(pictures)) == len(pits.rows)
    for picture in pictures:
        assert site.get(picture).headers["content-type"] == "image/png"
    links = page.xpath("//td/a[not(img)]/@href")
    assert any(link.endswith("a.csv") for link in links)
    assert all(site.get(link).status_code == 200 for link in links)
