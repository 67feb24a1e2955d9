"""Writing registry documents: namespaces, elements, and elements taken from other documents."""

from __future__ import annotations

import copy
import re
from datetime import UTC, datetime

from lxml import etree

XSI = "http://www.w3.org/2001/XMLSchema-instance"
RI = "http://www.ivoa.net/xml/RegistryInterface/v1.0"

#: Prefixes of the documents; the recommended ones, which old readers take for granted.
NAMESPACES = {
    "ri": RI,
    "vr": "http://www.ivoa.net/xml/VOResource/v1.0",
    "vg": "http://www.ivoa.net/xml/VORegistry/v1.0",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "tr": "http://www.ivoa.net/xml/TAPRegExt/v1.0",
    "xsi": XSI,
}

#: Everything but the Char of XML 1.0, section 2.2.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_TYPE = f"{{{XSI}}}type"


def clean(text: str) -> str:
    """Return the text without the characters that XML forbids."""
    return _ILLEGAL.sub("", text)


def one_line(text: str) -> str:
    """Return the text with single blanks where it has blanks and line ends."""
    return " ".join(text.split())


def child(
    parent: etree._Element, name: str, text: str | None = None, /, **attributes: str | None
) -> etree._Element:
    """Append an element without namespace; attributes that are ``None`` are left out.

    The attributes ``ivo_id`` and ``xsi_type`` stand for ``ivo-id`` and ``xsi:type``.
    """
    element = etree.SubElement(parent, name)
    if text is not None:
        element.text = clean(text)
    for key, value in attributes.items():
        if value is not None:
            element.set({"ivo_id": "ivo-id", "xsi_type": _TYPE}.get(key, key), clean(value))
    return element


def optional(parent: etree._Element, name: str, text: str | None) -> None:
    """Append an element if there is a text for it."""
    if text:
        child(parent, name, text)


def adopted(element: etree._Element) -> etree._Element:
    """Return a copy of an element for a document with our prefixes.

    The prefixes in ``xsi:type`` are text for an XML library: they are looked up where the element
    comes from, and written as they are in `NAMESPACES`.

    Raises
    ------
    ValueError
        If a type is of a namespace that is not in `NAMESPACES`.
    """
    prefixes = {uri: prefix for prefix, uri in NAMESPACES.items()}
    types: list[str | None] = []
    for node in element.iter(etree.Element):
        name = node.get(_TYPE)
        if name is not None:
            prefix, _, local = name.rpartition(":")
            uri = node.nsmap.get(prefix or None)
            if uri not in prefixes:
                raise ValueError(f"xsi:type {name}: the prefix stands for no known namespace")
            name = f"{prefixes[uri]}:{local}"
        types.append(name)
    own = copy.deepcopy(element)
    for node, name in zip(own.iter(etree.Element), types, strict=True):
        if name is not None:
            node.set(_TYPE, name)
    return own


def timestamp(moment: datetime) -> str:
    """Return a moment, which knows its zone, as OAI-PMH and VOResource write it: UTC, seconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def serialized(root: etree._Element) -> bytes:
    """Return a whole document."""
    etree.cleanup_namespaces(root, keep_ns_prefixes=list(NAMESPACES))
    content: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content
