"""How good and how late announcements of ejections in real time are, and which rule to announce by.

Rüdisser et al. (2025, arXiv:2505.09365) count an event as found when any detection overlaps it, and
give the delay as a fraction of the duration. In their program it is the start of the first such
detection less that of the event, with its sign, as a mean over a mean. A detection that happens to
run since long before an event thus has a negative delay. So a stricter delay stands beside it, and
F1 of announcements that are given in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

from pipelines.icme.decide import LONGEST
from pipelines.icme.evaluate import HeldOut
from pipelines.icme.streaming import stream_events
from pipelines.signals.events import EventRule, Intervals, overlaps
from pipelines.signals.matching import EventScores, match_events, score_events
from pipelines.sources.insitu import SAMPLES_PER_HOUR

#: An announcement tells of an event when it is given this early, in samples, or during it: six
#: hours. A run of weeks that happens to reach into an event is no warning of it.
_EARLY = 6 * SAMPLES_PER_HOUR


@dataclass(frozen=True, slots=True)
class StreamScores:
    """How good and how late detections in real time are, at one waiting time.

    Attributes
    ----------
    wait_h
        Waiting time, hours.
    precision, recall, f1
        Any overlap.
    f1_timely
        F1 of announcements: given from six hours before an event until its end, or false.
    delay_h
        From the true start to the moment of the announcement, mean over events found, hours; the
        wait when it was given before the start.
    delay_fraction
        The same over the duration, mean over events found.
    published_fraction
        As in the program of Rüdisser et al. (2025): from the true start to the first detection
        that overlaps the event, negative when that was earlier, over the durations; a ratio of
        means.
    start_mae_h
        Mean absolute error of the start, hours.
    """

    wait_h: float
    precision: float
    recall: float
    f1: float
    f1_timely: float
    delay_h: float
    delay_fraction: float
    published_fraction: float
    start_mae_h: float


@dataclass(frozen=True)
class StreamJudgement:
    """What a rule does in one or several series, ready to be added up.

    Attributes
    ----------
    counts, timely
        Under the rule of any overlap, and of announcements.
    late, early_or_late, durations, start_errors
        Of the events found, in samples: delay, not less than the wait; delay of the first
        detection with its sign; duration; absolute error of the start. Shape (found,) each.
    """

    counts: EventScores
    timely: EventScores
    late: NDArray[np.float64]
    early_or_late: NDArray[np.float64]
    durations: NDArray[np.float64]
    start_errors: NDArray[np.float64]

    def __add__(self, other: StreamJudgement) -> StreamJudgement:
        """Pool the events of two series."""
        return StreamJudgement(
            self.counts + other.counts,
            self.timely + other.timely,
            np.concatenate([self.late, other.late]),
            np.concatenate([self.early_or_late, other.early_or_late]),
            np.concatenate([self.durations, other.durations]),
            np.concatenate([self.start_errors, other.start_errors]),
        )

    @property
    def value(self) -> float:
        """What rules are chosen for: the geometric mean of both F1."""
        return sqrt(self.counts.f1 * self.timely.f1)

    @property
    def fraction(self) -> float:
        """Delay over duration, mean over events found; infinite when none is."""
        return float(np.mean(self.late / self.durations)) if len(self.late) else np.inf

    @property
    def fraction_above(self) -> float:
        """That fraction and its standard error, so that it holds for other events as well."""
        if len(self.late) < 2:
            return np.inf
        return self.fraction + _standard_error(self.late / self.durations)

    @property
    def published_fraction(self) -> float:
        """Mean signed delay over mean duration of the events found; infinite when none is."""
        if len(self.late) == 0:
            return np.inf
        return float(self.early_or_late.sum() / self.durations.sum())

    @property
    def published_fraction_above(self) -> float:
        """That ratio and its standard error (of a ratio of means, to first order)."""
        if len(self.late) < 2:
            return np.inf
        ratio = self.published_fraction
        residual = (self.early_or_late - ratio * self.durations) / self.durations.mean()
        return ratio + _standard_error(residual)

    def scores(self, wait: float) -> StreamScores:
        """Return the scores of a waiting time in hours."""
        nothing = len(self.late) == 0
        return StreamScores(
            wait_h=wait,
            precision=self.counts.precision,
            recall=self.counts.recall,
            f1=self.counts.f1,
            f1_timely=self.timely.f1,
            delay_h=nan if nothing else float(self.late.mean()) / SAMPLES_PER_HOUR,
            delay_fraction=nan if nothing else self.fraction,
            published_fraction=nan if nothing else self.published_fraction,
            start_mae_h=nan if nothing else float(self.start_errors.mean()) / SAMPLES_PER_HOUR,
        )


def judge_stream(held_out: HeldOut, rule: EventRule, wait: float) -> StreamJudgement:
    """Compare what a rule announces in one series with the truth.

    Parameters
    ----------
    held_out
        Streamed probabilities with the truth.
    rule
        See `stream_events`.
    wait
        Waiting time, hours; added to the delay of each announcement.
    """
    found, announced = stream_events(held_out.probabilities, rule, held_out.usable)
    matching = match_events(held_out.true, found)
    true, partner = held_out.true[matching.found], matching.partner[matching.found]
    waited = round(wait * SAMPLES_PER_HOUR)
    # A run that began before the event tells of it when it reaches it.
    late = np.maximum(announced[partner] - true[:, 0], 0) + waited
    first = (overlaps(true, found) > 0).argmax(axis=1) if len(true) else partner
    return StreamJudgement(
        counts=score_events(matching),
        timely=_score_announcements(held_out.true, announced),
        late=late.astype(np.float64),
        early_or_late=(announced[first] - true[:, 0] + waited).astype(np.float64),
        durations=(true[:, 1] - true[:, 0]).astype(np.float64),
        start_errors=np.abs(found[partner, 0] - true[:, 0]).astype(np.float64),
    )


def _score_announcements(true: Intervals, announced: NDArray[np.int64]) -> EventScores:
    """Count announcements that were given shortly before an event or during it."""
    tells = (announced[None, :] >= true[:, :1] - _EARLY) & (announced[None, :] < true[:, 1:])
    return EventScores(
        n_true=len(true),
        n_detected=len(announced),
        n_found=int(tells.any(axis=1).sum()),
        n_false=int((~tells.any(axis=0)).sum()),
    )


def stream_candidates() -> list[EventRule]:
    """Return the rules that are tried in real time: high thresholds from 0.2 on, to be prompt."""
    return [
        EventRule(low, high, merge * SAMPLES_PER_HOUR, 1, LONGEST)
        for low in (0.1, 0.2, 0.3, 0.4)
        for high in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
        for merge in (2, 6)
        if low <= high
    ]


def _standard_error(values: NDArray[np.float64]) -> float:
    return float(np.std(values, ddof=1)) / sqrt(len(values))


def choose_stream_rule(
    tables: Sequence[Sequence[StreamJudgement]], latest: float = np.inf, *, published: bool = False
) -> int:
    """Return the number of the candidate that serves both F1 best, over series together.

    Parameters
    ----------
    tables
        For each series what each candidate does in it.
    latest
        Candidates that announce later, as a fraction of the duration and with one standard error
        of it, are not taken while there are others; else the promptest is.
    published
        Whether the delay is that of Rüdisser et al. (2025); see `StreamScores`.
    """
    together = [sum(each[1:], start=each[0]) for each in zip(*tables, strict=True)]
    late = [
        each.published_fraction_above if published else each.fraction_above for each in together
    ]
    prompt = [number for number, delay in enumerate(late) if delay <= latest]
    if not prompt:
        return int(np.argmin(late))
    return max(prompt, key=lambda number: together[number].value)


def announcement_delays(
    true: Intervals, found: Intervals, announced: NDArray[np.int64], wait: float
) -> dict[str, float]:
    """Return how late true events were announced, on the mean over those found.

    Parameters
    ----------
    true, found
        Half-open intervals.
    announced
        The sample at which each detection was announced, the wait included.
    wait
        Waiting time, hours; nothing is announced sooner after its start.

    Returns
    -------
    delays
        ``delay_h`` from the true start, in hours, the wait at least; ``delay_fraction`` as
        published, where early detections count as negative, and ``delay_fraction_strict``, where
        they count as the wait (see `StreamScores`); NaN when nothing is found.
    """
    matching = match_events(true, found)
    if not matching.found.any():
        names = ("delay_h", "delay_fraction", "delay_fraction_strict")
        return dict.fromkeys(names, nan)
    events, partner = true[matching.found], matching.partner[matching.found]
    late = announced[partner] - events[:, 0]
    late = np.maximum(late, round(wait * SAMPLES_PER_HOUR))
    durations = events[:, 1] - events[:, 0]
    first = announced[(overlaps(events, found) > 0).argmax(axis=1)] - events[:, 0]
    return {
        "delay_h": float(late.mean()) / SAMPLES_PER_HOUR,
        "delay_fraction": float(first.sum() / durations.sum()),
        "delay_fraction_strict": float((late / durations).mean()),
    }
