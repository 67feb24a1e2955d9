"""Mounds and cones with vents in height models: the pipeline ``mars_mounds``.

The object `pipeline` is what the entry point names; torch and the rest are imported when it works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contract import Catalogue, Progress, silent
from pipelines.errors import PipelineError

if TYPE_CHECKING:
    from pipelines.mars_mounds.simulate import Site


class MarsMoundsPipeline:
    """Finds and measures mounds of Mars in height models, or finds them in shaded pictures."""

    name = "mars_mounds"
    title = "Mounds and cones of Mars in height models"
    version = "1.0"

    def run(
        self,
        source: str | Path,
        *,
        kind: str = "auto",
        resolution: float = 5.0,
        pixel_scale: float | None = None,
        confidence: float | None = None,
        networks: int | None = None,
        weights: str | Path | None = None,
        work: str | Path | None = None,
        products: str | Path | None = None,
        progress: Progress = silent,
    ) -> Catalogue:
        """Find mounds.

        Parameters
        ----------
        source
            A height model in m or an 8-bit shaded picture, a folder of them, or
            ``simulation:SEED``.
        kind
            ``heights``, ``pictures``, or ``auto``: pictures have 8 bits.
        resolution
            Metres a pixel that finer height models are averaged to; it decides which diameters are
            found, about 9 to 100 pixels.
        pixel_scale
            Metres a pixel of a raster that does not tell.
        confidence
            Least confidence of a row; that of the rules when not given.
        networks
            How many of the networks count; all when not given, fewer are quicker.
        weights
            Folder of other weights than those that come with the package.
        work
            Folder for maps of what is done already, so that an interrupted run goes on.
        products
            Folder for the files that are published with each row: thumbnail, mask, outline.
        progress
            Told after each block of a raster.

        Returns
        -------
        catalogue
            One row a mound.

        Raises
        ------
        PipelineError
            If a raster, its place, an option or the weights cannot be used.
        """
        from pipelines.images.provenance import provenance_of
        from pipelines.mars_mounds.catalogue import COLUMNS, build_frame, row_of
        from pipelines.mars_mounds.run import Choice, open_all

        choice = Choice(
            _kind(kind), float(resolution), pixel_scale, confidence, networks,
            None if weights is None else Path(weights), None if work is None else Path(work),
        )  # fmt: skip
        folder = None if products is None else Path(products)
        rows, digests, used = [], [], {}
        for terrain, detector in open_all(source, choice):
            found = choice.detect(terrain, detector, progress)
            rows += [row_of(each, terrain, version=self.version, products=folder) for each in found]
            digests.append(terrain.digest)
            used[terrain.kind] = detector.digest
        provenance = provenance_of(
            [],
            pipeline=self.name,
            version=self.version,
            source=str(source),
            source_sha256=_together(digests),
            weights_sha256=_together(list(used.values())),
            parameters={
                "kind": kind,
                "resolution": float(resolution),
                "pixel_scale": pixel_scale,
                "confidence": confidence,
                "networks": networks,
            },
        )
        return Catalogue(build_frame(rows), COLUMNS, provenance, folder)

    def simulate(self, *, seed: int = 1, size: int = 384, progress: Progress = silent) -> Site:
        """Return a simulated site with the truth."""
        from pipelines.mars_mounds.simulate import simulate_site

        made = simulate_site(int(seed), size=int(size))
        progress("simulated sites", 1, 1)
        return made

    def train(
        self,
        inputs: Sequence[str | Path],
        labels: Sequence[Path],
        output: Path,
        *,
        seed: int = 0,
        seeds: int = 1,
        steps: int = 300,
        sites: int = 64,
        rule_sites: int = 40,
        kind: str = "heights",
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Train networks on labelled rasters and on simulated sites, and choose their rules.

        Parameters
        ----------
        inputs, labels
            Height models with masks or outlines, as for `evaluate`. ``simulation:0``, with anything
            for labels, adds nothing to the simulated sites that are learnt from in any case.
        output
            Folder for the weights and rules.
        seed, seeds
            First seed, and how many networks are trained with consecutive seeds.
        steps
            Batches.
        sites, rule_sites
            Simulated sites to learn from, and to choose the rules on.
        kind
            ``heights``, or ``pictures``: shaded anew from the heights.
        progress
            Told how the work goes on.

        Returns
        -------
        report
            What was learnt from, and the rules.

        Raises
        ------
        PipelineError
            If inputs or labels cannot be used.
        """
        from pipelines.mars_mounds.shipped import Plan, train_networks

        if kind not in ("heights", "pictures"):
            raise PipelineError(f"kind {kind!r} is not known", hint="heights or pictures")
        plan = Plan(kind, int(seed), int(seeds), int(steps), int(sites), int(rule_sites))
        return train_networks(plan, inputs, labels, Path(output), progress=progress)

    def evaluate(
        self,
        source: str | Path,
        labels: Path,
        *,
        kind: str = "auto",
        resolution: float = 5.0,
        pixel_scale: float | None = None,
        networks: int | None = None,
        weights: str | Path | None = None,
        progress: Progress = silent,
    ) -> Mapping[str, Any]:
        """Score mounds against known ones.

        Parameters
        ----------
        source, kind, resolution, pixel_scale, networks, weights, progress
            As for `run`. Of ``simulation:SEED`` the truth is known, whatever `labels`.
        labels
            A mask, outlines, or a folder of such; see `pipelines.mars_mounds.evaluate.read_truth`.

        Returns
        -------
        scores
            Those of `pipelines.mars_mounds.evaluate.score`, among them ``f1``, ``iou``,
            ``map50``, ``map50_95``, ``box_f1`` and ``mask_f1``.

        Raises
        ------
        PipelineError
            If rasters or labels cannot be used.
        """
        from pipelines.mars_mounds.evaluate import Scored, read_truth, score, truth_of_site
        from pipelines.mars_mounds.run import Choice, open_all

        choice = Choice(
            _kind(kind), float(resolution), pixel_scale, 0.0, networks,
            None if weights is None else Path(weights), None,
        )  # fmt: skip
        rasters = []
        for terrain, detector in open_all(source, choice):
            site = terrain.site
            truth = read_truth(Path(labels), terrain) if site is None else truth_of_site(site)
            found = choice.detect(terrain, detector, progress)
            rasters.append(Scored(found, truth, detector.rules.confident))
        return score(rasters)


def _kind(kind: str) -> Any:
    if kind not in ("auto", "heights", "pictures"):
        raise PipelineError(f"kind {kind!r} is not known", hint="auto, heights or pictures")
    return kind


def _together(digests: list[str]) -> str:
    """Return one digest of several, in their order; that of a single one is itself."""
    import hashlib

    return (
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    )


pipeline = MarsMoundsPipeline()
