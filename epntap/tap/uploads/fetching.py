"""Tables at URLs: fetched from public addresses only, within limits of size and time.

A name is resolved once and the connection goes to the address that was checked, so that a name
that changes its address in between (DNS rebinding) gains nothing. Redirects are followed here,
each checked like the first URL. No proxy is used: it would choose the address instead.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO
from urllib.parse import SplitResult, urljoin, urlsplit

from epntap import __version__
from epntap.tap.uploads.addresses import ForbiddenAddressError, resolve
from epntap.tap.uploads.errors import UploadError
from epntap.tap.uploads.policy import UploadPolicy, readable_size

#: Redirects that are followed.
MAX_REDIRECTS = 5

#: Seconds without a byte after which a server is given up.
_SILENCE_SECONDS = 10.0

_CHUNK_BYTES = 64 * 1024

#: Bytes of a table that are kept in memory; the rest goes to a temporary file.
_MEMORY_BYTES = 1024 * 1024

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def fetch(name: str, url: str, policy: UploadPolicy, check: Callable[[], None]) -> IO[bytes]:
    """Fetch a table into a file without a name.

    Parameters
    ----------
    name
        Name of the upload, for messages.
    url
        What the client gave.
    policy
        Limits of size and time, and the networks that may be fetched from.
    check
        Raises when nobody waits any more; called between any two pieces.

    Raises
    ------
    UploadError
        If the URL is not allowed, does not answer, or its answer is too large or too slow.
    """
    deadline = time.monotonic() + policy.seconds
    for _ in range(MAX_REDIRECTS + 1):
        check()
        with _request(name, url, policy, deadline) as answer:
            if answer.status not in _REDIRECTS:
                return _body(name, url, answer, policy, check, deadline)
            location = answer.getheader("Location")
            if location is None:
                raise UploadError(name, f"{url} redirects to nowhere")
            url = urljoin(url, location)
    raise UploadError(name, f"there are more than {MAX_REDIRECTS} redirects, the last to {url}")


@contextlib.contextmanager
def _request(
    name: str, url: str, policy: UploadPolicy, deadline: float
) -> Iterator[http.client.HTTPResponse]:
    """Ask for a URL; within the context the answer can be read, until the deadline."""
    target = _checked(name, url)
    connected = _connect(name, target, policy, deadline)
    with _Line(connected, deadline) as line:
        try:
            connection = line.http(target)
            headers = {"User-Agent": f"epntap/{__version__}", "Accept-Encoding": "identity"}
            connection.request("GET", _path(target), headers=headers)
            with connection.getresponse() as answer:
                yield answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= deadline:
                raise _too_slow(name, url, policy) from error
            reason = str(error) or type(error).__name__
            raise UploadError(name, f"{url} cannot be fetched: {reason}") from error


class _Line:
    """A socket that is shut down at a deadline.

    A limit on silence alone would let a server that sends a byte now and then hold on for ever.
    """

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket = connected
        self._timer = threading.Timer(max(deadline - time.monotonic(), 0.0), self._shut_down)
        self._timer.daemon = True

    def __enter__(self) -> _Line:
        self._timer.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._timer.cancel()
        self._socket.close()

    def _shut_down(self) -> None:
        # It may have been closed in this moment.
        with contextlib.suppress(OSError):
            # Not SSLSocket's own, which says farewell and may wait to be heard.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def http(self, target: SplitResult) -> http.client.HTTPConnection:
        """Return an HTTP connection over the line, certified as the host where that is asked."""
        host = target.hostname or ""
        self._socket.settimeout(_SILENCE_SECONDS)
        connection = http.client.HTTPConnection(host, target.port)
        if target.scheme == "https":
            context = ssl.create_default_context()
            secure = context.wrap_socket(
                self._socket, server_hostname=host, do_handshake_on_connect=False
            )
            self._socket = secure
            secure.do_handshake()
            connection = http.client.HTTPSConnection(host, target.port, context=context)
        connection.sock = self._socket
        # Else a connection that was closed would be opened again, to whatever the name means then.
        connection.auto_open = 0
        return connection


def _checked(name: str, url: str) -> SplitResult:
    try:
        target = urlsplit(url)
        port_is_wrong = target.port == 0
    except ValueError as error:
        raise UploadError(name, f"{url[:200]} is not a URL: {error}") from error
    if target.scheme not in ("http", "https") or not target.hostname or port_is_wrong:
        raise UploadError(name, f"{url[:200]} is not a URL of http or https")
    if target.username is not None or target.password is not None:
        raise UploadError(name, "URLs with a user or password in them are not fetched")
    return target


def _connect(
    name: str, target: SplitResult, policy: UploadPolicy, deadline: float
) -> socket.socket:
    """Connect to an address of the host that may be connected to."""
    host = target.hostname or ""
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        addresses = resolve(host, port, policy.networks)
    except ForbiddenAddressError as error:
        raise UploadError(
            name,
            f"{host} leads to {error}, which is not a public address",
            hint="post the table with the request: UPLOAD=name,param:field",
            status=403,
        ) from error
    except (OSError, UnicodeError) as error:
        raise UploadError(name, f"the host {host!r} cannot be found: {error}") from error
    failure: OSError | None = None
    for address in addresses:
        seconds = min(_SILENCE_SECONDS, deadline - time.monotonic())
        if seconds <= 0:
            raise _too_slow(name, target.geturl(), policy)
        try:
            return socket.create_connection((address, port), timeout=seconds)
        except OSError as error:
            failure = error
    raise UploadError(name, f"{host} does not answer: {failure}") from failure


def _path(target: SplitResult) -> str:
    return (target.path or "/") + (f"?{target.query}" if target.query else "")


def _body(
    name: str,
    url: str,
    answer: http.client.HTTPResponse,
    policy: UploadPolicy,
    check: Callable[[], None],
    deadline: float,
) -> IO[bytes]:
    """Put the body aside; `fetch` says what is raised."""
    if answer.status != http.HTTPStatus.OK:
        raise UploadError(name, f"{url} answers {answer.status} {answer.reason}")
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115
    try:
        count = 0
        while chunk := answer.read(_CHUNK_BYTES):
            check()
            count += len(chunk)
            if count > policy.size:
                raise UploadError(
                    name,
                    f"{url} has more than {readable_size(policy.size)}",
                    hint="leave columns out, or upload the table in parts",
                    status=413,
                )
            file.write(chunk)
        # A line that was shut down ends like any other.
        if time.monotonic() >= deadline:
            raise _too_slow(name, url, policy)
        if answer.length:
            raise UploadError(name, f"{url} broke off after {count} bytes")
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _too_slow(name: str, url: str, policy: UploadPolicy) -> UploadError:
    return UploadError(
        name, f"{url} took more than {policy.seconds:g} s", status=408, hint="post the table itself"
    )
