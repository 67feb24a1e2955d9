"""Where on the body a pixel lies: east longitudes 0 to 360 and planetocentric latitudes.

Conventions come from the coordinate reference system of the file: latitudes are brought from what
it says they are (planetographic on its ellipsoid, or planetocentric) to planetocentric ones, and
longitudes counted westward are turned round.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import require
from pipelines.images.errors import GeoreferenceError

Values = NDArray[np.float64]

#: Smallest and largest radius in km that reference surfaces of a body may have: mean to equatorial
#: radii of Archinal et al. 2018 (Celest. Mech. Dyn. Astr. 130, 22, tables 4 and 5), with room for
#: spheres of local radius.
BODIES: dict[str, tuple[float, float]] = {
    "Mercury": (2435.0, 2443.0),
    "Venus": (6045.0, 6060.0),
    "Earth": (6350.0, 6385.0),
    "Moon": (1728.0, 1748.0),
    "Mars": (3370.0, 3400.0),
}


@dataclass(frozen=True)
class Georeference:
    """The place of a raster on a body.

    Attributes
    ----------
    transform
        a, b, c, d, e, f of x = a col + b row + c and y = d col + e row + f, where whole numbers of
        col and row are the corners of pixels.
    wkt
        The coordinate reference system as WKT.
    """

    transform: tuple[float, float, float, float, float, float]
    wkt: str

    @cached_property
    def _crs(self) -> Any:
        pyproj = require("pyproj", "images")
        try:
            crs = pyproj.CRS.from_wkt(self.wkt)
        except pyproj.exceptions.CRSError as error:
            raise GeoreferenceError(
                f"the coordinate reference system cannot be understood: {error}",
                hint="write the file again with a valid one, e.g. with gdal_translate -a_srs",
            ) from error
        # Planetocentric coordinates on an ellipsoid are "geodetic" and not "geographic" to PROJ.
        surface = crs.is_projected or crs.is_geographic or crs.type_name == "Geodetic CRS"
        if crs.ellipsoid is None or crs.is_geocentric or not surface:
            raise GeoreferenceError(
                f"the coordinate reference system {crs.name!r} is not that of a body's surface",
                hint="a projected or geographic one with an ellipsoid is needed",
            )
        return crs

    @cached_property
    def _to_ellipsoid(self) -> Any:
        """Return the way from map coordinates to planetographic east longitude and latitude."""
        pyproj = require("pyproj", "images")
        a, b = self.axes
        plain = pyproj.CRS.from_dict({"proj": "longlat", "a": a, "b": b, "no_defs": True})
        try:
            return pyproj.Transformer.from_crs(self._crs, plain, always_xy=True)
        except pyproj.exceptions.ProjError as error:
            raise GeoreferenceError(
                f"no way leads from {self._crs.name!r} to longitude and latitude: {error}"
            ) from error

    @cached_property
    def _latitude_first(self) -> bool:
        """Whether PROJ wants coordinates as latitude and longitude in spite of `always_xy`.

        It turns round only those systems whose second axis is east; in files x is the longitude.
        """
        directions = [axis.direction for axis in self._crs.axis_info]
        if self._crs.is_projected or directions[0] != "north":
            return False
        return directions[1] == "west" or not self._crs.is_geographic

    def _ellipsoidal_of(self, x: Values, y: Values) -> tuple[Values, Values]:
        first, second = (y, x) if self._latitude_first else (x, y)
        longitude, latitude = self._to_ellipsoid.transform(first, second)
        return np.asarray(longitude), np.asarray(latitude)

    def _map_of(self, longitude: Values, latitude: Values) -> tuple[Values, Values]:
        first, second = self._to_ellipsoid.transform(longitude, latitude, direction="INVERSE")
        x, y = (second, first) if self._latitude_first else (first, second)
        return np.asarray(x), np.asarray(y)

    @property
    def axes(self) -> tuple[float, float]:
        """Semi-axes of the ellipsoid in m: equatorial, polar."""
        ellipsoid = self._crs.ellipsoid
        return float(ellipsoid.semi_major_metre), float(ellipsoid.semi_minor_metre)

    @property
    def body(self) -> str | None:
        """Name of the body, recognised by its radius; `None` if it is none of `BODIES`."""
        radius = self.axes[0] / 1000.0
        return next((name for name, (low, top) in BODIES.items() if low <= radius <= top), None)

    @property
    def projection(self) -> str:
        """The projection as a PROJ string."""
        import warnings

        with warnings.catch_warnings():
            # PROJ strings lose names of datums, which are of no use to a reader here.
            warnings.simplefilter("ignore")
            return str(self._crs.to_proj4())

    def require_body(self, name: str) -> None:
        """Check that the surface is that of a body.

        Raises
        ------
        GeoreferenceError
            If its radius is that of another.
        """
        if self.body != name:
            raise GeoreferenceError(
                f"the coordinate reference system has a radius of {self.axes[0] / 1000:.1f} km,"
                f" which is that of {self.body or 'no body known here'} and not of {name}",
                hint="correct the file's reference system, or say which body it shows",
            )

    def lonlat(self, rows: Any, cols: Any) -> tuple[Values, Values]:
        """Return east longitude (0 to 360) and planetocentric latitude, degrees.

        Parameters
        ----------
        rows, cols
            Pixel coordinates of any one shape; the centre of the first pixel is (0.5, 0.5).

        Raises
        ------
        GeoreferenceError
            If a place lies outside of the projection.
        """
        longitude, latitude = self._ellipsoidal(rows, cols)
        a, b = self.axes
        with np.errstate(invalid="ignore"):
            centric = np.degrees(np.arctan((b / a) ** 2 * np.tan(np.radians(latitude))))
        # At the pole the tangent is a large number with an error, which the arctangent forgives.
        return np.mod(longitude, 360.0), centric

    def pixel(self, longitude: Any, latitude: Any) -> tuple[Values, Values]:
        """Return the row and column of places given as `lonlat` gives them."""
        a, b = self.axes
        centric = np.radians(np.asarray(latitude, float))
        graphic = np.degrees(np.arctan((a / b) ** 2 * np.tan(centric)))
        x, y = self._near_the_raster(*self._map_of(np.asarray(longitude, float), graphic))
        ta, tb, tc, td, te, tf = self.transform
        determinant = ta * te - tb * td
        dx, dy = x - tc, y - tf
        return (ta * dy - td * dx) / determinant, (te * dx - tb * dy) / determinant

    def _near_the_raster(self, x: Values, y: Values) -> tuple[Values, Values]:
        """Return x by whole turns nearer to the raster, in projections where turns add up."""
        turn = self._turn if self._crs.is_projected else 360.0
        if turn:
            x = x - turn * np.round((x - self.transform[2]) / turn)
        return x, y

    @cached_property
    def _turn(self) -> float:
        """Length in map units of a whole turn of a cylindrical projection; else 0."""
        method = (self._crs.coordinate_operation or self._crs).to_json_dict().get("method", {})
        name = str(method.get("name", "")).lower()
        if not any(word in name for word in ("equidistant cylindrical", "mercator", "equirect")):
            return 0.0
        if "transverse" in name or "oblique" in name:
            return 0.0
        # The shortest of some steps: one of them may lead over the seam of the map.
        x, _ = self._map_of(np.array([0.0, 1.0, 90.0, 91.0]), np.zeros(4))
        return 360.0 * min(abs(float(x[1] - x[0])), abs(float(x[3] - x[2])))

    def local_scale(self, row: float, col: float) -> Values:
        """Return what a pixel is in metres, about a place.

        Returns
        -------
        scale
            Shape (2, 2): east and north in metres (first axis) of a step of one column and of one
            row (second axis), measured on the ellipsoid and not on the map, so that the stretching
            of the projection is in it.
        """
        pyproj = require("pyproj", "images")
        a, b = self.axes
        geod = pyproj.Geod(a=a, b=b)
        longitude, latitude = self._ellipsoidal(
            np.array([row, row, row - 0.5, row + 0.5]), np.array([col - 0.5, col + 0.5, col, col])
        )
        azimuth, _, distance = geod.inv(
            longitude[[0, 2]], latitude[[0, 2]], longitude[[1, 3]], latitude[[1, 3]]
        )
        angle = np.radians(azimuth)
        return np.array([distance * np.sin(angle), distance * np.cos(angle)])

    def _ellipsoidal(self, rows: Any, cols: Any) -> tuple[Values, Values]:
        a, b, c, d, e, f = self.transform
        rows, cols = np.asarray(rows, float), np.asarray(cols, float)
        x, y = a * cols + b * rows + c, d * cols + e * rows + f
        longitude, latitude = self._ellipsoidal_of(x, y)
        if not (np.isfinite(longitude).all() and np.isfinite(latitude).all()):
            raise GeoreferenceError(
                f"pixels lie outside of the projection {self._crs.name!r}",
                hint="the transform of the file and its reference system do not fit each other",
            )
        return longitude, latitude

    def shifted(self, row: int, col: int) -> Georeference:
        """Return the place of the part of the raster that begins at a row and column."""
        a, b, c, d, e, f = self.transform
        return Georeference((a, b, a * col + b * row + c, d, e, d * col + e * row + f), self.wkt)
