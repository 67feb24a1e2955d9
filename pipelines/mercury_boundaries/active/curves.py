"""Learning curves of missions, each kept on disk once it is made, so that a long run can go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pipelines.contract import Progress, digest_files, silent
from pipelines.mercury_boundaries.active.comparison import Curve, compare
from pipelines.mercury_boundaries.active.drift import DriftModel
from pipelines.mercury_boundaries.active.gan import DriftGan
from pipelines.mercury_boundaries.active.mission import Mission
from pipelines.mercury_boundaries.active.prepare import prepared_mission, prepared_path

#: Files on which a comparison depends besides the simulated orbits.
_SOURCES: Final = (
    "comparison.py", "classifier.py", "strategies.py", "gan.py", "drift.py", "drift.json",
)  # fmt: skip


def mission_curves(
    mission: Mission,
    model: DriftModel,
    known: DriftGan | None,
    cache: Path | None = None,
    progress: Progress = silent,
    wanted: Sequence[str] | None = None,
) -> list[Curve]:
    """Return the learning curves of strategies on a mission.

    Parameters
    ----------
    mission
        Simulated if it is not in the cache.
    model, known, wanted
        As for `comparison.compare`.
    cache
        Folder in which curves are looked for and kept, under a name that changes with the code of
        simulator and comparison.
    progress
        Told after each orbit and each curve.
    """
    path = _path(mission, known is not None, wanted, cache) if cache else None
    if path is not None and path.is_file():
        return curves_of(json.loads(path.read_text()))
    orbits = prepared_mission(mission, range(mission.orbits), cache=cache, progress=progress)
    curves = compare(orbits, model, known, mission.seed, progress, wanted)
    if path is not None:
        half = path.with_suffix(".half")
        half.write_text(json.dumps([asdict(each) for each in curves]) + "\n")
        half.replace(path)
    return curves


def _path(mission: Mission, network: bool, wanted: Sequence[str] | None, cache: Path) -> Path:
    here = Path(__file__).parent
    orbits = prepared_path(mission, range(mission.orbits), cache).name
    text = f"{digest_files([here / each for each in _SOURCES])} {network} {wanted} {orbits}"
    return cache / f"curves_{mission.seed}_{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def curves_of(values: Sequence[dict[str, Any]]) -> list[Curve]:
    """Return curves from plain values."""
    return [
        Curve(
            each["strategy"], each["seed"], each["repeat"], tuple(each["sizes"]), tuple(each["f1"])
        )
        for each in values
    ]
