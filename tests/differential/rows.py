"""A small ``bench`` catalogue for runs without DaCHS: the shape of the real one, fewer rows."""

from __future__ import annotations

import random

import pandas as pd

#: Spacecraft with their instruments and distance from the Sun in au.
_SPACECRAFT = (
    ("Wind", "MFI#SWE", 0.99),
    ("STEREO-A", "IMPACT#PLASTIC", 0.96),
    ("Parker Solar Probe", "FIELDS#SWEAP", 0.3),
    ("Juno", "MAG", 4.5),
)
_AU = 149_597_870_700.0

#: A row that the corpus asks for by its identifier.
_KNOWN = "ICME_STEREO-A_19951003_0000000"


def bench_rows(count: int = 2_000, seed: int = 7) -> pd.DataFrame:
    """Return simulated events as native columns of ``tests/data/bench.yaml``.

    Parameters
    ----------
    count
        Number of rows.
    seed
        Of the random numbers.
    """
    chance = random.Random(seed)
    return pd.DataFrame([_event(number, chance) for number in range(count)])


def _event(number: int, chance: random.Random) -> dict[str, object]:
    craft, instrument, au = chance.choice(_SPACECRAFT)
    start = 2_449_718.5 + chance.uniform(0, 11_000)
    days = chance.uniform(0.1, 2.5)
    uid = f"ICME_{craft.upper().replace(' ', '_')}_{number:07d}" if number else _KNOWN
    colatitude, azimuth = chance.gauss(90, 5), chance.uniform(0, 359.9)
    step = 60.0 if chance.random() < 0.8 else None
    day = pd.Timestamp("2020-01-01") + pd.Timedelta(seconds=chance.randrange(86_400 * 1_500))
    date = day.strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "granule_uid": uid,
        "granule_gid": "event",
        "obs_id": f"obs_{number // 3:07d}",
        "dataproduct_type": chance.choice(["ev", "ev#ci"]),
        "target_name": "Sun" if number % 5 else chance.choice(["Mars", "Venus", "Mercury"]),
        "target_class": chance.choice(["star", "interplanetary_medium"]),
        "time_min": start,
        "time_max": start + days,
        "time_sampling_step_min": step,
        "time_sampling_step_max": step,
        "time_exp_min": days * 86_400,
        "time_exp_max": days * 86_400,
        "c1min": au * _AU,
        "c1max": au * _AU * 1.001,
        "c2min": colatitude,
        "c2max": colatitude + 0.01,
        "c3min": azimuth,
        "c3max": azimuth + 0.01,
        "spatial_frame_type": "spherical",
        "instrument_host_name": craft,
        "instrument_name": instrument,
        "measurement_type": "phys.magField#phys.veloc;phys.plasma",
        "processing_level": 5,
        "creation_date": date,
        "modification_date": date,
        "release_date": date,
        "service_title": "bench",
        "access_url": f"https://example.org/icme/data/{uid}.cdf",
        "access_format": "application/x-cdf",
        "access_estsize": chance.randrange(10, 5_000),
        "thumbnail_url": f"https://example.org/icme/thumb/{uid}.png",
        "file_name": f"{uid}.cdf",
        "bib_reference": "2017SpWea..15..955M",
        "publisher": "Example Institute",
        "target_region": "heliosphere",
        "feature_name": f"MO B_max={chance.uniform(5, 40):.1f}nT",
        "time_scale": "UTC",
        "time_refposition": craft,
        "event_type": "interplanetary_coronal_mass_ejection",
        "event_status": "observation",
        "external_link": f"https://example.org/icme/event/{number}",
    }
