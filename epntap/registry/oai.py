"""Answers of OAI-PMH 2.0, as IVOA Registry Interfaces 1.1 wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lxml import etree

from epntap.registry.dublincore import OAI_DC, OAI_DC_SCHEMA, dublin_core
from epntap.registry.holdings import Holdings
from epntap.registry.oai_requests import (
    OaiError,
    OaiRequest,
    Selection,
    oai_request,
    selection,
    write_token,
)
from epntap.registry.records import Record, earliest_datestamp, find_record
from epntap.registry.resources import registry_resource
from epntap.registry.site import Site
from epntap.registry.xml import NAMESPACES, RI, XSI, clean, serialized, timestamp

#: The one set: what this registry manages, for full registries to harvest.
SET_NAME = "ivo_managed"

_OAI = "http://www.openarchives.org/OAI/2.0/"
_OAI_SCHEMA = f"{_OAI} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd"


@dataclass(frozen=True, slots=True)
class _Format:
    """A metadata format: where its schema is, and its namespace."""

    schema: str
    namespace: str


_FORMATS = {"ivo_vor": _Format(RI, RI), "oai_dc": _Format(OAI_DC_SCHEMA, OAI_DC)}


@dataclass(frozen=True, slots=True)
class Repository:
    """What is harvested at one moment.

    Attributes
    ----------
    site, holdings
        Who publishes, and what.
    records
        In the order in which they are harvested.
    page_size
        Records that one answer holds at most.
    """

    site: Site
    holdings: Holdings
    records: tuple[Record, ...]
    page_size: int

    def answer(self, pairs: Sequence[tuple[str, str]]) -> bytes:
        """Return the document that answers a request.

        Parameters
        ----------
        pairs
            Names and values of the arguments, as they came.
        """
        root = etree.Element(f"{{{_OAI}}}OAI-PMH", nsmap={"oai": _OAI, **NAMESPACES})
        root.set(f"{{{XSI}}}schemaLocation", _OAI_SCHEMA)
        _add(root, "responseDate", timestamp(datetime.now(UTC)))
        echo = _add(root, "request", f"{self.site.url}/oai.xml")
        try:
            request = oai_request(pairs)
            content = self._content(request)
        except OaiError as error:
            # The arguments of a request that is no request are not repeated (section 3.2).
            if error.code not in ("badVerb", "badArgument"):
                _echo(echo, oai_request(pairs))
            _add(root, "error", error.message).set("code", error.code)
        else:
            _echo(echo, request)
            root.append(content)
        return serialized(root)

    def _content(self, request: OaiRequest) -> etree._Element:
        content = etree.Element(f"{{{_OAI}}}{request.verb}")
        match request.verb:
            case "Identify":
                self._identify(content)
            case "ListMetadataFormats":
                self._list_formats(content, request.arguments.get("identifier"))
            case "ListSets":
                _list_sets(content, request)
            case "GetRecord":
                format_name = _known_format(request.arguments["metadataPrefix"])
                _add_record(content, self._find(request.arguments["identifier"]), format_name)
            case _:
                self._list(content, selection(request))
        return content

    def _identify(self, content: etree._Element) -> None:
        _add(content, "repositoryName", self.site.name)
        _add(content, "baseURL", f"{self.site.url}/oai.xml")
        _add(content, "protocolVersion", "2.0")
        _add(content, "adminEmail", self.site.email)
        earliest = earliest_datestamp(self.records, self.holdings)
        _add(content, "earliestDatestamp", timestamp(earliest))
        _add(content, "deletedRecord", "persistent")
        _add(content, "granularity", "YYYY-MM-DDThh:mm:ssZ")
        _add(content, "description").append(
            registry_resource(self.site, self.holdings, self.page_size)
        )

    def _list_formats(self, content: etree._Element, identifier: str | None) -> None:
        if identifier is not None:
            self._find(identifier)
        for prefix, form in _FORMATS.items():
            element = _add(content, "metadataFormat")
            _add(element, "metadataPrefix", prefix)
            _add(element, "schema", form.schema)
            _add(element, "metadataNamespace", form.namespace)

    def _find(self, identifier: str) -> Record:
        record = find_record(self.records, identifier)
        if record is None:
            raise OaiError("idDoesNotExist", f"there is no record {identifier!r}")
        return record

    def _list(self, content: etree._Element, chosen: Selection) -> None:
        """Fill ListIdentifiers or ListRecords with one page."""
        format_name = _known_format(chosen.prefix)
        found = [record for record in self.records if _matches(record, chosen)]
        left = [record for record in found if _is_after(record, chosen)]
        if not left and chosen.after is not None:
            raise OaiError(
                "badResumptionToken", "the list has changed and has nothing left; harvest it anew"
            )
        if not left:
            raise OaiError("noRecordsMatch", "no record is in that set and between those dates")
        page = left[: self.page_size]
        for record in page:
            if etree.QName(content).localname == "ListRecords":
                _add_record(content, record, format_name)
            else:
                _add_header(content, record)
        if len(page) < len(left) or chosen.after is not None:
            self._add_token(content, chosen, page, whole=len(page) == len(left), size=len(found))

    def _add_token(
        self,
        content: etree._Element,
        chosen: Selection,
        page: Sequence[Record],
        *,
        whole: bool,
        size: int,
    ) -> None:
        """Append the token of the next page; the one of the last page is empty."""
        last = page[-1]
        following = replace(
            chosen,
            cursor=chosen.cursor + len(page),
            after=(last.datestamp, last.identifier),
        )
        token = _add(content, "resumptionToken", None if whole else write_token(following))
        token.set("completeListSize", str(size))
        token.set("cursor", str(chosen.cursor))


def _matches(record: Record, chosen: Selection) -> bool:
    return (
        chosen.set_name in (None, SET_NAME)
        and (chosen.earliest is None or record.datestamp >= chosen.earliest)
        and (chosen.latest is None or record.datestamp <= chosen.latest)
    )


def _is_after(record: Record, chosen: Selection) -> bool:
    return chosen.after is None or (record.datestamp, record.identifier) > chosen.after


def _known_format(prefix: str) -> str:
    if prefix not in _FORMATS:
        raise OaiError(
            "cannotDisseminateFormat",
            f"there is no format {prefix!r}; the formats are {', '.join(_FORMATS)}",
        )
    return prefix


def _list_sets(content: etree._Element, request: OaiRequest) -> None:
    if request.arguments:
        raise OaiError("badResumptionToken", "the sets fit one answer; no token was given out")
    element = _add(content, "set")
    _add(element, "setSpec", SET_NAME)
    _add(element, "setName", "Records that this registry manages")


def _add_record(content: etree._Element, record: Record, format_name: str) -> None:
    element = _add(content, "record")
    _add_header(element, record)
    if record.resource is None:
        return
    resource = record.resource()
    metadata = _add(element, "metadata")
    if format_name == "oai_dc":
        resource = dublin_core(resource)
        resource.set(f"{{{XSI}}}schemaLocation", f"{OAI_DC} {OAI_DC_SCHEMA}")
    metadata.append(resource)


def _add_header(parent: etree._Element, record: Record) -> None:
    header = _add(parent, "header")
    if record.is_deleted:
        header.set("status", "deleted")
    _add(header, "identifier", record.identifier)
    _add(header, "datestamp", timestamp(record.datestamp))
    _add(header, "setSpec", SET_NAME)


def _echo(element: etree._Element, request: OaiRequest) -> None:
    for name, value in {"verb": request.verb, **request.arguments}.items():
        element.set(name, clean(value))


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{_OAI}}}{name}")
    if text is not None:
        element.text = clean(text)
    return element
