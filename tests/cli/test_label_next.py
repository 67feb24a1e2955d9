"""``epntap label-next``: proposals as a person asks for them, and labels given back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

#: One simulated orbit, and a little of the next.
SOURCE = "simulation:2012-02-01/1.1/7"


@pytest.fixture
def label_next(tmp_path: Path):
    """Runs the command in a folder of its own."""

    def run(*words: str, pipeline: str = "mercury_boundaries") -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("EPNTAP_")}
        return subprocess.run(
            [sys.executable, "-m", "epntap.cli", "label-next", pipeline, *words],
            capture_output=True, text=True, timeout=300, cwd=tmp_path,
            env={**clean, "EPNTAP_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    return run


def test_orbits_are_proposed_labelled_and_not_proposed_again(label_next, tmp_path):
    proposed = label_next("--input", SOURCE, "--count", "1", "--output", "form.csv")
    assert proposed.returncode == 0, proposed.stderr
    assert "SIM_ORBIT_2012020" in proposed.stdout
    assert "entropy" in proposed.stdout
    assert "fill it in, and give it back with --labels form.csv" in proposed.stderr
    form = pd.read_csv(tmp_path / "form.csv", dtype=str, keep_default_na=False)
    form = form.drop_duplicates("Type")
    # The person agrees with the detector, and says that the rest is not crossed.
    form["start"] = form.suggested_start.where(form.suggested_start != "", "none")
    form["end"] = form.suggested_end
    assert (form.start != "none").sum() >= 2
    form.to_csv(tmp_path / "form.csv", index=False)
    wrong = form.assign(Type="bow shock")
    wrong.to_csv(tmp_path / "wrong.csv", index=False)
    refused = label_next("--input", SOURCE, "--labels", "wrong.csv")
    assert refused.returncode == 1
    assert "row 2, Type: 'bow shock' is no kind of crossing" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "labels").exists()
    taken = label_next("--input", SOURCE, "--labels", "form.csv")
    assert taken.returncode == 0, taken.stderr
    assert "1 labelled and kept in labels" in taken.stderr
    assert "epntap train mercury_boundaries --input labels --labels labels" in taken.stderr
    name = form.orbit.iloc[0]
    assert (tmp_path / "labels" / f"orbit_{name}.csv.gz").is_file()
    done = label_next("--input", SOURCE)
    assert name not in done.stdout


def test_a_pipeline_that_proposes_nothing_and_an_unknown_option_are_told(label_next):
    other = label_next("--input", "x.csv", pipeline="icme")
    assert other.returncode == 1
    assert "pipeline icme does not propose what to label" in other.stderr
    option = label_next("--input", SOURCE, "--option", "wieghts=here")
    assert option.returncode == 1
    assert "'weights'" in option.stderr
