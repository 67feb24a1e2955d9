"""Which pipelines can be run on request here."""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass

from epntap.errors import UserError
from epntap.plugins import (
    RequestForm,
    RequestPipeline,
    find_pipeline,
    pipeline_names,
    takes_requests,
)
from epntap.requests.line import SERVICE_PREFIX
from epntap.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """A pipeline that can be run on request.

    Attributes
    ----------
    name, title, version
        Of the pipeline; its name is that of its entry point.
    pipeline
        Itself.
    """

    name: str
    title: str
    version: str
    pipeline: RequestPipeline

    @property
    def form(self) -> RequestForm:
        """What may be asked for."""
        return self.pipeline.request

    @property
    def service(self) -> str:
        """Name of its job list."""
        return f"{SERVICE_PREFIX}{self.name}"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A pipeline that would be offered if something were not missing.

    Attributes
    ----------
    name
        Of its entry point.
    reason
        What is missing.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Offers:
    """All pipelines that are installed and take requests.

    Attributes
    ----------
    available, unavailable
        In order of their names.
    """

    available: tuple[Offer, ...]
    unavailable: tuple[Unavailable, ...]


def find_offers(settings: Settings | None = None) -> Offers:
    """Return what can be run here; whatever is wrong with a pipeline keeps out no other.

    Parameters
    ----------
    settings
        ``requests`` names those that are wanted; without settings all are.
    """
    wanted = None if settings is None else settings.requests
    available: list[Offer] = []
    unavailable: list[Unavailable] = []
    for name in pipeline_names():
        if wanted is not None and name not in wanted:
            continue
        found = find_offer(name)
        if isinstance(found, Offer):
            available.append(found)
        elif found is not None:
            unavailable.append(found)
    for name in sorted(set(wanted or ()) - set(pipeline_names())):
        unavailable.append(Unavailable(name, "no such pipeline is installed"))
    return Offers(tuple(available), tuple(unavailable))


def find_offer(name: str) -> Offer | Unavailable | None:
    """Return one of them; ``None`` if the pipeline takes no requests."""
    try:
        pipeline = find_pipeline(name)
    except UserError as error:
        return Unavailable(name, str(error))
    except Exception:
        # A pipeline is anybody's code: the service starts without it.
        log.exception("pipeline %s cannot be loaded", name)
        return Unavailable(name, "it cannot be loaded")
    if not takes_requests(pipeline):
        return None
    missing = [each for each in pipeline.request.needs if importlib.util.find_spec(each) is None]
    if missing:
        return Unavailable(
            name, f"{', '.join(missing)} is not installed (pip install 'epntap[pipelines]')"
        )
    return Offer(name, pipeline.title, pipeline.version, pipeline)
