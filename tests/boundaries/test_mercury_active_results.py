"""The results of active learning that are kept are those that the README tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("scipy")

import pipelines.mercury_boundaries.active.calibrate as calibrate
import pipelines.mercury_boundaries.active.injection as injection
import pipelines.mercury_boundaries.active.learn as learn
import pipelines.mercury_boundaries.active.report as report
from pipelines.mercury_boundaries.active.alarms import SHIPPED_ALARMS
from pipelines.mercury_boundaries.active.comparison import TENTH, Curve
from pipelines.mercury_boundaries.active.curves import curves_of, mission_curves
from pipelines.mercury_boundaries.active.drift import load_drift_model
from pipelines.mercury_boundaries.active.experiment import (
    EXPLORED,
    MISSIONS,
    outcomes_of,
    parts,
    quiet_of,
)
from pipelines.mercury_boundaries.active.mission import Mission
from pipelines.mercury_boundaries.active.verdicts import PRIMARY, verdict


@pytest.fixture(scope="module")
def results():
    return report.read_results()


def test_the_readme_has_the_tables_that_are_printed(results):
    readme = (Path(report.__file__).parent / "README.md").read_text(encoding="utf-8")
    for line in report.tables(results):
        if line.startswith(("|", "Regimes", "The ")):
            assert line in readme


def test_strategies_were_compared_on_all_missions_of_the_test_and_on_no_other(results):
    curves = curves_of(results["curves"])
    assert sorted({each.seed for each in curves}) == [each.seed for each in MISSIONS]
    tenth = verdict(curves, PRIMARY, TENTH)
    assert tenth.part_of_full > 0.9
    assert 0 <= tenth.p_value <= 1
    explored = curves_of(results["explored"])
    assert sorted({each.seed for each in explored}) == [each.seed for each in EXPLORED]


def test_no_mission_of_the_scores_was_learnt_from_or_calibrated_on():
    scored = {each.seed for each in (*MISSIONS, *injection.STILL)}
    used = (
        *EXPLORED, *learn.LEARNT, *learn.STILL, *learn.GOING, *calibrate.STILL, *calibrate.GOING,
    )  # fmt: skip
    assert not scored & {each.seed for each in used}
    # Thresholds of the season come from missions that the expectation does not know.
    assert not {each.seed for each in calibrate.GOING} & {each.seed for each in learn.LEARNT}
    notes = json.loads(SHIPPED_ALARMS.read_text())["notes"]
    assert notes["still_from_seeds"] == [each.seed for each in calibrate.STILL]


def test_false_alarms_are_as_rare_as_asked_where_the_season_stands_still(results):
    outcomes = outcomes_of(results["still"][injection.RANKS])
    quiet, false = sum(each.quiet for each in outcomes), sum(each.false for each in outcomes)
    assert {each.seed for each in outcomes} == {each.seed for each in injection.STILL}
    assert quiet >= 500
    assert false / quiet <= 0.05


def test_quiet_seasons_were_judged_in_every_mission(results):
    quiet = quiet_of(results["quiet"])
    mine = [each for each in quiet if each.detector == injection.RANKS]
    assert [each.seed for each in mine] == [each.seed for each in MISSIONS]
    for each in mine:
        assert each.first_tested + each.later_tested == 35


def test_curves_that_are_kept_are_not_made_again(tmp_path, monkeypatch):
    import pipelines.mercury_boundaries.active.curves as module

    made = [Curve("random", 7, 0, (4, 22), (0.5, 0.7)), Curve("all orbits", 7, 0, (220,), (0.8,))]
    calls = []

    def compare(orbits, model, known, seed, progress, wanted):
        calls.append(seed)
        return made

    monkeypatch.setattr(module, "compare", compare)
    monkeypatch.setattr(module, "prepared_mission", lambda *given, **options: [])
    model = load_drift_model()
    for _ in range(2):
        assert mission_curves(Mission(7), model, None, tmp_path) == made
    assert calls == [7]
    assert mission_curves(Mission(8), model, None, tmp_path) == made
    assert calls == [7, 8]
    # What is wanted makes another file.
    mission_curves(Mission(8), model, None, tmp_path, wanted=["random"])
    assert calls == [7, 8, 8]


def test_parts_can_be_made_one_by_one(tmp_path):
    made = parts(None, tmp_path, lambda *told: None)
    assert set(made) == {"curves", "secondary", "still", "season", "explored"}
    assert "real" in parts(tmp_path, None, lambda *told: None)


def test_a_file_without_results_is_told(tmp_path, monkeypatch, capsys):
    path = tmp_path / "results.json"
    monkeypatch.setattr("sys.argv", ["report", "--results", str(path)])
    assert report.main() == 1
    assert "experiment" in capsys.readouterr().err
    path.write_text("{}")
    assert report.main() == 1
