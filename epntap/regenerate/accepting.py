"""The rules of a plan that a result has to pass before it is shown."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

from epntap.plugins import Progress, find_pipeline
from epntap.publish.acceptance import Acceptance, Candidate
from epntap.regenerate.errors import RegenerationError
from epntap.regenerate.plan import RegenerationPlan, ScorePlan


def acceptance_of(plan: RegenerationPlan, growth: float, progress: Progress) -> Acceptance:
    """Return the rules of a plan.

    Parameters
    ----------
    growth
        How many times longer the time is that the new version covers; 1 or more.
    progress
        Told how the scoring goes on.
    """

    def shortcomings(candidate: Candidate) -> Sequence[str]:
        found = _wrong_number(plan.accept.rows_factor, growth, candidate)
        # What is as it was has been looked at before, and scoring takes its time.
        if plan.accept.score is not None and candidate.comparison.differs:
            found.extend(_low_score(plan, plan.accept.score, progress))
        return found

    return Acceptance(dropped_rows=plan.accept.dropped_rows, check=shortcomings)


def _wrong_number(factor: float | None, growth: float, candidate: Candidate) -> list[str]:
    """Return what is wrong with the number of rows; where more time is covered it may grow."""
    before, rows = candidate.rows_before, candidate.rows
    if factor is None or not before:
        return []
    if rows * factor < before:
        return [f"{rows:,} rows are less than 1/{factor:g} of the {before:,} rows that there are"]
    if rows > before * factor * growth:
        longer = f" in {growth:.2g} times the time" if growth > 1 else ""
        return [
            f"{rows:,} rows are more than {factor:g} times the {before:,} rows that there are"
            f"{longer}"
        ]
    return []


def _low_score(plan: RegenerationPlan, score: ScorePlan, progress: Progress) -> Sequence[str]:
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
