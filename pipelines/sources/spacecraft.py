"""The spacecraft whose in-situ data are understood, and how files spell their names."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from pipelines.errors import SourceError


@dataclass(frozen=True, slots=True)
class Spacecraft:
    """A spacecraft that measures the solar wind.

    Attributes
    ----------
    name
        As catalogues write it.
    key
        Lower-case word for identifiers and file names.
    aliases
        Other spellings, lower case, without spaces, hyphens or underscores.
    instruments
        Magnetometer and plasma instrument, joined as an EPNcore list.
    orbit
        Which ephemeris of `pipelines.sources.ephemeris` gives its position; empty when none does
        and the position has to come with the data.
    perihelion
        Least distance from the Sun, AU, at which it has measured or will: field and density are
        plausible up to higher values there.
    """

    name: str
    key: str
    aliases: tuple[str, ...]
    instruments: str
    orbit: str
    perihelion: float = 0.9


SPACECRAFT: tuple[Spacecraft, ...] = (
    Spacecraft("Wind", "WIND", (), "MFI#SWE", "L1"),
    Spacecraft("ACE", "ACE", (), "MAG#SWEPAM", "L1"),
    Spacecraft("STEREO-A", "STEREO_A", ("sta", "stereoahead"), "IMPACT#PLASTIC", "STEREO-A"),
    Spacecraft("STEREO-B", "STEREO_B", ("stb", "stereobehind"), "IMPACT#PLASTIC", "STEREO-B"),
    Spacecraft("DSCOVR", "DSCOVR", (), "PlasMag", "L1"),
    Spacecraft("Solar Orbiter", "SOLAR_ORBITER", ("solo", "so"), "MAG#SWA", "", 0.28),
    Spacecraft("Parker Solar Probe", "PSP", ("psp",), "FIELDS#SWEAP", "", 0.045),
    Spacecraft("simulation", "SIMULATION", ("simulated",), "simulation", "L1"),
)


def _squeeze(text: str) -> str:
    return re.sub(r"[\s_-]", "", text).lower()


def _spellings(craft: Spacecraft) -> tuple[str, ...]:
    return (_squeeze(craft.name), *craft.aliases)


def find_spacecraft(name: str) -> Spacecraft:
    """Return the spacecraft of that name, whatever its case, hyphens and underscores.

    Raises
    ------
    SourceError
        If no known spacecraft is called that.
    """
    wanted = _squeeze(name)
    for craft in SPACECRAFT:
        if wanted in _spellings(craft):
            return craft
    raise SourceError(
        f"no spacecraft is called {name!r}",
        hint=f"known are {', '.join(craft.name for craft in SPACECRAFT)}",
    )


def guess_spacecraft(file_name: str) -> Spacecraft:
    """Return the one spacecraft whose name stands in a file's name.

    Words end at underscores, dots, hyphens and spaces, and two neighbouring words may make a name
    (``stereo_a``); so ``ace`` is not found in ``surface.csv``.

    Raises
    ------
    SourceError
        If no name, or more than one, is found.
    """
    words = [word for word in re.split(r"[\s_.\-]+", file_name.lower()) if word]
    pairs = {first + second for first, second in itertools.pairwise(words)}
    candidates = pairs.union(words)
    found = [craft for craft in SPACECRAFT if candidates.intersection(_spellings(craft))]
    if len(found) != 1:
        told = " and ".join(craft.name for craft in found) or "no known spacecraft"
        raise SourceError(
            f"the file name {file_name} names {told}",
            hint="say which with --spacecraft, one of "
            + ", ".join(craft.name for craft in SPACECRAFT),
        )
    return found[0]
