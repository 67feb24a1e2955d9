"""The records of the registry: what there is, since when, and how each is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from lxml import etree

from epntap.registry.holdings import Holding, Holdings
from epntap.registry.resources import (
    REGISTRY_PATH,
    TAP_PATH,
    authority_resource,
    registry_resource,
    table_path,
    table_resource,
    tap_resource,
    tap_updated,
)
from epntap.registry.site import Site
from epntap.settings import Settings


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes
    ----------
    identifier
        IVOA identifier.
    datestamp
        When it was made, changed or deleted, in whole seconds.
    resource
        Makes the ``ri:Resource``; ``None`` for a deleted record.
    """

    identifier: str
    datestamp: datetime
    resource: Callable[[], etree._Element] | None = field(compare=False)

    @property
    def is_deleted(self) -> bool:
        """Whether the resource is not there any more."""
        return self.resource is None


def registry_records(
    site: Site, settings: Settings, holdings: Holdings, page_size: int
) -> tuple[Record, ...]:
    """Return all records, by datestamp and identifier: the order in which they are harvested.

    A record that changes moves to the end, so that a harvest under way meets it once more rather
    than not at all.

    Parameters
    ----------
    site, settings
        Who publishes, and how it is served.
    holdings
        What is and was published.
    page_size
        Records that one answer holds at most.
    """
    own_stamp = max(site.since, holdings.installed.replace(microsecond=0))
    tap_stamp = tap_updated(site, holdings).replace(microsecond=0)
    records = [
        Record(site.identifier(), own_stamp, partial(authority_resource, site, holdings)),
        Record(
            site.identifier(REGISTRY_PATH),
            own_stamp,
            partial(registry_resource, site, holdings, page_size),
        ),
        Record(
            site.identifier(TAP_PATH), tap_stamp, partial(tap_resource, site, holdings, settings)
        ),
        *(_table_record(site, holding) for holding in holdings.catalogues),
    ]
    return tuple(sorted(records, key=lambda record: (record.datestamp, record.identifier)))


def _table_record(site: Site, holding: Holding) -> Record:
    identifier = site.identifier(table_path(holding.catalogue.name))
    updated = holding.updated.replace(microsecond=0)
    if holding.published is None:
        return Record(identifier, updated, None)
    make = partial(table_resource, site, holding, holding.published)
    return Record(identifier, max(updated, site.since), make)


def find_record(records: tuple[Record, ...], identifier: str) -> Record | None:
    """Return the record of an identifier, which is compared without case (IVOA Identifiers 2.0)."""
    wanted = identifier.lower()
    return next((each for each in records if each.identifier.lower() == wanted), None)


def earliest_datestamp(records: tuple[Record, ...], holdings: Holdings) -> datetime:
    """Return a moment before which nothing has changed, now and for ever (OAI-PMH 2.0, 4.2)."""
    return min([holdings.installed, *(record.datestamp for record in records)]).replace(
        microsecond=0
    )
