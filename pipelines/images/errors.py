"""What can be wrong with an image, its place on the body or its angles."""

from __future__ import annotations

from pipelines.errors import SourceError


class ImageError(SourceError):
    """An image cannot be read or holds nothing that can be measured."""


class GeoreferenceError(ImageError):
    """An image does not say where on the body it lies, or says it in an unusable way."""


class AngleError(ImageError):
    """Angles of Sun or view are missing, or no geometry can have them."""


class OutlineError(SourceError):
    """A file of outlines cannot be read, or an outline encloses nothing."""
