"""The page of figures keeps what a run leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import report
from bench.figures import Figure

MACHINE = {"date": "2026-01-01", "command": "all", "processor": "P", "cores": "2", "memory": "4 GB"}


@pytest.fixture
def write(tmp_path: Path):
    """Writes the figures of one run, and returns the page and the record."""

    def write(values: dict[str, float], **changed: str) -> tuple[str, dict[str, object]]:
        figures = [Figure(part, "a time | so", value, "s", 3.0) for part, value in values.items()]
        page, record = tmp_path / "page.md", tmp_path / "folder" / "record.json"
        seconds = dict.fromkeys(values, 12.0)
        report.write(figures, {**MACHINE, **changed}, seconds, page, record)
        return page.read_text(), json.loads(record.read_text())

    return write


def lines_of(page: str, part: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith(f"| {part} ")]


def test_a_part_that_is_left_out_stays_with_its_own_date(write):
    write({"small": 1.0, "growth": 5.0})
    page, record = write({"small": 2.0}, date="2026-02-02", command="some")
    assert lines_of(page, "small") == [
        "| small | a time \\| so | 2 s | <= 3 s | met |  |",
        "| small | 12 s | 2026-02-02 | some |  |  |",
    ]
    assert lines_of(page, "growth") == [
        "| growth | a time \\| so | 5 s | <= 3 s | MISSED |  |",
        "| growth | 12 s | 2026-01-01 | all |  |  |",
    ]
    assert "1 of 2 bars met, 1 missed, 0 not measured." in page
    assert [each["known"]["date"] for each in record["parts"]] == ["2026-02-02", "2026-01-01"]


def test_a_record_is_read_as_it_was_written(write):
    _, first = write({"small": 1.0, "growth": 5.0})
    _, again = write({})
    assert again == first


def test_what_another_machine_has_measured_is_not_kept(write):
    write({"growth": 5.0})
    page, record = write({"small": 2.0}, processor="Q")
    assert lines_of(page, "growth") == []
    assert [each["part"] for each in record["parts"]] == ["small"]


def test_a_part_that_could_not_be_measured_says_so(tmp_path):
    page, record = tmp_path / "page.md", tmp_path / "record.json"
    missing = Figure("growth", "could not be measured", None, "", detail="no room")
    report.write([missing], MACHINE, {"growth": 1.0}, page, record)
    assert "| growth | could not be measured | - |  | not measured | no room |" in page.read_text()
