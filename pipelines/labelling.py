"""What a pipeline has that proposes what people should label next, and takes their labels back.

A pipeline that does so satisfies `LabellingPipeline` besides `Pipeline`. What goes out and comes
back is one and the same form, a table that people fill in; what stands in it is the pipeline's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pipelines.contract import Progress, silent

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Proposals:
    """What to label next.

    Attributes
    ----------
    form
        To be filled in; it is what `LabellingPipeline.take_labels` reads.
    reasons
        One sentence for each thing that is proposed.
    """

    form: pd.DataFrame
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakenLabels:
    """What became of a form that came back.

    Attributes
    ----------
    stored
        Names of what was labelled and is kept now.
    waiting
        Names of what stands in the form without labels.
    usage
        How to train with all labels that are kept.
    """

    stored: tuple[str, ...]
    waiting: tuple[str, ...]
    usage: str


@runtime_checkable
class LabellingPipeline(Protocol):
    """What a pipeline has that works together with people who label."""

    def propose(
        self,
        source: Any,
        store: Path,
        *,
        count: int = 5,
        progress: Progress = silent,
        **options: Any,
    ) -> Proposals:
        """Propose what to label next.

        Parameters
        ----------
        source
            As for ``run``.
        store
            Folder of the labels that are known already; it need not exist.
        count
            How many things are proposed at most.
        progress
            Told how the work goes on.
        **options
            Of the pipeline.

        Raises
        ------
        PipelineError
            If the source or the store cannot be used, or nothing is left to label.
        """

    def take_labels(
        self, source: Any, form: Path, store: Path, *, progress: Progress = silent
    ) -> TakenLabels:
        """Check a form that was filled in, and keep its labels in a form that ``train`` reads.

        Either all of it is kept or nothing.

        Parameters
        ----------
        source
            What the form was made for.
        form
            CSV file.
        store
            Folder; it is made if it does not exist.
        progress
            Told how the work goes on.

        Raises
        ------
        LabelError
            If a row of the form is wrong: all wrong rows are told.
        """
