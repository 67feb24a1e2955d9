"""The four kinds of records: the authority, the registry, the TAP service, a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from lxml import etree

from epntap.catalogue import Description, Person, Reference
from epntap.registry.holdings import Holding, Holdings, Published
from epntap.registry.site import Site
from epntap.registry.voresource import (
    Content,
    Curation,
    Relationship,
    Source,
    add_names,
    add_rights,
    resource,
)
from epntap.registry.xml import adopted, child
from epntap.settings import Settings
from epntap.tables import Schema, TableSet
from epntap.tap.vosi import capabilities_document
from epntap.tap.vosi_tables import tables_document

#: Paths of the identifiers; that of a table is `table_path`.
REGISTRY_PATH = "registry"
TAP_PATH = "tap"

#: Capability of a table that a TAP service described elsewhere serves (Discovering Data
#: Collections within Services 1.1).
TAP_AUX = "ivo://ivoa.net/std/TAP#aux"

_REGISTRY_STANDARD = "ivo://ivoa.net/std/Registry"

#: Subject of the records that are about no data.
_SERVICE_SUBJECT = "virtual-observatories"


def table_path(name: str) -> str:
    """Return the path in the identifier of a catalogue's table."""
    return f"{name}/epn_core"


def authority_resource(site: Site, holdings: Holdings) -> etree._Element:
    """Return the ``vg:Authority``: who may make identifiers below ``ivo://<authority>``."""
    text = f"The naming authority of {site.name}{_run_by(site)}."
    if not site.is_registered:
        text += (
            " The name is a placeholder: the service is not registered, and its identifiers are"
            " valid nowhere else."
        )
    root = resource(
        site,
        "vg:Authority",
        site.identifier(),
        f"{site.name}: naming authority",
        _own_curation(site, holdings.installed),
        Content([_SERVICE_SUBJECT], text, f"{site.url}/help", types=["Other"]),
    )
    child(root, "managingOrg", site.organisation)
    return root


def registry_resource(site: Site, holdings: Holdings, page_size: int) -> etree._Element:
    """Return the ``vg:Registry``: the publishing registry itself (VORegistry 1.1).

    Parameters
    ----------
    page_size
        Records that one answer holds at most.
    """
    root = resource(
        site,
        "vg:Registry",
        site.identifier(REGISTRY_PATH),
        f"{site.name}: publishing registry",
        _own_curation(site, holdings.installed),
        Content(
            [_SERVICE_SUBJECT],
            f"Descriptions of everything that {site.name} publishes, to be harvested by OAI-PMH.",
            f"{site.url}/help",
            types=["Registry"],
        ),
    )
    harvest = child(root, "capability", xsi_type="vg:Harvest", standardID=_REGISTRY_STANDARD)
    interface = child(harvest, "interface", xsi_type="vg:OAIHTTP", role="std")
    child(interface, "accessURL", f"{site.url}/oai.xml", use="base")
    child(harvest, "maxRecords", str(page_size))
    child(root, "full", "false")
    child(root, "managedAuthority", site.authority)
    return root


def tap_resource(site: Site, holdings: Holdings, settings: Settings) -> etree._Element:
    """Return the ``vs:CatalogService``: the TAP service with all its EPN-TAP tables.

    Capabilities and tables are those of ``/tap/capabilities`` and ``/tap/tables``. The columns
    are left to the records of the tables.
    """
    published = [(each, each.published) for each in holdings.catalogues if each.published]
    names = ", ".join(f"{holding.catalogue.name}.epn_core" for holding, _ in published)
    root = resource(
        site,
        "vs:CatalogService",
        site.identifier(TAP_PATH),
        site.name,
        _own_curation(site, holdings.installed, tap_updated(site, holdings)),
        Content(
            _subjects(holding.catalogue.description for holding, _ in published),
            f"EPN-TAP service{_run_by(site)}: tables in the EPNcore data model, queried in ADQL."
            f" Its tables are {names or 'yet to be published'}.",
            f"{site.url}/help",
            types=["Catalog"],
            level="Research",
            relationships=[
                Relationship(
                    "IsServiceFor",
                    holding.catalogue.description.title,
                    site.identifier(table_path(holding.catalogue.name)),
                )
                for holding, _ in published
            ],
        ),
        short_name=site.name,
    )
    for capability in _elements(capabilities_document(settings), "capability"):
        root.append(adopted(capability))
    _add_tableset(root, [version.schema for _, version in published if version], columns=False)
    return root


def tap_updated(site: Site, holdings: Holdings) -> datetime:
    """Return when the record of the TAP service changed: with every change of a catalogue."""
    return max(
        [site.since, holdings.installed, *(holding.updated for holding in holdings.catalogues)]
    )


def table_resource(site: Site, holding: Holding, published: Published) -> etree._Element:
    """Return the ``vs:CatalogResource`` of one published table (EPN-TAP 2.0, on registration).

    Parameters
    ----------
    holding, published
        The catalogue and what is published of it.
    """
    description = holding.catalogue.description
    main, others = _main_reference(description.references)
    root = resource(
        site,
        "vs:CatalogResource",
        site.identifier(table_path(description.name)),
        description.title,
        Curation(
            publisher=description.publisher,
            creators=description.creators,
            contact=description.contact,
            created=holding.created,
            updated=holding.updated,
            version=str(published.number),
        ),
        Content(
            description.subjects,
            description.description,
            description.reference_url or f"{site.url}/catalogue/{description.name}",
            types=["Catalog"],
            level="Research",
            source=main,
            relationships=[
                Relationship("IsServedBy", site.name, site.identifier(TAP_PATH)),
                *(Relationship("Cites", _citation(each)) for each in others),
            ],
        ),
        short_name=description.name,
    )
    add_rights(root, description.rights, description.rights_url)
    capability = child(root, "capability", standardID=TAP_AUX)
    interface = child(capability, "interface", xsi_type="vs:ParamHTTP", role="std", version="1.1")
    child(interface, "accessURL", f"{site.url}/tap", use="base")
    add_names(root, "facility", description.facilities)
    add_names(root, "instrument", description.instruments)
    if published.interval is not None:
        first, last = published.interval
        child(child(root, "coverage"), "temporal", f"{first:.5f} {last:.5f}")
    tableset = _add_tableset(root, [published.schema], columns=True)
    _add_row_count(tableset, published.rows)
    return root


def _own_curation(site: Site, created: datetime, updated: datetime | None = None) -> Curation:
    """Return who runs the service; it is as old as the database, and changes when it starts."""
    return Curation(
        publisher=site.organisation,
        creators=[Person(name=site.organisation)],
        contact=Person(name=site.organisation, email=site.email),
        created=created,
        updated=updated or max(created, site.since),
    )


def _run_by(site: Site) -> str:
    return f" of {site.organisation}" if site.organisation != site.name else ""


def _subjects(descriptions: Iterable[Description]) -> list[str]:
    """Return the subjects of all tables, each once."""
    subjects = dict.fromkeys(subject for each in descriptions for subject in each.subjects)
    return list(subjects) or [_SERVICE_SUBJECT]


def _main_reference(references: Sequence[Reference]) -> tuple[Source | None, list[Reference]]:
    """Return the first reference that can be a ``source``, and the ones beside it."""
    for i, reference in enumerate(references):
        others = [*references[:i], *references[i + 1 :]]
        if reference.bibcode:
            return Source(reference.bibcode, "bibcode"), others
        if reference.doi:
            return Source(f"doi:{reference.doi}", "doi"), others
    return None, list(references)


def _citation(reference: Reference) -> str:
    """Return a reference in one line; VOResource has no attribute for the DOI of a relation."""
    where = f"doi:{reference.doi}" if reference.doi else reference.bibcode or reference.url
    return f"{reference.title} ({where})" if where else reference.title


def _add_tableset(
    root: etree._Element, schemas: Sequence[Schema], *, columns: bool
) -> etree._Element:
    document = tables_document(TableSet(tuple(schemas)), with_columns=columns)
    tableset = child(root, "tableset")
    for schema in _elements(document, "schema"):
        tableset.append(adopted(schema))
    return tableset


def _add_row_count(tableset: etree._Element, rows: int) -> None:
    """Say how many rows the one table has; the element stands before columns and keys."""
    (table,) = tableset.iterfind("schema/table")
    element = etree.Element("nrows")
    element.text = str(rows)
    behind = len(table.findall("column")) + len(table.findall("foreignKey"))
    table.insert(len(table) - behind, element)


def _elements(document: bytes, name: str) -> list[etree._Element]:
    return list(etree.fromstring(document).iterfind(name))
