"""Simulated boundaries of the Earth beside measured ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipelines.boundaries.earth import EARTH_RADIUS
from pipelines.earth_boundaries.published_lists import (
    read_magnetopause_times,
    read_magnetopauses,
    read_shocks,
)
from pipelines.earth_boundaries.realism import (
    described,
    place_quantities,
    shock_quantities,
    time_quantities,
    window_quantities,
)
from pipelines.earth_boundaries.shells import usual_surfaces
from pipelines.earth_boundaries.simulate import simulate
from pipelines.earth_boundaries.simulate_windows import simulate_windows
from pipelines.errors import SourceError
from pipelines.signals.quantiles import Compared, draw_quantities, quantile_lines


@pytest.fixture(scope="module")
def orbit():
    return simulate(start="2003-02-20", days=6, seed=41)


@pytest.fixture
def shocks_file(tmp_path):
    """One shock: 5 to 20 cm-3, 3-4-0 nT to 0-15-0 nT, 0.008 to 0.8 nPa."""
    values = {
        "Ne1_avg": 4,
        "Ne1_crct_avg": 5,
        "Ne2_avg": 20,
        "Pi1_avg": 0.008,
        "Pi2_avg": 0.8,
        "theta_bn_avg": 110,
    }
    for name, up, down in (
        ("Bx", 3, 0), ("By", 4, 15), ("Bz", 0, 0), ("Uix", -400, -100), ("Uiy", 0, 0), ("Uiz", 0, 0)
    ):  # fmt: skip
        values |= {f"{name}1_avg": up, f"{name}2_avg": down}
    path = tmp_path / "shocks.csv"
    path.write_text(
        "# ID," + ",".join(values) + "\nA," + ",".join(map(str, values.values())) + "\n"
    )
    return path


def test_averages_of_a_shock_become_ratios_and_temperatures(shocks_file):
    (shock,) = read_shocks(shocks_file).to_dict("records")
    assert shock["density_ratio"] == 4
    assert shock["field"] == 5
    assert shock["field_ratio"] == 3
    assert shock["speed"] == 400
    assert shock["theta_bn"] == 70
    # p = n k T: 0.8 nPa of 20 per cm3 is 0.04e-15 J each.
    assert shock["temperature_down"] == pytest.approx(0.8e-9 / 20e6 / 1.602176634e-19)


def test_a_list_without_a_column_that_is_needed_is_refused_with_its_name(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("R,phi\n10,1\n")
    with pytest.raises(SourceError, match="no column 'theta'"):
        read_magnetopauses(path)
    path.write_text("DateStart\nyesterday\n")
    with pytest.raises(SourceError, match="DateStart"):
        read_magnetopause_times(path)


def test_a_simulated_shock_is_compared_by_what_is_on_both_sides(orbit, shocks_file):
    frame = described(orbit)
    by_name = {each.name: each for each in shock_quantities(read_shocks(shocks_file), frame)}
    made = by_name["shock: N ratio"].finite("simulated")
    assert len(made) > 0
    assert np.all((made > 1) & (made < 6))
    assert by_name["shock: N ratio"].finite("MMS").tolist() == [4]


def test_magnetopauses_on_the_model_have_a_ratio_of_one():
    surface, _ = usual_surfaces()
    theta = np.linspace(0.1, 2.0, 30)
    real = pd.DataFrame({"R": surface.radius(theta), "theta": theta})
    empty = pd.DataFrame(
        {"boundary": ["magnetopause"], "x_gse": [10 * EARTH_RADIUS], "y_gse": [0.0], "z_gse": [0.0]}
    )
    for each in place_quantities(real, empty):
        np.testing.assert_allclose(each.finite("many spacecraft"), 1)


def test_only_times_within_an_encounter_are_compared(orbit):
    times = np.datetime64("2016-01-01", "s") + np.array([0, 60, 660, 100_000]).astype("m8[s]")
    (compared,) = time_quantities(times, [orbit])
    assert compared.finite("MMS").tolist() == [10]


def test_windows_are_compared_region_by_region():
    real, made = simulate_windows(5, seed=1), simulate_windows(7, seed=2)
    compared = window_quantities(real, made)
    assert len(compared) == 6 * 4
    assert {len(each.finite("MMS")) for each in compared if "|B|" in each.name} == {5}


def test_a_table_has_a_row_for_each_kind_and_the_figure_shows_all(tmp_path):
    several = [
        Compared("size", "nT", {"real": np.arange(101.0), "made": np.array([np.nan, 3.0])}, False)
    ]
    lines = quantile_lines(several)
    assert lines[2] == "| size [nT] | real | 101 | 5 | 25 | 50 | 75 | 95 |"
    assert lines[3] == "| size [nT] | made | 1 | 3 | 3 | 3 | 3 | 3 |"
    draw_quantities(several, tmp_path / "figure.png")
    assert np.asarray(Image.open(tmp_path / "figure.png").convert("L")).std() > 5
