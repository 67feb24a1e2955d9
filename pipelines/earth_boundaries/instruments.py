"""The spacecraft that cross the Earth's boundaries, and where their measurements are kept.

Names of data sets and variables are those of CDAWeb (https://cdaweb.gsfc.nasa.gov); speasy fetches
them as ``cda/DATASET/VARIABLE``. The four Cluster spacecraft, the four of MMS and the five THEMIS
probes differ by a digit or letter only. Variables of THEMIS that end in Q have bad values removed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.errors import SourceError


@dataclass(frozen=True, slots=True)
class Mission:
    """A spacecraft and its data sets.

    Attributes
    ----------
    name
        As catalogues write it.
    key
        Lower case, without spaces; for identifiers and names of files.
    instruments
        Magnetometer and ion spectrometer, joined as an EPNcore list.
    field, density, velocity, position
        Variables: nT and km/s in GSE, cm-3, km in GSE; empty where nothing was measured.
    temperature
        Variables whose mean, weighted by `weights`, is the temperature.
    weights
        Of parallel and perpendicular temperature, or of the only one.
    electronvolts
        eV that one unit of the temperature is.
    """

    name: str
    key: str
    instruments: str
    field: str
    density: str
    velocity: str
    position: str
    temperature: tuple[str, ...]
    weights: tuple[float, ...]
    electronvolts: float = 1.0


#: eV of a million kelvins: k_B / e, CODATA 2018.
_EV_PER_MK = 86.17333262


def _cluster(number: int) -> Mission:
    """Return a Cluster spacecraft: hot ions on 1 and 3, protons of CODIF on 4, no plasma on 2."""
    field, plasma = f"C{number}_CP_FGM_SPIN", f"C{number}_PP_CIS"
    ion = "p" if number == 4 else "HIA"

    def moment(name: str) -> str:
        return "" if number == 2 else f"cda/{plasma}/{name}__{plasma}"

    heat = (moment(f"T_{ion}_par"), moment(f"T_{ion}_perp")) if number != 2 else ()
    return Mission(
        name=f"Cluster {number}",
        key=f"cluster{number}",
        instruments="FGM" if number == 2 else "FGM#CIS",
        field=f"cda/{field}/B_vec_xyz_gse__{field}",
        density=moment(f"N_{ion}"),
        velocity=moment(f"V_{ion}_xyz_gse"),
        position=f"cda/{field}/sc_pos_xyz_gse__{field}",
        temperature=heat,
        weights=(1 / 3, 2 / 3) if heat else (),
        electronvolts=_EV_PER_MK,
    )


def _mms(number: int) -> Mission:
    craft, moments = f"mms{number}", f"MMS{number}_FPI_FAST_L2_DIS-MOMS"
    return Mission(
        name=f"MMS {number}",
        key=craft,
        instruments="FGM#FPI",
        field=f"cda/MMS{number}_FGM_SRVY_L2/{craft}_fgm_b_gse_srvy_l2",
        density=f"cda/{moments}/{craft}_dis_numberdensity_fast",
        velocity=f"cda/{moments}/{craft}_dis_bulkv_gse_fast",
        position=f"cda/MMS{number}_MEC_SRVY_L2_EPHT89D/{craft}_mec_r_gse",
        temperature=(
            f"cda/{moments}/{craft}_dis_temppara_fast",
            f"cda/{moments}/{craft}_dis_tempperp_fast",
        ),
        weights=(1 / 3, 2 / 3),
    )


def _themis(letter: str) -> Mission:
    craft = f"TH{letter.upper()}"
    return Mission(
        name=f"THEMIS {letter.upper()}",
        key=f"themis{letter}",
        instruments="FGM#ESA",
        field=f"cda/{craft}_L2_FGM/th{letter}_fgs_gseQ",
        density=f"cda/{craft}_L2_ESA/th{letter}_peif_densityQ",
        velocity=f"cda/{craft}_L2_ESA/th{letter}_peif_velocity_gseQ",
        position=f"cda/{craft}_OR_SSC/XYZ_GSE",
        temperature=(f"cda/{craft}_L2_ESA/th{letter}_peif_avgtempQ",),
        weights=(1.0,),
    )


_SIMULATION = Mission("simulation", "simulation", "simulation", "", "", "", "", (), ())


def missions() -> tuple[Mission, ...]:
    """Return all spacecraft that are known, the simulated one last."""
    return (
        *(_cluster(number) for number in range(1, 5)),
        *(_mms(number) for number in range(1, 5)),
        *(_themis(letter) for letter in "abcde"),
        _SIMULATION,
    )


def find_mission(name: str) -> Mission:
    """Return the spacecraft of a name, whatever its case and spaces; ``C1`` is Cluster 1.

    Raises
    ------
    SourceError
        If none is called that.
    """
    wanted = re.sub(r"[^a-z0-9]", "", name.lower())
    short = {"c": "cluster", "th": "themis"}
    match = re.fullmatch(r"(c|th)([1-4a-e])", wanted)
    if match:
        wanted = short[match[1]] + match[2]
    for each in missions():
        if each.key == wanted:
            return each
    raise SourceError(
        f"no spacecraft is called {name!r}",
        hint=f"known are {', '.join(each.name for each in missions())}",
    )
