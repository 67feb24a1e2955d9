"""The parts of the benchmark; each yields figures, and can be measured alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from bench.figures import Figure
from bench.parts.detection import measure_detection
from bench.parts.downloads import measure_downloads
from bench.parts.frontend import measure_front_end
from bench.parts.growth import measure_growth
from bench.parts.memory import measure_memory
from bench.parts.neighbours import measure_neighbours
from bench.parts.publishing import measure_publishing
from bench.parts.starting import measure_start
from bench.parts.tap import measure_async, measure_load, measure_small
from bench.stage import Stage

Part = Callable[[Stage], Iterator[Figure]]

#: In the order in which they are measured.
PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "frontend": measure_front_end,
        "start": measure_start,
        "small": measure_small,
        "load": measure_load,
        "async": measure_async,
        "download": measure_downloads,
        "publish": measure_publishing,
        "memory": measure_memory,
        "neighbours": measure_neighbours,
        "growth": measure_growth,
        "icme": measure_detection,
    }
)
