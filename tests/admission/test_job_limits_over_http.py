"""What a client with too many jobs is told, and when."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx
import pytest
from tests_support import serving


@pytest.fixture
def limited(database, settings):
    """The URL of a service whose clients may have one job."""
    with serving(database, settings.model_copy(update={"client_jobs": 1})) as here:
        yield here.url
    with database.publisher() as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM epntap.job WHERE service = 'tap'")


def test_one_job_too_many_is_refused_at_once_with_the_time_to_come_back(limited):
    first = httpx.post(f"{limited}/tap/async", data={"QUERY": "SELECT 1"})
    assert first.status_code == 303
    second = httpx.post(f"{limited}/tap/async", data={"QUERY": "SELECT 1"})
    assert second.status_code == 503
    assert int(second.headers["retry-after"]) > 0
    assert "jobs of your address" in second.text
    assert httpx.delete(first.headers["location"]).status_code == 303
    assert httpx.post(f"{limited}/tap/async", data={"QUERY": "SELECT 1"}).status_code == 303


def test_one_job_too_many_is_refused_before_its_upload_is_read(limited):
    assert httpx.post(f"{limited}/tap/async", data={"QUERY": "SELECT 1"}).status_code == 303
    where = urlsplit(limited)
    with socket.create_connection((where.hostname, where.port), timeout=20) as client:
        client.sendall(
            b"POST /tap/async HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 50000000\r\n\r\n"
            b"--b\r\n"
        )
        # Not a byte of the table was sent, and yet there is the answer.
        assert client.recv(100).startswith(b"HTTP/1.1 503")
