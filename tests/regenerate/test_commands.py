"""``epntap regenerate``, ``schedule`` and ``status``, as a person meets them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from epntap.cli import main
from epntap.database import Database
from epntap.publish import drop, list_catalogues
from epntap.settings import Settings

from .conftest import make_yaml, write_series


@dataclass(frozen=True)
class Done:
    """What a command said, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def settings(settings: Settings, new_home: Callable[[], Path]) -> Settings:
    """Settings of a database of these tests' own: ``status`` tells of everybody's work."""
    return settings.model_copy(update={"home": new_home()})


@pytest.fixture(scope="module")
def database(settings: Settings) -> Iterator[Database]:
    with Database.open(settings) as opened:
        yield opened


@pytest.fixture
def epntap(
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Done]]:
    """Runs the command line in this process."""
    monkeypatch.setenv("EPNTAP_HOME", str(settings.home))
    if settings.postgres_bin:
        monkeypatch.setenv("EPNTAP_POSTGRES_BIN", str(settings.postgres_bin))

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["epntap", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    there = {listing.name for listing in list_catalogues(database)}
    yield run
    for listing in list_catalogues(database):
        if listing.name not in there:
            drop(database, listing.name)


def of_events(status: Done) -> dict[str, object]:
    """Return what the status says of the catalogue ``events``."""
    (found,) = [
        each for each in json.loads(status.stdout)["catalogues"] if each["name"] == "events"
    ]
    return found


def test_half_the_data_and_broken_weights_leave_the_catalogue_and_the_status_says_why(
    epntap, tmp_path
):
    file, weights = tmp_path / "series.csv", tmp_path / "weights.json"
    weights.write_text('{"threshold": 2.2}', encoding="utf-8")
    hours = pd.date_range("2024-01-01", "2024-12-31T23:00", freq="h")
    samples = pd.DataFrame({"time": hours, "value": (hours.day_of_year % 7 == 3) * 3.0})
    write_series(file, samples)
    yaml = make_yaml(
        tmp_path / "events.yaml", "events", source=str(file), schedule="'0 3 * * *'",
        options=f"{{weights: {weights}}}", accept="{rows_factor: 1.5}",
    )  # fmt: skip
    trial = epntap("regenerate", str(yaml), "--dry-run")
    assert trial.returncode == 0, trial.stderr
    assert "nothing is stored; it would be version 1: 52 rows (52 new" in trial.stderr
    assert "events.epn_core" not in epntap("list").stdout
    first = epntap("regenerate", str(yaml))
    assert first.returncode == 0, first.stderr
    assert "published events.epn_core, version 1: 52 rows (52 new" in first.stderr
    assert "+ crossing_20240103T00" in first.stdout
    assert "+ and 42 more that are new" in first.stdout
    assert of_events(epntap("status", "--json"))["state"] == "published"
    again = epntap("regenerate", "events")
    assert again.returncode == 0
    assert "events.epn_core is as it was: 52 rows" in again.stderr

    write_series(file, samples[: len(samples) // 2])
    half = epntap("regenerate", "events")
    assert half.returncode == 1
    assert "refused: 26 rows are less than 1/1.5 of the 52 rows that there are" in half.stderr
    status = epntap("status")
    assert status.returncode == 1
    assert "events: 26 rows are less than 1/1.5 of the 52 rows that there are" in status.stdout

    write_series(file, samples)
    weights.write_text("{}", encoding="utf-8")
    broken = epntap("regenerate", "events")
    assert broken.returncode == 1
    assert "weights weights.json cannot be used" in broken.stderr
    status = epntap("status", "--json")
    assert status.returncode == 1
    assert json.loads(status.stdout)["good"] is False
    events = of_events(status)
    assert (events["version"], events["rows"], events["state"]) == (1, 52, "failed")
    assert "weights weights.json cannot be used" in events["reason"]

    weights.write_text('{"threshold": 2.2}', encoding="utf-8")
    mended = epntap("regenerate", "events", "--from", "2024-06-01", "--to", "2024-07-01")
    assert mended.returncode == 0
    assert of_events(epntap("status", "--json"))["state"] == "unchanged"
    states = [run["state"] for run in json.loads(epntap("runs", "events", "--json").stdout)]
    assert states == ["unchanged", "failed", "refused", "unchanged", "published"]


def test_the_schedule_is_shown_paused_and_taken_up_again(epntap, tmp_path):
    yaml = make_yaml(
        tmp_path / "planned.yaml", "planned", source="series:2024-01-01/2024-03-01/7",
        schedule="'30 4 * * 1'",
    )  # fmt: skip
    assert epntap("regenerate", str(yaml)).returncode == 0
    shown = epntap("schedule").stdout
    assert "30 4 * * 1" in shown
    assert "published" in shown
    assert "is left alone" in epntap("schedule", "pause", "planned").stderr
    assert "paused" in epntap("schedule").stdout
    assert "as its schedule says" in epntap("schedule", "resume", "planned").stderr
    assert "paused" not in epntap("schedule").stdout
    unknown = epntap("schedule", "pause", "planed")
    assert unknown.returncode == 1
    assert "did you mean 'planned'" in unknown.stderr


def test_a_run_is_left_to_workers_and_cancelled(epntap, tmp_path):
    yaml = make_yaml(tmp_path / "queued.yaml", "queued", source="series:2024-01-01/2024-03-01/7")
    left = epntap("regenerate", str(yaml), "--queue", "--no-wait")
    assert left.returncode == 0
    assert "stands in line" in left.stderr
    shown = epntap("status").stdout
    assert "is waiting: 0 of 0 chunks done" in shown
    assert "queue default, regenerate.prepare: 1 waiting, 0 under way" in shown
    second = epntap("regenerate", str(yaml))
    assert second.returncode == 1
    assert "one catalogue has one run at a time" in second.stderr
    assert "is cancelled" in epntap("regenerate", "queued", "--cancel").stderr
    assert epntap("regenerate", str(yaml)).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["regenerate", "nothing"], "no catalogue 'nothing'"),
        (["regenerate", "FILE", "--from", "soon"], "--from 'soon' is not a time"),
        (["regenerate", "FILE", "--dry-run", "--queue"], "--dry-run"),
        (["regenerate", "FILE", "--input", "gone.csv"], "gone.csv: there is no such file"),
        (["regenerate", "FILE", "--input", "a/{start}/{stop}"], "has no 'span'"),
        (["regenerate", "FILE", "--to", "2023-01-01"], "there is no time between"),
        (["regenerate", "FILE", "--cancel"], "no run is under way"),
    ],
)
def test_a_mistake_gets_a_clear_line(epntap, tmp_path, words, said):
    yaml = make_yaml(
        tmp_path / "mistaken.yaml", "mistaken", source="series:2024-01-01/2024-03-01/7"
    )
    done = epntap(*[str(yaml) if word == "FILE" else word for word in words])
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
