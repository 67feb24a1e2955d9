"""The publishing registry: VOResource records of the service and its tables, over OAI-PMH 2.0."""

from epntap.registry.holdings import Holding, Holdings, read_holdings
from epntap.registry.records import Record, registry_records
from epntap.registry.routes import RegistryRoutes
from epntap.registry.site import Site, site_of

__all__ = [
    "Holding",
    "Holdings",
    "Record",
    "RegistryRoutes",
    "Site",
    "read_holdings",
    "registry_records",
    "site_of",
]
