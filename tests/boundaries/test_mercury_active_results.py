"""The results of active learning that are kept are those that the README tells."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("scipy")

import pipelines.mercury_boundaries.active.report as report
from pipelines.mercury_boundaries.active.comparison import WITHIN, verdict
from pipelines.mercury_boundaries.active.experiment import curves_of, outcomes_of


@pytest.fixture(scope="module")
def results():
    return report.read_results()


def test_the_readme_has_the_tables_that_are_printed(results):
    readme = (Path(report.__file__).parent / "README.md").read_text(encoding="utf-8")
    for line in report.tables(results):
        if line.startswith(("|", "Regimes")):
            assert line in readme


def test_strategies_were_compared_on_five_missions_or_more(results):
    curves = curves_of(results["curves"])
    assert len({each.seed for each in curves}) >= 5
    tenth = verdict(curves, WITHIN["regimes"], report.TENTH)
    assert tenth.part_of_full > 0.9
    assert 0 <= tenth.p_value <= 1


def test_false_alarms_of_the_simple_detector_are_as_rare_as_asked(results):
    outcomes = outcomes_of(results["still"]["two samples"])
    quiet, false = sum(each.quiet for each in outcomes), sum(each.false for each in outcomes)
    assert quiet >= 100
    assert false / quiet <= 0.05


def test_a_file_without_results_is_told(tmp_path, monkeypatch, capsys):
    path = tmp_path / "results.json"
    monkeypatch.setattr("sys.argv", ["report", "--results", str(path)])
    assert report.main() == 1
    assert "experiment" in capsys.readouterr().err
    path.write_text("{}")
    assert report.main() == 1
