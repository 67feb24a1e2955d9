"""Passwords of the database's logins.

Only one secret is ever kept or given: the owner's password. Those of the lesser logins are
computed from it, so that every machine that has the DSN can log in as each of them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from epntap.errors import DatabaseUnavailableError

#: Cost of a guess at the owner's password for somebody who has seen the reader's: 16 MiB and some
#: 40 ms (RFC 7914, section 2; N = 2^14, r = 8, p = 1).
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class Passwords:
    """Passwords of the lesser logins; ``None`` where the server asks for none."""

    publisher: str | None
    reader: str | None
    uploader: str | None = None


def derive_passwords(owner_password: str | None, database: str) -> Passwords:
    """Compute the passwords of the lesser logins from the owner's.

    Parameters
    ----------
    owner_password
        ``None`` or empty when the server trusts the connection: then nobody has a password.
    database
        Name of the database; it salts the derivation, so that two services do not share passwords.
    """
    if not owner_password:
        return Passwords(None, None)
    key = hashlib.scrypt(
        owner_password.encode(), salt=f"epntap database {database}".encode(), dklen=32, **_SCRYPT
    )
    return Passwords(
        publisher=_expand(key, "publisher"),
        reader=_expand(key, "reader"),
        uploader=_expand(key, "uploader"),
    )


def derive_embedded_owner_password(secret: str) -> str:
    """Compute the owner's password from the secret of the embedded server (its superuser's)."""
    return _expand(secret.encode(), "owner")


def _expand(key: bytes, label: str) -> str:
    return hmac.new(key, f"epntap {label}".encode(), hashlib.sha256).hexdigest()


def read_or_create_secret(path: Path, *, create: bool) -> str:
    """Return the secret of the embedded server, made on first use with mode 0600.

    Raises
    ------
    DatabaseUnavailableError
        If it is missing although the server's data exist, or cannot be read.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        if not create:
            raise DatabaseUnavailableError(
                f"the password of the embedded database is missing: {path}",
                hint="restore the file from a backup, or move the data away to start anew",
            ) from None
    except OSError as error:
        raise DatabaseUnavailableError(f"cannot read {path}: {error.strerror}") from error
    secret = secrets.token_urlsafe(32)
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return secret
