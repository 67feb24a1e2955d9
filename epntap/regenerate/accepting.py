"""The rules of a plan that a result has to pass before it is shown."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

from epntap.plugins import Progress, find_pipeline
from epntap.publish.acceptance import Acceptance, Candidate
from epntap.regenerate.errors import RegenerationError
from epntap.regenerate.plan import RegenerationPlan, ScorePlan


def acceptance_of(plan: RegenerationPlan, progress: Progress) -> Acceptance:
    """Return the rules of a plan."""
    score = plan.accept.score

    def reaches_score(candidate: Candidate) -> Sequence[str]:
        # What is as it was has been looked at before, and scoring takes its time.
        if score is None or not candidate.comparison.differs:
            return ()
        return _shortcomings(plan, score, progress)

    return Acceptance(
        rows_factor=plan.accept.rows_factor,
        dropped_rows=plan.accept.dropped_rows,
        check=reaches_score if score is not None else None,
    )


def _shortcomings(plan: RegenerationPlan, score: ScorePlan, progress: Progress) -> Sequence[str]:
    """Score the pipeline on events that are known; return what is wrong with that, if anything.

    Raises
    ------
    RegenerationError
        If the pipeline does not give such a figure.
    UserError
        As the pipeline does.
    """
    pipeline = find_pipeline(plan.pipeline)
    taken = inspect.signature(pipeline.evaluate).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in taken.values())
    options = {name: value for name, value in plan.options.items() if takes_all or name in taken}
    figures = pipeline.evaluate(score.source, Path(score.labels), progress=progress, **options)
    value = figures.get(score.key)
    if not isinstance(value, (int, float)):
        raise RegenerationError(
            f"accept.score: pipeline {plan.pipeline} gives no figure {score.key!r}",
            hint=f"it gives {', '.join(sorted(figures))}",
        )
    if value >= score.at_least:
        return ()
    return (f"{score.key} is {value:.3f} on {score.labels}, it has to be {score.at_least:g}",)
