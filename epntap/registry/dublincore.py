"""Dublin Core of a record: what a harvester gets who knows nothing of the virtual observatory."""

from __future__ import annotations

from lxml import etree

OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
OAI_DC_SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
_DC = "http://purl.org/dc/elements/1.1/"

#: Where each element comes from; those that may be repeated are, in this order.
_SOURCES = (
    ("title", "title"),
    ("creator", "curation/creator/name"),
    ("subject", "content/subject"),
    ("description", "content/description"),
    ("publisher", "curation/publisher"),
    ("contributor", "curation/contributor"),
    ("date", "curation/date[@role='Updated']"),
    ("type", "content/type"),
    ("identifier", "identifier"),
    ("identifier", "content/referenceURL"),
    ("source", "content/source"),
    ("relation", "content/relationship/relatedResource/@ivo-id"),
    ("rights", "rights"),
)


def dublin_core(resource: etree._Element) -> etree._Element:
    """Return the ``oai_dc:dc`` of an ``ri:Resource`` (OAI-PMH 2.0, section 3.4)."""
    root = etree.Element(f"{{{OAI_DC}}}dc", nsmap={"oai_dc": OAI_DC, "dc": _DC})
    for name, path in _SOURCES:
        for found in resource.xpath(path):
            text = found if isinstance(found, str) else found.text
            if text:
                etree.SubElement(root, f"{{{_DC}}}{name}").text = str(text)
    return root
