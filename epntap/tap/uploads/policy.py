"""What may be uploaded: how much, and from where."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from epntap.settings import Settings
from epntap.tap.uploads.errors import UploadError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class UploadPolicy:
    """The limits of uploads.

    Attributes
    ----------
    rows
        Rows of one table.
    size
        Bytes of all tables of a request together, counted after decompression.
    remote
        Whether tables are fetched from URLs.
    seconds
        Time that fetching one table may take.
    networks
        Networks that tables may be fetched from although they are not public.
    """

    rows: int
    size: int
    remote: bool
    seconds: float
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> UploadPolicy:
        """Return the policy that the settings describe."""
        return cls(
            rows=settings.upload_rows,
            size=settings.upload_bytes,
            remote=settings.upload_remote,
            seconds=settings.upload_seconds,
            networks=tuple(ipaddress.ip_network(text) for text in settings.upload_networks),
        )


class Allowance:
    """The bytes that a request may still upload.

    Parameters
    ----------
    size
        How many there are for all its tables.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size

    def take(self, count: int, name: str) -> None:
        """Use some up.

        Raises
        ------
        UploadError
            If there are not as many; names the limit.
        """
        self._left -= count
        if self._left < 0:
            raise UploadError(
                name,
                f"the uploads of a request may have {readable_size(self._size)} together, "
                "decompressed",
                hint="leave columns out, or upload the table in parts",
                status=413,
            )


def readable_size(count: int) -> str:
    """Return a number of bytes for people."""
    mebibytes = count / (1024 * 1024)
    return f"{mebibytes:.4g} MiB" if mebibytes >= 1 else f"{count} bytes"
