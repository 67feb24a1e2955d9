"""The ICME detector on request."""

from __future__ import annotations

import importlib.util
import io
import json

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.io.votable import parse
from astropy.table import Column, Table
from run_client import message, refusal, start

from pipelines.icme import pipeline
from pipelines.icme.source import open_source
from pipelines.sources.insitu import CHANNELS

SPAN = "2024-01-01/2024-01-31"
SEED = 3


@pytest.fixture(scope="module")
def wind() -> pd.DataFrame:
    """Thirty days of simulated solar wind, as somebody has them in a file."""
    series = open_source(f"simulation:{SPAN}/{SEED}")
    frame = series.data[list(CHANNELS)].copy()
    frame.insert(0, "time", np.datetime_as_string(series.time, unit="s"))
    return frame


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    """What the command line finds in the same data."""
    return pipeline.run(f"simulation:{SPAN}/{SEED}").frame


def starts(job) -> list[str]:
    assert job.wait() == "COMPLETED", message(job)
    table = parse(io.BytesIO(job.get("/results/catalogue").content)).get_first_table()
    return [str(value) for value in table.array["icme_start_time"]]


def texts(times: pd.Series) -> list[str]:
    return list(times.dt.strftime("%Y-%m-%dT%H:%M:%S"))


def test_a_file_gives_the_events_that_the_command_line_finds(client, wind, expected):
    content = wind.to_csv(index=False).encode()
    job = start(client, "icme", FILE=content, SPACECRAFT="Simulation")
    assert starts(job) == texts(expected["icme_start_time"])
    assert len(expected) > 0
    table = parse(io.BytesIO(job.get("/results/catalogue").content)).get_first_table()
    bmax = table.get_field_by_id_or_name("bmax")
    assert (bmax.ucd, str(bmax.unit)) == ("phys.magField;stat.max", "nT")
    assert bmax.description == "Largest magnetic field of the event"
    assert table.array["bmax"] == pytest.approx(expected["bmax"].to_numpy())
    plot = matplotlib.image.imread(io.BytesIO(job.get("/results/plot").content), format="png")
    assert plot.shape[0] > 500
    assert plot.std() > 0.05
    record = json.loads(job.get("/results/provenance").content)
    assert record["weights_sha256"]
    assert record["source_sha256"]
    assert record["parameters"]["spacecraft"] == "simulation"


def test_a_votable_in_other_units_gives_the_same_events(client, wind, expected):
    table = Table.from_pandas(wind)
    table["time"] = table["time"].astype(str)
    for name, unit in CHANNELS.items():
        table[name].unit = unit
    table["vt"] = Column(wind["vt"].to_numpy() * 1000)
    table["vt"].unit = units.m / units.s
    content = io.BytesIO()
    table.write(content, format="votable")
    job = start(client, "icme", FILE=content.getvalue(), SPACECRAFT="simulation")
    assert starts(job) == texts(expected["icme_start_time"])


def test_a_span_is_simulated_and_the_events_within_it_are_returned(client, expected):
    job = start(client, "icme", TIME=SPAN, SPACECRAFT="simulation", SEED=str(SEED))
    assert starts(job) == texts(expected["icme_start_time"])


def test_a_file_that_is_no_solar_wind_is_told_by_line_and_column(client, wind):
    broken = wind.copy()
    broken["vt"] = broken["vt"].astype(object)
    broken.loc[4, "vt"] = "fast"
    content = broken.to_csv(index=False).encode()
    job = start(client, "icme", FILE=content, SPACECRAFT="Wind")
    assert job.wait() == "ERROR"
    assert message(job) == "input.csv, line 6, column vt: 'fast' is not a number"


def test_what_cannot_be_run_is_refused_at_once(client):
    answer = client.post("/run/icme", data={"TIME": SPAN, "PHASE": "RUN"})
    assert "nothing says who measured" in refusal(answer)
    answer = client.post("/run/icme", data={"TIME": SPAN, "SPACECRAFT": "../etc", "PHASE": "RUN"})
    assert "is not a choice (Wind, ACE" in refusal(answer)


@pytest.mark.skipif(importlib.util.find_spec("speasy") is not None, reason="speasy is installed")
def test_data_that_cannot_be_fetched_here_are_refused_with_the_way_out(client):
    answer = client.post("/run/icme", data={"TIME": SPAN, "SPACECRAFT": "wind", "PHASE": "RUN"})
    assert "speasy is not installed (send the measurements as FILE" in refusal(answer)
