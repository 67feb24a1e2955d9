"""The detector of the Earth's boundaries on request."""

from __future__ import annotations

import io
import json

import matplotlib.image
import pandas as pd
import pytest
from astropy import units
from astropy.io.votable import parse
from run_client import message, refusal, start

from pipelines.earth_boundaries import pipeline
from pipelines.earth_boundaries.simulate import simulate

SPAN = "2003-02-20/2003-02-26"
SEED = 4


@pytest.fixture(scope="module")
def moments() -> pd.DataFrame:
    """Six days of a simulated orbit, as somebody has them in a file."""
    series = simulate(start="2003-02-20", days=6, seed=SEED).series
    frame = series.data.copy()
    frame.insert(0, "time", series.time)
    return frame


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    """What the command line finds in the same data."""
    return pipeline.run(f"simulation:{SPAN}/{SEED}").frame


def test_a_file_gives_the_crossings_that_the_command_line_finds_with_a_plot(
    client, moments, expected
):
    content = moments.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S").encode()
    job = start(client, "earth_boundaries", FILE=content, SPACECRAFT="simulation")
    assert job.wait() == "COMPLETED", message(job)
    table = parse(io.BytesIO(job.get("/results/catalogue").content)).get_first_table()
    assert [str(value) for value in table.array["crossing_id"]] == list(expected["crossing_id"])
    assert len(expected) > 0
    assert table.get_field_by_id_or_name("x_gse").unit == units.km
    plot = matplotlib.image.imread(io.BytesIO(job.get("/results/plot").content), format="png")
    assert plot.shape[0] > 500
    assert plot.std() > 0.05
    record = json.loads(job.get("/results/provenance").content)
    assert record["pipeline"] == "earth_boundaries"


def test_a_span_is_simulated_and_gives_the_same_crossings(client, expected):
    job = start(client, "earth_boundaries", TIME=SPAN, SPACECRAFT="simulation", SEED=str(SEED))
    assert job.wait() == "COMPLETED", message(job)
    found = pd.read_csv(io.BytesIO(job.get("/results/catalogue.csv").content))
    assert list(found["crossing_id"]) == list(expected["crossing_id"])


def test_what_cannot_be_run_is_refused_at_once(client):
    answer = client.post("/run/earth_boundaries", data={"TIME": SPAN, "PHASE": "RUN"})
    assert "nothing says who measured" in refusal(answer)
    answer = client.post(
        "/run/earth_boundaries", data={"TIME": SPAN, "SPACECRAFT": "Wind", "PHASE": "RUN"}
    )
    assert "is not a choice (Cluster 1" in refusal(answer)
