"""A clean catalogue that uses much of the standard, and its rows."""

from __future__ import annotations

from typing import Any

from sqlite_service import SqliteService, standard_columns

from epntap.tables import Column

OPTIONAL = (
    "access_url", "access_format", "access_estsize", "access_md5", "thumbnail_url", "external_link",
    "alt_target_name", "coverage", "messenger", "time_scale", "local_time_min", "local_time_max",
    "geometry_type", "species_inchikey", "event_type", "event_status", "event_cite",
    "subsolar_longitude_min", "subsolar_longitude_max",
)  # fmt: skip

EXTRA = Column("depth", "double", unit="km", ucd="phys.size")
EXTRA_ERROR = Column("depth_error", "double", unit="km", ucd="stat.error;phys.size")

#: Counter-clockwise seen from outside, as contours on a body go.
OUTLINE = "Polygon UNKNOWNFrame 10 5 20 5 20 15"


def row(number: int, **changed: Any) -> dict[str, Any]:
    """A row without fault."""
    return {
        "granule_uid": f"crater {number}",
        "granule_gid": "craters",
        "obs_id": f"crater {number}",
        "dataproduct_type": "im#ci",
        "measurement_type": "phot.radiance;obs.image",
        "processing_level": 3,
        "target_name": "Mars",
        "target_class": "planet",
        "time_min": 2458850.0,
        "time_max": 2458851.0,
        "c1min": 350.0,
        "c1max": 10.0,
        "c2min": -5.0,
        "c2max": 5.0,
        "incidence_min": 10.0,
        "incidence_max": 20.0,
        "s_region": OUTLINE,
        "spatial_frame_type": "body",
        "instrument_host_name": "Mars Express#MEX",
        "service_title": "craters",
        "creation_date": "2020-01-01T00:00:00",
        "modification_date": "2021-01-01T00:00:00.5Z",
        "release_date": "2019-01-01",
        "access_url": "https://example.org/data.fits",
        "access_format": "application/fits",
        "access_estsize": 100,
        "access_md5": "0" * 32,
        "external_link": "https://example.org/page",
        "alt_target_name": "4#Red planet",
        "coverage": "3/12-15 4/70",
        "messenger": "Optical",
        "time_scale": "UTC",
        "local_time_min": 3.0,
        "local_time_max": 4.0,
        "geometry_type": "direct",
        "species_inchikey": "XLYOFNOQVPJJNP-UHFFFAOYSA-N",
        "event_type": "lunar_flash",
        "event_status": "observation",
        "event_cite": "followup",
        "subsolar_longitude_min": 350.0,
        "subsolar_longitude_max": 10.0,
        "depth": 1.5,
        "depth_error": 0.5,
    } | changed


def craters(*changed: dict[str, Any], **given: Any) -> SqliteService:
    """A service of four rows, the first ones with changed cells."""
    rows = [
        row(number, **(changed[number] if number < len(changed) else {})) for number in range(4)
    ]
    columns = [*standard_columns("body", *OPTIONAL), EXTRA, EXTRA_ERROR]
    return SqliteService("craters.epn_core", columns, rows, **given)
