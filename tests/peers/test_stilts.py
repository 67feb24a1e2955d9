"""STILTS, the command line of TOPCAT, as a client and as a judge."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import pyvo
from astropy.table import Table

pytestmark = [
    pytest.mark.peers,
    pytest.mark.usefixtures("moons", "footprints"),
    pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed"),
]

#: All that taplint does when it is told nothing else.
STAGES = "TMV TME TMS TMC CPV CAP AVV QGE QPO QAS UWS MDQ OBS LOC UPL EXA"

#: We publish no plans of observations, and taplint calls that a failure.
EXPECTED = ["F-LOC-NOTP-1 No table with name ivoa.obsplan"]


def test_taplint_finds_neither_error_nor_warning(durable):
    done = subprocess.run(
        ["stilts", "taplint", f"tapurl={durable.url}/tap"],
        capture_output=True,
        text=True,
        timeout=280,
    )
    report = done.stdout
    faults = [line for line in report.splitlines() if re.match(r"[EWF]-", line)]
    assert faults == EXPECTED, "\n".join(faults)
    assert "Totals: Errors: 0; Warnings: 0" in report
    for stage in STAGES.split():
        assert f"Section {stage}:" in report


def test_an_asynchronous_query_of_stilts_brings_the_rows_of_a_synchronous_one(durable, tmp_path):
    query = "SELECT granule_uid, mean_radius FROM moons.epn_core ORDER BY granule_uid"
    rows = []
    for mode in (["sync=true"], ["sync=false", "delete=finished"]):
        out = tmp_path / f"{mode[0]}.csv"
        subprocess.run(
            ["stilts", "tapquery", f"tapurl={durable.url}/tap", f"adql={query}", *mode,
             f"out={out}", "ofmt=csv"],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        rows.append(out.read_text())
    assert rows[0] == rows[1]
    assert len(rows[0].splitlines()) == 6


def test_stilts_and_pyvo_get_the_same_rows(service, tmp_path):
    query = "SELECT TOP 5 * FROM moons.epn_core ORDER BY granule_uid"
    result = pyvo.dal.TAPService(f"{service}/tap").search(query).to_table()
    out = tmp_path / "stilts.fits"
    subprocess.run(
        ["stilts", "tapquery", f"tapurl={service}/tap", f"adql={query}", "sync=true",
         f"out={out}", "ofmt=fits"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    table = Table.read(out)
    assert table.colnames == result.colnames
    for name in ("granule_uid", "time_min", "mean_radius", "creation_date", "planet"):
        expected = ["" if value in ("", None) else value for value in result[name].tolist()]
        found = [v.strip() if isinstance(v, str) else v for v in table[name].astype(object)]
        found = [v.decode().strip() if isinstance(v, bytes) else v for v in found]
        for left, right in zip(expected, found, strict=True):
            missing = left is None or left == ""
            assert missing or left == right


def test_pyvo_shows_the_message_of_an_error(service):
    with pytest.raises(pyvo.dal.DALQueryError, match="there is no column nope"):
        pyvo.dal.TAPService(f"{service}/tap").search("SELECT nope FROM moons.epn_core")


def test_pyvo_finds_tables_limits_and_availability(service):
    tap = pyvo.dal.TAPService(f"{service}/tap")
    assert tap.available
    assert tap.tables["moons.epn_core"].columns
    assert (tap.maxrec, tap.hardlimit) == (20_000, 20_000_000)
