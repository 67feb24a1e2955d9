"""Large results: at once, in constant memory, and never without somebody who reads them."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import numpy as np
import pandas as pd
import psutil
import pytest
from astropy.io.votable import parse

from epntap.catalogue import read_catalogue
from epntap.database import load_tableset
from epntap.publish import DataFrameSource, drop, publish

YAML = """\
name: many
title: Many rows of a test
description: Twenty thousand rows.
creators: [Jane Doe]
publisher: Example
contact: Jane Doe
rights: CC0
subjects: [planetary-science]
spatial_frame_type: body
mapping:
  granule_uid: id
  target_name: {constant: Mars}
  target_class: {constant: planet}
  c1min: lon
  c2min: lat
columns:
  - {name: number, datatype: int, description: Number of the row}
"""
ROWS = 20_000


@pytest.fixture(scope="module")
def many(database, tmp_path_factory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("many") / "many.yaml"
    path.write_text(YAML, encoding="utf-8")
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "id": [f"row {i:06d}" for i in range(ROWS)],
            "lon": random.uniform(0, 360, ROWS),
            "lat": random.uniform(-90, 90, ROWS),
            "number": np.arange(ROWS),
        }
    )
    publish(database, read_catalogue(path), DataFrameSource(frame, "many"))
    yield "many"
    drop(database, "many")


#: Takes minutes and has no row until its end.
ENDLESS = (
    "SELECT COUNT(*) AS n FROM many.epn_core AS a JOIN many.epn_core AS b"
    " ON a.c1min < b.c2min JOIN many.epn_core AS c ON c.c1min < b.c1min"
)
#: Has rows at once and never ends.
TORRENT = (
    "SELECT a.granule_uid, b.* FROM many.epn_core AS a JOIN many.epn_core AS b ON a.c1min >= 0"
)


def tables_in_use(database) -> int:
    """How many locks queries hold on the table: none as soon as none of them runs."""
    with database.publisher() as connection, connection.cursor() as cursor:
        relation = load_tableset(connection).table("many.epn_core").relation
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass"
            " AND pid <> pg_backend_pid()",
            (f"{relation.schema}.{relation.name}",),
        )
        return cursor.fetchone()[0]


def wait_until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("form", ["votable", "votable/td", "csv"])
def test_all_rows_arrive_in_order_and_once(client, many, form):
    query = "SELECT number, granule_uid FROM many.epn_core ORDER BY number"
    answer = client.post(
        "/tap/sync", data={"QUERY": query, "RESPONSEFORMAT": form, "MAXREC": "100000"}
    )
    if form == "csv":
        numbers = pd.read_csv(io.StringIO(answer.text))["number"].to_numpy()
    else:
        table = parse(io.BytesIO(answer.content)).get_first_table()
        numbers = table.array["number"].data
    assert np.array_equal(numbers, np.arange(ROWS))


def test_the_first_bytes_do_not_wait_for_the_last(client, many):
    data = {"QUERY": TORRENT, "MAXREC": "20000000"}
    with client.stream("POST", "/tap/sync", data=data) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        assert next(pieces).startswith(b"<?xml")


@pytest.mark.parametrize("query", [ENDLESS, TORRENT], ids=["silent", "streaming"])
def test_a_client_that_goes_away_ends_its_query_within_a_second(service, database, many, query):
    body = urlencode({"QUERY": query, "MAXREC": "20000000"}).encode()
    head = (
        "POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded"
        f"\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    port = int(service.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as leaving:
        leaving.sendall(head.encode() + body)
        assert wait_until(lambda: tables_in_use(database) > 0, 5)
        if query is TORRENT:
            assert leaving.recv(4096).startswith(b"HTTP/1.1 200")
        time.sleep(0.3)
    assert wait_until(lambda: tables_in_use(database) == 0, 1.0)
    assert wait_until(lambda: database.queries_running == 0, 1.0)


def test_a_query_that_takes_too_long_is_stopped_and_says_so(client, database, many):
    answer = client.post("/tap/sync", data={"QUERY": ENDLESS})
    assert answer.status_code == 408
    assert "stopped after 5 s" in answer.text
    assert wait_until(lambda: tables_in_use(database) == 0, 1.0)


def test_a_failure_in_the_middle_closes_a_votable_with_the_reason(client, many):
    query = f"SELECT number, 1 / (number - {ROWS - 1}) AS late FROM many.epn_core"
    for form in ("votable", "votable/td", "votable/b"):
        answer = client.post("/tap/sync", data={"QUERY": query, "RESPONSEFORMAT": form})
        assert answer.status_code == 200
        document = parse(io.BytesIO(answer.content))
        last = document.resources[0].infos[-1]
        assert (last.name, last.value) == ("QUERY_STATUS", "ERROR")
        assert "division by zero" in last.content
        assert 0 < len(document.get_first_table().array) < ROWS


def test_a_failure_in_the_middle_of_csv_breaks_the_transfer_off(client, many):
    query = f"SELECT number, 1 / (number - {ROWS - 1}) AS late FROM many.epn_core"
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/tap/sync", data={"QUERY": query, "RESPONSEFORMAT": "csv"})


def test_other_clients_are_served_while_large_results_stream(client, service, many):
    def read() -> None:
        with httpx.stream("POST", f"{service}/tap/sync", data=data, timeout=60) as answer:
            for i, _ in enumerate(answer.iter_raw()):
                if i > 200 or done.is_set():
                    return

    data = {"QUERY": TORRENT, "MAXREC": "20000000"}
    done = threading.Event()
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(20):
            answer = client.post("/tap/sync", data={"QUERY": "SELECT TOP 10 * FROM many.epn_core"})
            assert answer.status_code == 200
    finally:
        done.set()
        for reader in readers:
            reader.join(30)


@pytest.mark.slow
def test_a_download_of_a_million_rows_costs_the_server_less_than_60_mb(settings, database, many):
    """In a process of its own, so that only the server's memory is looked at."""
    environment = {**os.environ, "EPNTAP_HOME": str(settings.home)}
    if settings.postgres_bin:
        environment["EPNTAP_POSTGRES_BIN"] = str(settings.postgres_bin)
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "epntap.cli", "serve", "--port", str(port)],
        env=environment,
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}/tap"
        assert wait_until(lambda: _answers(f"{url}/availability"), 30)
        warm = {"QUERY": "SELECT TOP 5000 * FROM many.epn_core", "MAXREC": "5000"}
        httpx.post(f"{url}/sync", data=warm, timeout=60)
        memory = psutil.Process(server.pid).memory_info
        before, peak, size = memory().rss, 0, 0
        data = {"QUERY": TORRENT, "MAXREC": "1000000"}
        with httpx.stream("POST", f"{url}/sync", data=data, timeout=120) as answer:
            for piece in answer.iter_raw(1 << 20):
                size += len(piece)
                peak = max(peak, memory().rss)
        assert size > 100_000_000
        assert peak - before < 60 * 1024 * 1024
    finally:
        server.terminate()
        assert server.wait(30) == 0


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
