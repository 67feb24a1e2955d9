"""Native table -> EPNcore rows -> versioned table -> visible, all or nothing."""

from epntap.publish.native import DataFrameSource, NativeSource, open_native
from epntap.publish.publication import Publication, publish
from epntap.publish.versions import Listing, drop, list_catalogues, rollback

__all__ = [
    "DataFrameSource",
    "Listing",
    "NativeSource",
    "Publication",
    "drop",
    "list_catalogues",
    "open_native",
    "publish",
    "rollback",
]
