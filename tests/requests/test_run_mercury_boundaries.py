"""The detector of Mercury's boundaries on request."""

from __future__ import annotations

import io
import json

import matplotlib.image
import pandas as pd
import pytest
from astropy import units
from astropy.io.votable import parse
from run_client import message, refusal, start

from pipelines.contract import Span
from pipelines.mercury_boundaries import pipeline
from pipelines.mercury_boundaries.files import write_csv
from pipelines.mercury_boundaries.series import MagSeries, to_datetime
from pipelines.mercury_boundaries.simulate import simulate

SEED = 7


@pytest.fixture(scope="module")
def orbits() -> MagSeries:
    """Two simulated orbits."""
    return simulate(start="2012-02-01", orbits=2, seed=SEED).series


@pytest.fixture(scope="module")
def content(orbits, tmp_path_factory) -> bytes:
    """The same, as somebody has them in a file."""
    path = tmp_path_factory.mktemp("orbits") / "orbit_00.csv.gz"
    write_csv(orbits, None, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def expected(content, tmp_path_factory) -> pd.DataFrame:
    """What the command line finds in that file."""
    path = tmp_path_factory.mktemp("file") / "orbit_00.csv.gz"
    path.write_bytes(content)
    return pipeline.run(path).frame


def test_a_file_gives_the_crossings_that_the_command_line_finds_with_a_plot(
    client, content, expected
):
    job = start(client, "mercury_boundaries", FILE=content, SPACECRAFT="MESSENGER")
    assert job.wait() == "COMPLETED", message(job)
    table = parse(io.BytesIO(job.get("/results/catalogue").content)).get_first_table()
    assert [str(value) for value in table.array["crossing_id"]] == list(expected["crossing_id"])
    assert len(expected) >= 4
    assert table.get_field_by_id_or_name("x_mso_min").unit == units.km
    plot = matplotlib.image.imread(io.BytesIO(job.get("/results/plot").content), format="png")
    assert plot.shape[0] > 500
    assert plot.std() > 0.05
    record = json.loads(job.get("/results/provenance").content)
    assert record["pipeline"] == "mercury_boundaries"
    assert record["parameters"]["position"] is True


def test_a_span_is_simulated_and_has_the_crossings_that_begin_in_it(client, orbits):
    first, last = to_datetime(orbits.first), to_datetime(orbits.first + 60_000)
    job = start(
        client,
        "mercury_boundaries",
        TIME=f"{first.isoformat()}/{last.isoformat()}",
        SPACECRAFT="simulation",
        SEED=str(SEED),
        POSITION="no",
    )
    assert job.wait() == "COMPLETED", message(job)
    found = pd.read_csv(io.BytesIO(job.get("/results/catalogue.csv").content))
    assert len(found) > 0
    assert found["simulated"].all()
    begins = pd.to_datetime(found["crossing_start"])
    assert begins.between(first, last, inclusive="left").all()
    record = json.loads(job.get("/results/provenance").content)
    assert record["parameters"]["position"] is False


def test_a_file_with_a_span_gives_the_crossings_that_begin_in_it(
    orbits, content, expected, tmp_path
):
    path = tmp_path / "request.csv.gz"
    path.write_bytes(content)
    span = Span(to_datetime(orbits.first + 20_000), to_datetime(orbits.first + 60_000))
    values = {"spacecraft": "MESSENGER", "position": "yes"}
    source, options = pipeline.request_source(span=span, file=path, values=values)
    found = pipeline.run(source, **options).frame
    inside = expected["crossing_start"].between(span.start, span.stop, inclusive="left")
    assert list(found["crossing_id"]) == list(expected["crossing_id"][inside])


def test_what_cannot_be_run_is_refused_at_once(client):
    span = "2012-01-01/2012-01-03"
    answer = client.post("/run/mercury_boundaries", data={"TIME": span, "PHASE": "RUN"})
    assert "nothing says who measured" in refusal(answer)
    asked = {"TIME": span, "SPACECRAFT": "MESSENGER", "PHASE": "RUN"}
    assert "does not fetch data of MESSENGER" in refusal(
        client.post("/run/mercury_boundaries", data=asked)
    )
    asked = {"TIME": "2012-01-01/2012-02-10", "SPACECRAFT": "simulation", "PHASE": "RUN"}
    assert "too many to be simulated" in refusal(client.post("/run/mercury_boundaries", data=asked))
