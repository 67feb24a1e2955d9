"""The metadata of a descriptor in a catalogue's words."""

from __future__ import annotations

import re
from typing import Any

from epntap.epncore import read_standard
from epntap.importing.descriptor import Meta
from epntap.importing.notes import Notes

#: Metadata that the service makes itself, or has no use for.
_UNUSED = re.compile(
    r"creationDate|dateUpdated|schema-rank|_.*|coverage\..*|shortName|type|contentLevel|"
    r"instrument\.altIdentifier|utype|doi|creator\.altIdentifier"
)
_SUBJECT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_BIBCODE = re.compile(r"\d{4}[A-Za-z&.]{5}[\w.&]{9}[A-Z.]")
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.\d{4,9}/\S+)", re.IGNORECASE)


def translate_metadata(entries: list[Meta], name: str, notes: Notes) -> dict[str, Any]:
    """Return the keys of a catalogue that describe it as a whole, except frame and mapping.

    What DaCHS takes from the site's defaults is filled in as far as it can be and reported.
    """
    by_name: dict[str, list[Meta]] = {}
    for entry in entries:
        by_name.setdefault(entry.name, []).append(entry)
    given = _Given(by_name)
    title = given.one("title")
    description = given.one("description")
    creators = _creators(given, notes)
    contact = _contact(given)
    publisher = given.one("publisher") or given.one("publisher.name")
    result: dict[str, Any] = {
        "name": name,
        "title": title or notes.missing("title", name),
        "description": description or notes.missing("description", title or name),
        "creators": creators or [notes.missing("creators", "unknown")],
        "publisher": publisher or notes.missing("publisher", "unknown"),
        "contact": contact or {"name": notes.missing("contact.name", publisher or "unknown")},
        "rights": given.one("rights") or notes.missing("rights", "unknown"),
        "subjects": _subjects(given, notes),
    }
    for key, names in (
        ("rights_url", ("rights.rightsURI", "rightsURI")),
        ("reference_url", ("referenceURL",)),
    ):
        value = next((found for each in names if (found := given.one(each))), None)
        if value:
            result[key] = value
    for key, meta in (("facilities", "facility"), ("instruments", "instrument")):
        if values := [entry.value for entry in given.all(meta)]:
            result[key] = values
    if references := [_reference(entry.value) for entry in given.all("source")]:
        result["references"] = references
    for entry in given.rest():
        reason = "the service makes it itself or has no use for it"
        if _UNUSED.fullmatch(entry.name) is None:
            reason = "has no counterpart in a catalogue's description"
        notes.add(entry.line, f"meta {entry.name}", reason)
    return result


class _Given:
    """Metadata of which one can tell what nobody asked for."""

    def __init__(self, by_name: dict[str, list[Meta]]) -> None:
        self._by_name = by_name
        self._used: set[int] = set()

    def all(self, name: str) -> list[Meta]:
        """Return all values of a name."""
        entries = self._by_name.get(name, [])
        self._used.update(id(entry) for entry in entries)
        return entries

    def one(self, name: str) -> str | None:
        """Return the first value of a name; further ones stay in the rest."""
        entries = self._by_name.get(name, [])
        self._used.update(id(entry) for entry in entries[:1])
        return entries[0].value if entries else None

    def rest(self) -> list[Meta]:
        """Return what was not asked for, in the order of lines."""
        left = [e for entries in self._by_name.values() for e in entries if id(e) not in self._used]
        return sorted(left, key=lambda entry: entry.line)


def _creators(given: _Given, notes: Notes) -> list[dict[str, str] | str]:
    """Return people; DaCHS writes several in one text, ``Doe, J.; Roe, R.``."""
    names = [
        name.strip()
        for entry in (*given.all("creator"), *given.all("creator.name"))
        for name in entry.value.split(";")
        if name.strip()
    ]
    affiliations = given.all("creator.affiliation")
    if len(names) == len(affiliations):
        return [
            {"name": name, "affiliation": affiliation.value}
            for name, affiliation in zip(names, affiliations, strict=True)
        ]
    for entry in affiliations:
        notes.add(entry.line, "meta creator.affiliation", "it is not clear whose it is")
    return list(names)


def _contact(given: _Given) -> dict[str, str] | None:
    name = given.one("contact.name") or given.one("contact")
    if name is None:
        return None
    email = given.one("contact.email")
    return {"name": name, "email": email} if email else {"name": name}


def _subjects(given: _Given, notes: Notes) -> list[str]:
    subjects = []
    for entry in given.all("subject"):
        term = re.sub(r"[^a-z0-9]+", "-", entry.value.lower()).strip("-")
        if _SUBJECT.fullmatch(entry.value) is None:
            notes.add(
                entry.line,
                f"subject {entry.value!r}",
                f"written as {term!r}; check that the Unified Astronomy Thesaurus has it",
            )
        if term:
            subjects.append(term)
    roots = read_standard().vocabularies["subject_roots"]
    if not roots.intersection(subjects):
        subjects.insert(0, notes.missing("subjects", "solar-system-astronomy"))
    return list(dict.fromkeys(subjects))


def _reference(text: str) -> dict[str, str]:
    if _BIBCODE.fullmatch(text):
        return {"title": text, "bibcode": text}
    if doi := _DOI.fullmatch(text):
        return {"title": text, "doi": doi[1]}
    return {"title": text, "url": text} if re.match(r"https?://", text) else {"title": text}
