"""What a run found, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from .comparison import Comparison, Verdict


def summary(done: Sequence[Comparison]) -> str:
    """Return a table of the groups and verdicts."""
    groups: dict[str, Counter[Verdict]] = {}
    for comparison in done:
        groups.setdefault(comparison.case.group, Counter())[comparison.verdict] += 1
    verdicts = list(Verdict)
    lines = [
        "| group | queries | " + " | ".join(verdicts) + " |",
        "|---|" + "---:|" * (len(verdicts) + 1),
    ]
    for group, counts in groups.items():
        cells = [str(counts[verdict] or "") for verdict in verdicts]
        lines.append(f"| {group} | {counts.total()} | {' | '.join(cells)} |")
    total = sum(groups.values(), Counter())
    cells = [str(total[verdict]) for verdict in verdicts]
    lines.append(f"| **all** | {total.total()} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n" + _times(done)


def _times(done: Sequence[Comparison]) -> str:
    ours = [comparison.ours.seconds for comparison in done if comparison.ours]
    dachs = [comparison.dachs.seconds for comparison in done if comparison.dachs]
    if not ours or not dachs:
        return ""
    return (
        f"\nMedian time of an answer: {median(ours) * 1000:.0f} ms, "
        f"DaCHS {median(dachs) * 1000:.0f} ms.\n"
    )


def report(done: Sequence[Comparison]) -> str:
    """Return everything that differs, in Markdown."""
    parts = ["# Differences to DaCHS\n", summary(done)]
    for verdict in (Verdict.UNEXPLAINED, Verdict.STALE, Verdict.EXPLAINED, Verdict.NOT_OFFERED):
        chosen = [comparison for comparison in done if comparison.verdict is verdict]
        if chosen:
            parts.append(f"\n## {verdict.capitalize()}\n")
            parts.extend(_entry(comparison) for comparison in chosen)
    return "\n".join(parts)


def _entry(comparison: Comparison) -> str:
    case = comparison.case
    lines = [f"### {case.id}\n", "```sql", case.adql.strip(), "```\n"]
    lines.extend(f"- {text}" for text in comparison.differences)
    if case.difference is not None:
        lines.append(f"- **{case.difference.who}**: {case.difference.why}")
    if comparison.verdict is Verdict.NOT_OFFERED:
        lines.append(f"- needs {', '.join(case.needs)}")
    return "\n".join(lines) + "\n"
