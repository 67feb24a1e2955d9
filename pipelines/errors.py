"""Failures of a pipeline that its user can do something about."""

from __future__ import annotations

import importlib
from types import ModuleType

from epntap.errors import UserError


class PipelineError(UserError):
    """A pipeline cannot do what was asked of it."""


class SourceError(PipelineError):
    """Input data are missing, unreadable or not what they claim to be."""


class NoDataError(SourceError):
    """A source that works has no measurements of what was asked for."""


class LabelError(PipelineError):
    """A list of labelled events cannot be used."""


class WeightsError(PipelineError):
    """The weights of a network are missing or do not fit the network."""


class MissingDependencyError(PipelineError):
    """A library that only pipelines need is not installed."""


def require(module: str, extra: str = "pipelines") -> ModuleType:
    """Import a library that only an extra of the package installs.

    Parameters
    ----------
    module
        Name of the module, e.g. ``torch``.
    extra
        The extra of the ``epntap`` distribution that installs it.

    Raises
    ------
    MissingDependencyError
        If the library is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        library = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != library:
            raise  # the library is there, but something that it needs itself is not
        raise MissingDependencyError(
            f"{library} is not installed, and this pipeline needs it",
            hint=f"pip install 'epntap[{extra}]'",
        ) from error
