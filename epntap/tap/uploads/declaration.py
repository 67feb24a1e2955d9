"""The parameter UPLOAD: which tables a request brings (TAP 1.1, section 2.7.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from epntap.adql.words import RESERVED_WORDS
from epntap.tap.errors import RequestError
from epntap.tap.uploads.errors import UploadError

#: Tables that a request may upload.
MAX_UPLOADS = 16

#: PostgreSQL's limit of identifiers; ADQL's lexer refuses longer ones.
_LONGEST_NAME = 63

#: A regular identifier of ADQL (ADQL 2.1, section 2.1.2).
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)

#: A semicolon that begins the next table. Others belong to a URL.
_SEPARATOR = re.compile(r";(?=[^,;]*,\s*[A-Za-z][A-Za-z0-9+.-]*:)")

_FORM = "UPLOAD=name,param:field or UPLOAD=name,http://host/table.vot"


@dataclass(frozen=True, slots=True)
class InlineSource:
    """A table in a part of the request's own body, spooled to disk when it is large."""

    file: IO[bytes]


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A table that is to be fetched over http or https."""

    url: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A table that a request brings.

    Attributes
    ----------
    name
        Its name in the schema ``TAP_UPLOAD``.
    source
        Where it comes from.
    """

    name: str
    source: InlineSource | RemoteSource


def declared_uploads(
    values: Sequence[str], parts: Mapping[str, IO[bytes]], *, remote: bool
) -> tuple[Upload, ...]:
    """Return the tables that the values of UPLOAD declare.

    Parameters
    ----------
    values
        Each ``name,uri``, or several of these with semicolons between them (TAP 1.0).
    parts
        The parts of the multipart body, by their names.
    remote
        Whether URLs are allowed.

    Raises
    ------
    RequestError
        If a value has another form, a name is no regular identifier, is reserved or is used
        twice, a part is not there, or the URI is of a kind that is not supported.
    """
    uploads: list[Upload] = []
    taken: set[str] = set()
    for name, uri in _pairs(values):
        _check_name(name)
        if name.lower() in taken:
            raise UploadError(name, "there are two of this name; case makes no difference")
        taken.add(name.lower())
        uploads.append(Upload(name, _source(name, uri, parts, remote=remote)))
    if len(uploads) > MAX_UPLOADS:
        raise RequestError(f"a request may upload {MAX_UPLOADS} tables, this has {len(uploads)}")
    return tuple(uploads)


def _pairs(values: Sequence[str]) -> Iterator[tuple[str, str]]:
    for value in values:
        for item in _SEPARATOR.split(value.strip().rstrip(";")):
            name, comma, uri = (part.strip() for part in item.partition(","))
            if not (name and comma and uri):
                raise RequestError(f"UPLOAD={item[:100]} is not of the right form", hint=_FORM)
            yield name, uri


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise UploadError(
            name[:100],
            "this cannot be the name of a table",
            hint=f"a letter, then letters, digits and _, {_LONGEST_NAME} at most",
        )
    if name.upper() in RESERVED_WORDS:
        raise UploadError(name, f"{name.upper()} is a reserved word of ADQL", hint="rename it")


def _source(
    name: str, uri: str, parts: Mapping[str, IO[bytes]], *, remote: bool
) -> InlineSource | RemoteSource:
    scheme = urlsplit(uri).scheme.lower()
    if scheme == "param":
        part = uri.partition(":")[2]
        if part not in parts:
            raise UploadError(
                name,
                f"the request has no part named {part!r}",
                hint="post the table as multipart/form-data under that name",
            )
        return InlineSource(parts[part])
    if scheme not in ("http", "https"):
        raise UploadError(name, f"URIs of the kind {scheme or uri[:20]!r} are not read", hint=_FORM)
    if not remote:
        raise UploadError(
            name,
            "this service does not fetch tables from URLs",
            hint="post the table with the request: UPLOAD=name,param:field",
        )
    return RemoteSource(uri)
