"""Depths of pits from their shadows: the pipeline ``pit_depths``.

The object `pipeline` is what the entry point names; readers of images and the rest are imported
when it works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipelines.contract import Catalogue, Progress, silent
from pipelines.errors import PipelineError

if TYPE_CHECKING:
    from pipelines.pit_depths.detect import Measurement
    from pipelines.pit_depths.geometry import Correction
    from pipelines.pit_depths.shadow import Method
    from pipelines.pit_depths.simulate import Sight

#: Beginning of sources that are height models, to be rendered.
TERRAIN = "dtm:"


class PitDepthsPipeline:
    """Measures the apparent depth of pits along their shadows in images of a surface."""

    name = "pit_depths"
    title = "Apparent depths of pits from their shadows"
    version = "1.1"

    def run(
        self,
        source: str | Path,
        *,
        pits: str | Path | None = None,
        index: str | Path | None = None,
        method: Method = "subpixel",
        correction: Correction = "exact",
        incidence: float | None = None,
        emission: float | None = None,
        phase: float | None = None,
        sun_azimuth: float | None = None,
        view_azimuth: float | None = None,
        target: str | None = None,
        profiles: str | Path | None = None,
        products: str | Path | None = None,
        progress: Progress = silent,
    ) -> Catalogue:
        """Measure pits.

        Parameters
        ----------
        source
            An image, a folder of images, or ``dtm:PATH``: a height model, rendered under 20 Suns.
        pits
            Outlines or boxes of pits in a large image (shapefile, GeoJSON); without them each image
            shows one pit.
        index
            The instrument's index (RDRCUMINDEX.TAB of HiRISE, or any with its label beside it).
        method
            How shadows are found: ``subpixel`` or ``published``.
        correction
            For the emission angle: ``exact`` or ``published``.
        incidence, emission, phase, sun_azimuth, view_azimuth
            Angles in degrees, azimuths clockwise from north; they count for more than the labels.
        target
            The body, where nothing tells.
        profiles
            Folder for h(L) of each pit as CSV and figure.
        products
            Folder for the files that are published with each row: thumbnail, h(L) as CSV, mask and
            outline of the shadow.
        progress
            Told after each image.

        Returns
        -------
        catalogue
            One row a pit.

        Raises
        ------
        PipelineError
            If an image, its place or its angles cannot be used.
        """
        from pipelines.images.provenance import provenance_of
        from pipelines.pit_depths.catalogue import COLUMNS, build_frame, write_profiles
        from pipelines.pit_depths.source import digest_of

        given = {
            "INCIDENCE_ANGLE": incidence,
            "EMISSION_ANGLE": emission,
            "PHASE_ANGLE": phase,
            "SUN_AZIMUTH": sun_azimuth,
            "VIEW_AZIMUTH": view_azimuth,
            "TARGET_NAME": target,
        }
        with TemporaryDirectory() as scratch:
            images, _ = _rendered(source, Path(scratch), progress)
            found = _measured(
                images,
                pits=pits,
                index=index,
                angles=given,
                method=method,
                correction=correction,
                progress=progress,
            )
        if profiles is not None:
            write_profiles(found, Path(profiles))
        folder = None if products is None else Path(products)
        frame = build_frame(
            found, method=method, correction=correction, version=self.version, products=folder
        )
        provenance = provenance_of(
            [each.scene.time for each in found if each.scene.time is not None],
            pipeline=self.name,
            version=self.version,
            source=str(source),
            source_sha256=digest_of([each.scene for each in found]),
            parameters={"method": method, "correction": correction, "given": _stated(given)},
        )
        return Catalogue(frame, COLUMNS, provenance, folder)

    def simulate(
        self, *, seed: int = 1, count: int = 10, progress: Progress = silent
    ) -> list[Sight]:
        """Return pictures of pits of exactly known shape, with the truth."""
        from pipelines.pit_depths.terrain import exact_sights

        return list(exact_sights(count, seed=seed, progress=progress))

    def train(
        self,
        inputs: Sequence[Any],
        labels: Sequence[Path],
        output: Path,
        *,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Refuse: nothing in this pipeline is trained.

        Raises
        ------
        PipelineError
            Always.
        """
        raise PipelineError(
            "pit_depths measures by geometry and has nothing to train",
            hint="see epntap evaluate pit_depths",
        )

    def evaluate(
        self,
        source: str | Path,
        labels: Path,
        *,
        pits: str | Path | None = None,
        index: str | Path | None = None,
        method: Method = "subpixel",
        correction: Correction = "exact",
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Score shadows and depths against known ones.

        Parameters
        ----------
        source, pits, index, method, correction, progress
            As for `run`. Of ``dtm:PATH`` the truth is what its geometry allows, whatever `labels`
            (that of the height model itself may be given).
        labels
            A table ``image,depth_m,mask``, outlines of shadows, or a mask; see
            `pipelines.pit_depths.evaluate.read_truth`.

        Returns
        -------
        scores
            Those of `pipelines.pit_depths.evaluate.score`, among them ``f1`` and
            ``depth_error_median``.

        Raises
        ------
        PipelineError
            If images or labels cannot be used.
        """
        from pipelines.pit_depths.evaluate import read_truth, score

        with TemporaryDirectory() as scratch:
            images, truth = _rendered(source, Path(scratch), progress)
            found = _measured(
                images,
                pits=pits,
                index=index,
                angles={},
                method=method,
                correction=correction,
                progress=progress,
            )
            return score(found, read_truth(truth or Path(labels), found))


def _stated(given: Mapping[str, float | str | None]) -> dict[str, float | str]:
    return {key.lower(): value for key, value in given.items() if value is not None}


def _rendered(
    source: str | Path, scratch: Path, progress: Progress
) -> tuple[str | Path, Path | None]:
    """Return the images of a source, and the table of their truth if they were rendered here."""
    if not str(source).startswith(TERRAIN):
        return source, None
    from pipelines.images.raster import read_image
    from pipelines.pit_depths.terrain import cut_pit, terrain_sights, write_sights

    path = Path(str(source).removeprefix(TERRAIN))
    place = cut_pit(read_image(path)).require_georeference()
    labels = write_sights(terrain_sights(path, progress=progress), scratch, place=place)
    return scratch / "images", labels


def _measured(
    source: str | Path,
    *,
    pits: str | Path | None,
    index: str | Path | None,
    angles: Mapping[str, float | str | None],
    method: Method,
    correction: Correction,
    progress: Progress,
) -> list[Measurement]:
    from pipelines.images.paths import image_paths
    from pipelines.pit_depths.detect import measure_scene
    from pipelines.pit_depths.source import SUFFIXES, open_scenes

    for name, value, known in (
        ("method", method, ("subpixel", "published")),
        ("correction", correction, ("exact", "published")),
    ):
        if value not in known:
            raise PipelineError(f"{name} {value!r} is not known", hint=f"one of {', '.join(known)}")
    paths = image_paths(source, SUFFIXES)
    found = []
    for done, path in enumerate(paths, start=1):
        scenes = open_scenes(
            path,
            pits=Path(pits) if pits else None,
            index=Path(index) if index else None,
            angles=angles,
        )
        found += [measure_scene(each, method=method, correction=correction) for each in scenes]
        progress("images", done, len(paths))
    return found


pipeline = PitDepthsPipeline()
