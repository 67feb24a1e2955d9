"""Pits and skylights in images of Mars: the pipeline ``mars_pits``.

The object `pipeline` is what the entry point names; torch, readers of images and the rest are
imported when it works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipelines.contract import Catalogue, Progress, silent
from pipelines.errors import PipelineError

if TYPE_CHECKING:
    from pipelines.mars_pits.catalogue import Pit
    from pipelines.mars_pits.simulate import Picture, Purpose
    from pipelines.mars_pits.source import Scene
    from pipelines.mars_pits.weights import Detector

#: Beginning of sources that are rendered here: ``simulation:COUNT`` or ``simulation:COUNT/SEED``.
SIMULATION = "simulation:"


class MarsPitsPipeline:
    """Finds pits in images of a surface, with class, outline and diameter."""

    name = "mars_pits"
    title = "Pits and skylights in images of Mars"
    version = "1.1"

    def run(
        self,
        source: str | Path,
        *,
        index: str | Path | None = None,
        weights: str | Path | None = None,
        network: int | None = None,
        confidence: float | None = None,
        smallest: float | None = None,
        largest: float | None = 1000.0,
        incidence: float | None = None,
        emission: float | None = None,
        phase: float | None = None,
        target: str | None = None,
        work: str | Path | None = None,
        products: str | Path | None = None,
        progress: Progress = silent,
    ) -> Catalogue:
        """Find pits.

        Parameters
        ----------
        source
            An image, a folder of images, or ``simulation:COUNT[/SEED]``: so many rendered pictures.
        index
            The instrument's index (RDRCUMINDEX.TAB of HiRISE, or any with its label beside it).
        weights
            Folder of weights; those that come with the package when not given.
        network
            Which of its networks: quicker than the mean of all, which counts when not given.
        confidence
            Least confidence of a row; that of the weights when not given.
        smallest, largest
            Diameters in metres that are looked for; the former is what the image shows when not
            given. An image that is finer than needed is made coarser first.
        incidence, emission, phase
            Angles in degrees; they count for more than the labels.
        target
            The body, where nothing tells.
        work
            Folder for what is half done, so that an interrupted run goes on.
        products
            Folder for a thumbnail and the outline (GeoJSON) of each pit.
        progress
            Told how the work goes on.

        Returns
        -------
        catalogue
            One row a pit; impact craters are found, too, and left out.

        Raises
        ------
        PipelineError
            If an image, its place, its angles or the weights cannot be used.
        """
        from pipelines.images.provenance import provenance_of
        from pipelines.mars_pits.catalogue import COLUMNS, build_frame
        from pipelines.mars_pits.weights import load_detector

        detector = load_detector(_path(weights), network)
        least = detector.rule.confidence if confidence is None else float(confidence)
        if not 0.0 <= least <= 1.0:
            raise PipelineError(f"confidence {least:g} is not between 0 and 1")
        given = {
            "INCIDENCE_ANGLE": incidence,
            "EMISSION_ANGLE": emission,
            "PHASE_ANGLE": phase,
            "TARGET_NAME": target,
        }
        with TemporaryDirectory() as scratch:
            scenes, pits = _found(
                _images(source, Path(scratch), progress),
                detector,
                index=_path(index),
                given=given,
                sizes=(smallest, largest),
                least=least,
                work=_path(work),
                products=_path(products),
                progress=progress,
            )
        frame = build_frame(pits, error=detector.rule.diameter_error, version=self.version)
        provenance = provenance_of(
            [each.time for each in scenes if each.time is not None],
            pipeline=self.name,
            version=self.version,
            source=str(source),
            source_sha256=_digest(scenes),
            weights_sha256=detector.digest,
            parameters={
                "confidence": least,
                "smallest": smallest,
                "largest": largest,
                "trained_on_simulation": detector.simulated,
                "given": {key.lower(): value for key, value in given.items() if value is not None},
            },
        )
        return Catalogue(frame, COLUMNS, provenance, products=_path(products))

    def simulate(
        self, *, seed: int = 7, count: int = 12, progress: Progress = silent
    ) -> list[Picture]:
        """Return rendered pictures with the pits and craters that are in them."""
        from pipelines.mars_pits.simulate import pictures

        return list(pictures("test", count, seed=seed, progress=progress))

    def train(
        self,
        inputs: Sequence[Any],
        labels: Sequence[Path],
        output: Path,
        *,
        data: str | Path | None = None,
        weights: str | Path | None = None,
        scratch: bool = False,
        steps: int = 400,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Train on labelled images, and write weights with a report.

        Parameters
        ----------
        inputs, labels
            Images, or folders of images, and the file of labels (COCO) of each.
        data
            A folder with one file of labels and the images, instead of these;
            ``simulation:COUNT[/SEED]`` makes an example of them first, in `output`.
        output
            Folder for the weights, `report.html` and its pictures.
        weights
            Folder of weights to go on from; those of the package when not given.
        scratch
            Begin with nothing learnt instead.
        steps
            Batches.
        seed
            Of everything random.
        progress
            Told how the work goes on.

        Returns
        -------
        figures
            Scores on the images that were held back, and how many there were of which.

        Raises
        ------
        PipelineError
            If labels or images cannot be used, or are too few.
        """
        from pipelines.mars_pits.learn import learn

        sources = list(zip(inputs, labels, strict=True))
        if data is not None:
            sources.append((_data(data, Path(output), progress), None))
        if not sources:
            raise PipelineError(
                "nothing to train on", hint="epntap train mars_pits --data FOLDER (COCO and images)"
            )
        return learn(
            [(Path(source), None if each is None else Path(each)) for source, each in sources],
            Path(output),
            start=None if scratch else (_path(weights) or "shipped"),
            steps=int(steps),
            seed=seed,
            progress=progress,
        )

    def evaluate(
        self,
        source: str | Path,
        labels: Path,
        *,
        weights: str | Path | None = None,
        network: int | None = None,
        smallest: float | None = None,
        largest: float | None = None,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Score detections against labels.

        Parameters
        ----------
        source
            An image, a folder of images, or ``simulation:COUNT[/SEED]``, whose labels are known
            whatever `labels`.
        labels
            A file in the format of COCO, or a folder with one.
        weights, network, smallest, largest
            As for `run`.
        progress
            Told how the work goes on.

        Returns
        -------
        scores
            Those of `pipelines.mars_pits.scores.summary`: ``f1``, ``iou``, ``map50``,
            ``map50_95``, ``box_f1``, ``mask_f1`` and more.

        Raises
        ------
        PipelineError
            If images, labels or weights cannot be used.
        """
        from pipelines.mars_pits.evaluate import score_images
        from pipelines.mars_pits.weights import load_detector

        detector = load_detector(_path(weights), network)
        with TemporaryDirectory() as scratch:
            if str(source).startswith(SIMULATION):
                source = labels = _simulated(str(source), Path(scratch), progress)
            return score_images(
                source, Path(labels), detector, sizes=(smallest, largest), progress=progress
            )


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _simulated(source: str, folder: Path, progress: Progress, *, purpose: Purpose = "test") -> Path:
    """Render what ``simulation:COUNT[/SEED]`` asks for; return the folder with its labels.

    Raises
    ------
    PipelineError
        If it asks for something else.
    """
    from pipelines.mars_pits.simulate import SEEDS, pictures
    from pipelines.mars_pits.tutorial import write_pictures

    count, _, seed = source.removeprefix(SIMULATION).partition("/")
    if not (count.isdigit() and int(count) > 0 and (not seed or seed.isdigit())):
        raise PipelineError(
            f"{source!r} is no simulation", hint="simulation:COUNT or simulation:COUNT/SEED"
        )
    first = int(seed) if seed else SEEDS[purpose]
    made = pictures(purpose, int(count), seed=first, progress=progress)
    write_pictures(made, folder)
    return folder


def _images(source: str | Path, scratch: Path, progress: Progress) -> list[Path]:
    """Return the images of a source, rendered here if it asks for that."""
    from pipelines.images.paths import image_paths
    from pipelines.mars_pits.source import SUFFIXES

    if str(source).startswith(SIMULATION):
        return image_paths(_simulated(str(source), scratch, progress) / "images", SUFFIXES)
    return image_paths(source, SUFFIXES)


def _data(data: str | Path, output: Path, progress: Progress) -> Path:
    """Return the folder of labelled images, rendered here if that is asked for."""
    if str(data).startswith(SIMULATION):
        return _simulated(str(data), output / "example", progress, purpose="training")
    return Path(data)


def _digest(scenes: Sequence[Scene]) -> str:
    import hashlib

    return hashlib.sha256("".join(each.digest for each in scenes).encode()).hexdigest()


def _found(
    paths: Sequence[Path],
    detector: Detector,
    *,
    index: Path | None,
    given: Mapping[str, Any],
    sizes: tuple[float | None, float | None],
    least: float,
    work: Path | None,
    products: Path | None,
    progress: Progress,
) -> tuple[list[Scene], list[Pit]]:
    """Return the images that were looked at, closed, and the pits in them, with their files."""
    from pipelines.mars_pits.catalogue import Pit, write_files
    from pipelines.mars_pits.detect import detect, factors_of
    from pipelines.mars_pits.source import open_scene

    scenes: list[Scene] = []
    pits: list[Pit] = []
    for done, path in enumerate(paths, start=1):
        with open_scene(path, index=index, given=given, progress=progress) as scene:
            height, width = scene.raster.shape
            pixel = scene.pixel(height / 2.0, width / 2.0)
            found = detect(
                scene.raster,
                detector,
                factors=factors_of((height, width), pixel, *sizes),
                folder=work,
                key=scene.digest,
                progress=progress if len(paths) == 1 else silent,
            )
            if any(each.name == scene.name for each in scenes):
                raise PipelineError(
                    f"{path}: another image is named {scene.name}, too",
                    hint="rows are named after their image: rename one, or run them one by one",
                )
            scenes.append(scene)
            kept = [
                each
                for each in found
                if each.kind not in detector.negatives and each.confidence >= least
            ]
            own = [Pit(each, scene, number) for number, each in enumerate(kept, start=1)]
            pits += own if products is None else [write_files(each, products) for each in own]
        progress("images", done, len(paths))
    return scenes, pits


pipeline = MarsPitsPipeline()
