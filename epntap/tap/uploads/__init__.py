"""TAP_UPLOAD: tables that come with a query, for that query alone (TAP 1.1, section 2.7.6).

`declared_uploads` reads the parameter, `obtain` brings the documents, `load` makes temporary
tables of them and `with_uploads` puts these beside what is published.
"""

from epntap.tap.uploads.declaration import (
    MAX_UPLOADS,
    InlineSource,
    RemoteSource,
    Upload,
    declared_uploads,
)
from epntap.tap.uploads.errors import UploadError
from epntap.tap.uploads.loading import UploadFile, close, load, obtain, with_uploads
from epntap.tap.uploads.policy import UploadPolicy

__all__ = [
    "MAX_UPLOADS",
    "InlineSource",
    "RemoteSource",
    "Upload",
    "UploadError",
    "UploadFile",
    "UploadPolicy",
    "close",
    "declared_uploads",
    "load",
    "obtain",
    "with_uploads",
]
