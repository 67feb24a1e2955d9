"""The report of a training: one HTML page with its figures in it, and the same figures as files."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import PipelineError
from pipelines.mars_pits.figures import draw_confusion, draw_curves, draw_examples, draw_precision

if TYPE_CHECKING:
    from pipelines.mars_pits.learnt import Learnt

_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2em .6em;text-align:right}"
    "td:first-child,th:first-child{text-align:left}img{max-width:100%}"
)
#: Examples that are shown.
_EXAMPLES = 12

#: Scores that are told first, with what they are.
_SHOWN = {
    "map50": "mean average precision of boxes, overlap 0.5",
    "map50_95": "the same, mean over overlaps 0.5 to 0.95",
    "mask_map50": "mean average precision of masks, overlap 0.5",
    "mask_map50_95": "the same, mean over overlaps 0.5 to 0.95",
    "box_f1": "F1 of boxes, overlap 0.5, class right",
    "mask_f1": "F1 of masks, overlap 0.5, class right",
    "mask_f1_any": "the same, whatever the class of pit",
    "f1": "F1 of pixels",
    "iou": "intersection over union of pixels",
    "diameter_error_median": "median relative error of diameters",
}


def write_report(found: Learnt, folder: Path) -> Path:
    """Write the report of a training.

    Parameters
    ----------
    found
        What it gave.
    folder
        Beside the weights; gets ``report.html``, four PNG files and ``scores.json``.

    Returns
    -------
    page
        Path of the HTML file.

    Raises
    ------
    PipelineError
        If files cannot be written.
    """
    pictures = {
        "curves": lambda path: draw_curves(found.checks, path),
        "precision": lambda path: draw_precision(found.overlaps, found.classes, path),
        "confusion": lambda path: draw_confusion(found.scores["confusion"], path),
        "examples": lambda path: draw_examples(
            *_examples(found), found.classes, found.rule.confidence, path
        ),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, draw in pictures.items():
            draw(folder / f"{name}.png")
        (folder / "scores.json").write_text(json.dumps(found.scores, indent=2) + "\n", "utf-8")
        page = folder / "report.html"
        page.write_text(_page(found, folder, list(pictures)), "utf-8")
    except OSError as error:
        raise PipelineError(f"{folder}: the report cannot be written: {error}") from error
    return page


def _examples(found: Learnt) -> tuple[list[Any], list[Any]]:
    """Return windows that are shown: those with most mistakes first, then others by turns."""

    def mistakes(number: int) -> int:
        each = found.overlaps[number]
        kept = each.found.scores >= found.rule.confidence
        right = (each.masks[kept] >= 0.5).any(axis=1).sum() if len(each.true) else 0
        return int(kept.sum() - right) + int(len(each.true) - right)

    order = sorted(range(len(found.overlaps)), key=mistakes, reverse=True)
    half = order[: _EXAMPLES // 2]
    rest = order[_EXAMPLES // 2 :]
    step = max(1, len(rest) // (_EXAMPLES - len(half)))
    chosen = [*half, *rest[::step][: _EXAMPLES - len(half)]]
    return [found.division.test[n] for n in chosen], [found.overlaps[n] for n in chosen]


def _page(found: Learnt, folder: Path, pictures: Sequence[str]) -> str:
    titles = {
        "curves": "Losses while it learnt",
        "precision": "Precision and recall on what was held back",
        "confusion": "Confusion",
        "examples": "Examples: labelled dashed, found solid; the worst first",
    }
    parts = [
        "<h1>mars_pits: report of a training</h1>",
        _table(_facts(found)),
        "<h2>Scores on what was held back</h2>",
        _table({text: _shown(found.scores[key]) for key, text in _SHOWN.items()}),
        "<h2>Classes</h2>",
        _class_table(found.scores["classes"]),
    ]
    for name in pictures:
        data = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
        source = f"data:image/png;base64,{data}"
        parts.append(f'<h2>{titles[name]}</h2><img alt="{name}" src="{source}">')
    parts.append(
        "<p>Windows that were held back were neither learnt from nor chosen by. With few of them"
        " the scores have large errors, which are not given here: train with other seeds"
        " (--seed) and compare.</p>"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>mars_pits</title>'
        f"<style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _facts(found: Learnt) -> dict[str, str]:
    division = found.division
    parts = {
        "learnt from": division.training,
        "chosen by": division.validation,
        "held back": division.test,
    }
    windows = {
        f"windows {name}": f"{len(part)} with {sum(len(each.kinds) for each in part)} objects"
        for name, part in parts.items()
    }
    return {
        "images and labels": ", ".join(found.sources),
        "held back": "whole images" if division.by_image else "the lower part of each image",
        **windows,
        "classes": ", ".join(found.classes),
        "no pits": ", ".join(sorted(found.negatives)) or "none",
        "known before": found.started,
        "batches, seed": f"{found.steps}, {found.seed}",
        "least confidence": f"{found.rule.confidence:.3f}",
        "error of diameters": f"{100 * found.rule.diameter_error:.1f} %",
    }


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _table(rows: Mapping[str, str]) -> str:
    lines = [
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>"
        for name, value in rows.items()
    ]
    return f"<table>{''.join(lines)}</table>"


def _class_table(classes: Mapping[str, Mapping[str, Any]]) -> str:
    keys = list(next(iter(classes.values())))
    head = "".join(f"<th>{html.escape(key)}</th>" for key in ("class", *keys))
    lines = []
    for name, scores in classes.items():
        cells = "".join(f"<td>{_shown(scores[key])}</td>" for key in keys)
        lines.append(f"<tr><td>{html.escape(name)}</td>{cells}</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"
