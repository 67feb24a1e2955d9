"""Whether links lead somewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: Seconds that a server may take to begin its answer.
_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """A link that leads nowhere, and why."""

    granule_uid: str
    url: str
    reason: str


def broken_links(links: Iterable[tuple[str, str]]) -> list[BrokenLink]:
    """Request links and return those that do not lead to something.

    Only the beginning of an answer is awaited: HEAD first, GET where a server does not know that.
    Links that are no http(s) URLs are left to rule E_VURL.

    Parameters
    ----------
    links
        Pairs of ``granule_uid`` and URL.
    """
    import requests  # slow to import

    broken: list[BrokenLink] = []
    with requests.Session() as session:
        session.headers["User-Agent"] = "epntap-validator (IVOA-validate)"
        for uid, url in links:
            if not url.lower().startswith(("http://", "https://")):
                continue
            try:
                status = _status(session, url)
            except requests.RequestException as error:
                broken.append(BrokenLink(uid, url, f"{url} does not answer: {error}"))
                continue
            if status >= 400:
                broken.append(BrokenLink(uid, url, f"{url} answers with HTTP status {status}"))
    return broken


def _status(session: requests.Session, url: str) -> int:  # type: ignore[name-defined]  # noqa: F821
    with session.head(url, timeout=_TIMEOUT_S, allow_redirects=True) as answer:
        if answer.status_code < 400:
            return int(answer.status_code)
    with session.get(url, timeout=_TIMEOUT_S, stream=True) as answer:
        return int(answer.status_code)
