"""A pipeline for tests that writes files beside its rows, and one that claims to do so by spans."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from epntap.errors import UserError

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class Provenance:
    source: str
    source_sha256: str

    def as_dict(self) -> dict[str, Any]:
        return {"pipeline": "pictured", "version": "1.0", **vars(self)}


@dataclass
class Found:
    frame: pd.DataFrame
    units: dict[str, str]
    provenance: Provenance
    products: Path | None = None

    def write(self, path: Path) -> None:
        self.frame.to_csv(path, index=False)


class Pictured:
    """Lines ``name depth`` of a file make objects."""

    name = "pictured"
    title = "Objects with pictures"
    version = "1.0"

    def run(self, source, *, products=None, scale=1.0, progress=None) -> Found:
        text = Path(source).read_text()
        folder = None if products is None else Path(products)
        rows = [
            self._row(number, line, folder, scale)
            for number, line in enumerate(text.split("\n"))
            if line
        ]
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Found(pd.DataFrame(rows), {}, Provenance(str(source), digest), folder)

    def _row(self, number: int, line: str, folder: Path | None, scale: float) -> dict[str, Any]:
        name, depth = line.split()
        if depth == "broken":
            raise UserError(f"{name} is broken")
        row: dict[str, Any] = {
            "id": name,
            "lon": float(number),
            "lat": 5.0,
            "depth": scale * float(depth),
            "rank": number,
            "profile": None,
            "picture": None,
            "mask": None,
        }
        if folder is not None:
            (folder / name).mkdir()
            row |= {"profile": f"{name}/profile.csv", "picture": f"{name}/small.png"}
            (folder / name / "profile.csv").write_text(f"{line}\n")
            (folder / name / "small.png").write_bytes(PNG + line.encode())
        return row


class Spans(Pictured):
    """The same, as a pipeline whose source can be cut."""

    name = "pictured_spans"
    margin = timedelta(0)

    def open(self, source, *, span=None, progress=None):
        raise UserError("it is never opened")

    def state(self, **_options) -> str:
        return "00"


pipeline = Pictured()
spans = Spans()
