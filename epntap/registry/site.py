"""Who publishes: the naming authority, the organisation, and the identifiers that follow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from epntap.errors import UserError
from epntap.settings import Settings

#: An authority identifier (VOResource 1.1, ``vr:AuthorityID``).
_AUTHORITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_.!~*'()+=]{2,}")

#: A mail address as VOResource and OAI-PMH accept it.
_EMAIL = re.compile(r"[^\s@]+@([^\s@.]+\.)+[^\s@.]+")


@dataclass(frozen=True, slots=True)
class Site:
    """What the records say of the publisher.

    Attributes
    ----------
    authority
        Authority identifier: what stands between ``ivo://`` and the first slash.
    name
        Name of the service.
    organisation
        Who runs it.
    email
        Where its administrators are reached.
    url
        Base URL of the service, without a slash at the end.
    since
        Start of this service. Settings and software, of which the records are made too, can have
        changed then, so no record that is active counts as older.
    """

    authority: str
    name: str
    organisation: str
    email: str
    url: str
    since: datetime

    @property
    def is_registered(self) -> bool:
        """Whether the authority can be one that is known to the IVOA's registries."""
        return not self.authority.lower().startswith("x-")

    def identifier(self, path: str = "") -> str:
        """Return the IVOA identifier of a resource of this authority."""
        return f"ivo://{self.authority}/{path}" if path else f"ivo://{self.authority}"


def site_of(settings: Settings, since: datetime | None = None) -> Site:
    """Return what the settings say of the publisher.

    Parameters
    ----------
    since
        Start of the service; now, if not given.

    Raises
    ------
    UserError
        If the authority or the mail address is not one.
    """
    authority = settings.authority
    if not _AUTHORITY.fullmatch(authority):
        raise UserError(
            f"authority {authority!r} is not an IVOA authority identifier",
            hint="at least three letters, digits, dots or hyphens, e.g. vespa.example.org",
        )
    email = settings.contact_email or _postmaster(settings.url)
    if not _EMAIL.fullmatch(email):
        raise UserError(
            f"contact_email {email!r} is not a mail address", hint="e.g. vo@example.org"
        )
    return Site(
        authority=authority,
        name=settings.site_name,
        organisation=settings.organisation or settings.site_name,
        email=email,
        url=settings.url,
        since=(since or datetime.now(UTC)).replace(microsecond=0),
    )


def _postmaster(url: str) -> str:
    """Return the address that every mail domain has (RFC 2142, section 5)."""
    host = urlsplit(url).hostname or "localhost"
    if ":" in host or "." not in host:
        host = "localhost.localdomain"
    return f"postmaster@{host}"
