"""A DaCHS resource descriptor as XML: read safely, its metadata gathered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from epntap.errors import UserError

#: Descriptors are written by hand; a larger file is none.
_LONGEST_FILE = 8 * 1024 * 1024


class DescriptorError(UserError):
    """A file is not a resource descriptor of an EPN-TAP table."""


@dataclass(frozen=True, slots=True)
class Meta:
    """One piece of metadata; names of nested ones are joined by dots."""

    name: str
    value: str
    line: int


def read_descriptor(path: Path) -> Any:
    """Read a descriptor; returns its ``resource`` element.

    No document type, entity or file from elsewhere is ever looked at.

    Raises
    ------
    DescriptorError
        If the file cannot be read, is no XML, has a DOCTYPE, or is no descriptor.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DescriptorError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _LONGEST_FILE:
        raise DescriptorError(f"{path} is too long for a resource descriptor")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise DescriptorError(f"{path}, line {error.lineno}: not valid XML: {error.msg}") from error
    if root.getroottree().docinfo.doctype:
        raise DescriptorError(
            f"{path} has a DOCTYPE; entities are not read", hint="write them out and remove it"
        )
    if root.tag != "resource":
        raise DescriptorError(f"{path} begins with <{root.tag}>, not with <resource>")
    return root


def attribute(element: Any, name: str) -> str | None:
    """Return what DaCHS lets one write as an attribute or as a child element."""
    if element.get(name) is not None:
        return str(element.get(name)).strip()
    child = element.find(name)
    return (child.text or "").strip() if child is not None else None


def own_text(element: Any) -> str:
    """Return the text of an element, without that of its children."""
    return "".join([element.text or "", *(child.tail or "" for child in element)]).strip()


def line_of(element: Any) -> int:
    """Return the line on which an element begins."""
    return int(element.sourceline or 0)


def metadata(element: Any, prefix: str = "") -> Iterator[Meta]:
    """Yield the metadata of an element: ``<meta>``, nested, or as lines of ``name: value``."""
    for child in element.findall("meta"):
        name, text, line = child.get("name"), own_text(child), line_of(child)
        if name is None:
            yield from _meta_lines(text, line)
            continue
        full = f"{prefix}{name}"
        if text:
            yield Meta(full, " ".join(text.split()), line)
        for key, value in child.attrib.items():
            if key not in ("name", "format"):
                yield Meta(f"{full}.{key}", str(value), line)
        yield from metadata(child, f"{full}.")


def _meta_lines(text: str, line: int) -> Iterator[Meta]:
    """Read lines such as ``creator.name: Doe, J.``; a backslash at an end continues a line."""
    for entry in re.sub(r"\\\s*\n\s*", "", text).splitlines():
        name, colon, value = entry.strip().partition(":")
        if colon and value.strip():
            yield Meta(name.strip().lstrip("!"), value.strip(), line)


def is_epntap_mixin(name: str) -> bool:
    """Tell whether a mixin is the one of EPN-TAP 2.0 tables."""
    return re.fullmatch(r"//epntap2#(table|localfile)-2_0", name.strip()) is not None


def epntap_table(path: Path, root: Any) -> tuple[Any, Any | None]:
    """Return the ``table`` that mixes EPN-TAP in, and its ``mixin`` element, if that is one.

    Raises
    ------
    DescriptorError
        If there is none, or several.
    """
    found: list[tuple[Any, Any | None]] = []
    for table in root.iter("table"):
        mixins = [m for m in table.findall("mixin") if is_epntap_mixin(own_text(m))]
        if mixins:
            found.append((table, mixins[0]))
        elif is_epntap_mixin(table.get("mixin") or ""):
            found.append((table, None))
    if len(found) != 1:
        raise DescriptorError(
            f"{path} has {len(found) or 'no'} tables with the mixin //epntap2#table-2_0",
            hint="a catalogue is made of a descriptor with one EPN-TAP table",
        )
    return found[0]
