"""The detector of interaction regions on request."""

from __future__ import annotations

import io
import json

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.io.votable import parse
from run_client import message, refusal, start

from pipelines.icme.source import open_source
from pipelines.sir import pipeline
from pipelines.sources.insitu import CHANNELS

SPAN = "2024-01-01/2024-02-10"
SEED = 3


@pytest.fixture(scope="module")
def wind() -> pd.DataFrame:
    """Forty days of simulated solar wind, as somebody has them in a file."""
    series = open_source(f"simulation:{SPAN}/{SEED}")
    frame = series.data[list(CHANNELS)].copy()
    frame.insert(0, "time", np.datetime_as_string(series.time, unit="s"))
    return frame


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    """What the command line finds in the same data."""
    return pipeline.run(f"simulation:{SPAN}/{SEED}").frame


def test_a_file_gives_the_regions_that_the_command_line_finds_with_a_plot(client, wind, expected):
    content = wind.to_csv(index=False).encode()
    job = start(client, "sir", FILE=content, SPACECRAFT="Simulation")
    assert job.wait() == "COMPLETED", message(job)
    table = parse(io.BytesIO(job.get("/results/catalogue").content)).get_first_table()
    found = [str(value) for value in table.array["interface_time"]]
    assert found == list(expected["interface_time"].dt.strftime("%Y-%m-%dT%H:%M:%S"))
    assert len(expected) > 0
    fastest = table.get_field_by_id_or_name("speed_max")
    assert fastest.ucd == "phys.veloc;stat.max"
    assert fastest.unit == units.km / units.s
    plot = matplotlib.image.imread(io.BytesIO(job.get("/results/plot").content), format="png")
    assert plot.shape[0] > 500
    assert plot.std() > 0.05
    record = json.loads(job.get("/results/provenance").content)
    assert record["pipeline"] == "sir"
    assert record["parameters"]["cleaning"]["samples"] == len(wind)


def test_what_cannot_be_run_is_refused_at_once(client):
    answer = client.post("/run/sir", data={"TIME": SPAN, "PHASE": "RUN"})
    assert "nothing says who measured" in refusal(answer)
    answer = client.post("/run/sir", data={"TIME": SPAN, "SPACECRAFT": "Voyager", "PHASE": "RUN"})
    assert "is not a choice (Wind, ACE" in refusal(answer)
