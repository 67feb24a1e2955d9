"""Publish catalogues of planetary science and heliophysics as EPN-TAP services."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("epntap")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
