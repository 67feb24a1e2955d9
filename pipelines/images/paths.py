"""Files of images that a source names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.images.errors import ImageError


def image_paths(source: str | Path, suffixes: Sequence[str]) -> list[Path]:
    """Return the images that a source names: a file, or those in a folder by name.

    Parameters
    ----------
    source
        A file, whatever its name, or a folder.
    suffixes
        Endings, in lower case, of the files in a folder that are images.

    Raises
    ------
    ImageError
        If there are none.
    """
    path = Path(source)
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix.lower() in suffixes)
    if not found:
        raise ImageError(
            f"no image is in {path}", hint=f"files are looked for that end in {', '.join(suffixes)}"
        )
    return found
