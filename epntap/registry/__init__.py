"""The publishing registry: VOResource records of the service and its tables, over OAI-PMH 2.0."""

from epntap.registry.routes import RegistryRoutes
from epntap.registry.site import Site, site_of

__all__ = ["RegistryRoutes", "Site", "site_of"]
