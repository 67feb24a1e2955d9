"""The parts that all VOResource records have in common (VOResource 1.1, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lxml import etree

from epntap.catalogue import Person
from epntap.registry.site import Site
from epntap.registry.xml import NAMESPACES, RI, XSI, child, one_line, optional, timestamp

#: Longest shortName (VOResource 1.1, ``vr:ShortName``).
_SHORT_NAME_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Source:
    """The publication that a resource comes from: a bibcode or a DOI."""

    value: str
    format: str


@dataclass(frozen=True, slots=True)
class Relationship:
    """How a resource stands to another one.

    Attributes
    ----------
    kind
        Term of http://www.ivoa.net/rdf/voresource/relationship_type.
    title
        Name of the other resource.
    identifier
        Its IVOA identifier, where it has one.
    """

    kind: str
    title: str
    identifier: str | None = None


@dataclass(frozen=True, slots=True)
class Curation:
    """Who made a resource, and when."""

    publisher: str
    creators: Sequence[Person]
    contact: Person
    created: datetime
    updated: datetime
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What a resource is about.

    Attributes
    ----------
    subjects
        Identifiers of the Unified Astronomy Thesaurus.
    types
        Terms of http://www.ivoa.net/rdf/voresource/content_type.
    level
        Term of http://www.ivoa.net/rdf/voresource/content_level.
    """

    subjects: Sequence[str]
    description: str
    reference_url: str
    types: Sequence[str] = ()
    level: str | None = None
    source: Source | None = None
    relationships: Sequence[Relationship] = field(default=())


def resource(
    site: Site,
    kind: str,
    identifier: str,
    title: str,
    curation: Curation,
    content: Content,
    short_name: str | None = None,
) -> etree._Element:
    """Return an ``ri:Resource`` with everything up to its content.

    Parameters
    ----------
    site
        Who publishes.
    kind
        The ``xsi:type``, with a prefix of `NAMESPACES`.
    short_name
        Left out where it is too long.
    """
    root = etree.Element(f"{{{RI}}}Resource", nsmap=NAMESPACES)
    root.set(f"{{{XSI}}}type", kind)
    root.set("created", timestamp(curation.created))
    root.set("updated", timestamp(max(curation.updated, site.since)))
    root.set("status", "active")
    child(root, "title", one_line(title))
    if short_name and len(short_name) <= _SHORT_NAME_CHARACTERS:
        child(root, "shortName", short_name)
    child(root, "identifier", identifier)
    _add_curation(root, curation)
    _add_content(root, content)
    return root


def _add_curation(root: etree._Element, curation: Curation) -> None:
    element = child(root, "curation")
    child(element, "publisher", one_line(curation.publisher))
    for person in curation.creators:
        creator = child(element, "creator")
        child(creator, "name", one_line(person.name))
        optional(creator, "altIdentifier", _orcid(person))
    child(element, "date", timestamp(curation.created), role="Created")
    child(element, "date", timestamp(curation.updated), role="Updated")
    optional(element, "version", curation.version)
    contact = child(element, "contact")
    child(contact, "name", one_line(curation.contact.name))
    optional(contact, "address", curation.contact.affiliation)
    optional(contact, "email", curation.contact.email)
    optional(contact, "altIdentifier", _orcid(curation.contact))


def _add_content(root: etree._Element, content: Content) -> None:
    element = child(root, "content")
    for subject in content.subjects:
        child(element, "subject", subject)
    child(element, "description", one_line(content.description))
    if content.source is not None:
        child(element, "source", content.source.value, format=content.source.format)
    child(element, "referenceURL", content.reference_url)
    for kind in content.types:
        child(element, "type", kind)
    optional(element, "contentLevel", content.level)
    for each in content.relationships:
        relationship = child(element, "relationship")
        child(relationship, "relationshipType", each.kind)
        child(relationship, "relatedResource", one_line(each.title), ivo_id=each.identifier)


def add_rights(root: etree._Element, text: str, url: str | None = None) -> None:
    """Append the licence; ``rightsURI`` is of VOResource 1.1."""
    child(root, "rights", one_line(text), rightsURI=url)


def add_names(root: etree._Element, name: str, values: Iterable[str]) -> None:
    """Append one element for each name, e.g. of a facility."""
    for value in values:
        child(root, name, one_line(value))


def _orcid(person: Person) -> str | None:
    if not person.orcid:
        return None
    return f"https://orcid.org/{person.orcid.strip().rstrip('/').rpartition('/')[2]}"
