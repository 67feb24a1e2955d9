"""Rendered pits: Suns kept apart, shapes as they are said to be, truth that fits the picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("scipy")

from pipelines.images.illumination import Illumination
from pipelines.images.render import Camera
from pipelines.mars_pits.classes import CLASSES, known_class
from pipelines.mars_pits.samples import sample_of
from pipelines.mars_pits.shapes import Shape, profile, random_shape, rim_distance
from pipelines.mars_pits.simulate import (
    SEEDS,
    picture,
    pictures,
    purpose_of,
    random_sun,
    take_picture,
)
from pipelines.mars_pits.surface import Site, fractal, random_site

PLAIN = Site(2.0, 0.01, 3.0, 0.0, 0.0, 2.0, 0.0, 0.0, 2.0, 0.0, 0.0)


def shape(kind: str, **changes) -> Shape:
    depths = {"skylight": 24.0, "pit": 12.0, "elongated": 10.0, "shallow": 4.0, "crater": 7.0}
    walls = {"skylight": 0.05, "pit": 0.4, "elongated": 0.3, "shallow": 1.2, "crater": 1.0}
    values = {"stretch": 3.0 if kind == "elongated" else 1.0, "angle": 0.3, "beads": 0, "seed": 1}
    values |= {"row": 48.0, "col": 48.0, "radius": 14.0, **changes}
    return Shape(kind=kind, depth=depths[kind], wall=walls[kind], **values)


def along(kind: str, **changes):
    """Return distances from the middle in pixels and the heights of a shape there."""
    one = shape(kind, **changes)
    places = np.arange(0.0, 45.0, 0.25)
    distance = rim_distance(
        one, np.array([[48.0]]), (48.0 + places)[None, :], raggedness=0.0
    ).ravel()
    return places, profile(one, distance)


@given(st.floats(28.0, 69.99), st.floats(0.0, 359.99), st.integers(0, 3))
def test_a_quarter_turn_leaves_a_sun_what_it_is_for(incidence, azimuth, quarters):
    turned = azimuth + 90.0 * quarters
    assert purpose_of(incidence, turned) == purpose_of(incidence, azimuth) or (
        # Rounding may carry an azimuth over the border of a cell.
        min(turned % 15.0, 15.0 - turned % 15.0) < 1e-6
    )


def test_mirror_images_are_learnt_from_only_where_their_sun_may_be():
    allowed = [sample_of(each, CLASSES) for each in pictures("training", 12, size=32)]
    for each, made in zip(allowed, pictures("training", 12, size=32), strict=True):
        mirrored = purpose_of(made.light.incidence, 360.0 - made.light.sun_azimuth)
        assert each.mirrored == (mirrored == "training")
    assert {each.mirrored for each in allowed} == {True, False}


@pytest.mark.parametrize("purpose", ["training", "validation", "test"])
def test_suns_are_those_of_their_purpose(purpose):
    rng = np.random.default_rng(3)
    for _ in range(20):
        assert purpose_of(*random_sun(purpose, rng)) == purpose


def test_purposes_share_neither_sites_nor_pictures():
    sites = {(random_site(first, number)) for first in SEEDS.values() for number in range(30)}
    assert len(sites) == 90
    assert not np.array_equal(picture("training", 0).pixels, picture("validation", 0).pixels)


def test_crowded_pictures_have_many_small_round_things_under_suns_that_are_learnt_from():
    made = [picture("training", number, crowded=True) for number in range(6)]
    plain = [picture("training", number) for number in range(6)]
    assert sum(len(each.things) for each in made) > 1.5 * sum(len(each.things) for each in plain)
    for each in made:
        assert purpose_of(each.light.incidence, each.light.sun_azimuth) == "training"
        assert all(thing.kind != "elongated" for thing in each.things)
        # Ragged rims reach a little further.
        assert all(thing.diameter < 36.0 * each.site.pixel for thing in each.things)


def test_a_picture_is_the_same_every_time():
    one, other = picture("test", 3, size=64), picture("test", 3, size=64)
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(one.cover, other.cover)


def test_pits_reach_their_depth_and_end_at_their_rim():
    for kind in ("skylight", "pit", "shallow"):
        places, heights = along(kind)
        assert heights.min() == pytest.approx(-shape(kind).depth, rel=0.02)
        assert np.all(heights[places > 14.0] == 0.0)
        assert np.all(heights[places < 13.0] < 0.0)


def test_only_craters_have_a_raised_rim():
    for kind in CLASSES:
        _, heights = along(kind)
        assert (heights.max() > 0.1) == (kind == "crater")


def test_walls_of_skylights_are_steeper_than_those_of_pits_and_those_than_of_shallow_ones():
    slopes = {}
    for kind in ("skylight", "pit", "shallow"):
        places, heights = along(kind)
        slopes[kind] = float(np.max(np.diff(heights) / np.diff(places)))
    assert slopes["skylight"] > 5.0 > slopes["pit"] > 1.0 > slopes["shallow"]


@given(st.integers(0, 2**31), st.sampled_from(CLASSES))
def test_all_of_a_rim_lies_within_its_reach(seed, kind):
    rng = np.random.default_rng(seed)
    one = random_shape(kind, PLAIN, 128.0, (12.0, 52.0), rng)
    angle = np.linspace(0.0, 2.0 * math.pi, 73)
    for scale in (1.0, 1.3):
        rows = one.row + scale * one.reach * np.sin(angle)
        cols = one.col + scale * one.reach * np.cos(angle)
        values = np.array(
            [
                rim_distance(one, np.array([[r]]), np.array([[c]]), 0.0)[0, 0]
                for r, c in zip(rows, cols, strict=True)
            ]
        )
        assert (values >= 1.0).all()


def test_beads_of_a_row_hang_together():
    scipy_label = pytest.importorskip("scipy.ndimage").label
    rng = np.random.default_rng(0)
    places = np.arange(-20.0, 150.0, 0.5)
    for _ in range(30):
        one = random_shape("elongated", PLAIN, 128.0, (12.0, 52.0), rng)
        inside = rim_distance(one, places[:, None], places[None, :], 0.0) < 1.0
        assert scipy_label(inside)[1] <= 1


def test_the_relief_has_the_spectrum_that_is_asked_for():
    powers = []
    for seed in range(8):
        field = fractal(256, 3.0, np.random.default_rng(seed))
        window = np.hanning(256)[None, :]
        powers.append((np.abs(np.fft.rfft(field * window, axis=1)) ** 2).mean(axis=0))
    power = np.mean(powers, axis=0)
    wave = np.arange(len(power))
    use = (wave >= 6) & (wave <= 60)
    slope = np.polyfit(np.log(wave[use]), np.log(power[use]), 1)[0]
    assert slope == pytest.approx(-3.0, abs=0.3)


def test_the_sunward_part_of_a_pit_is_dark_and_its_far_wall_bright():
    light = Illumination(50.0, 0.0, 90.0, 0.0)
    camera = Camera(psf_sigma=0.0, noise=0.0)
    made = take_picture(
        "x", PLAIN, (shape("pit"),), light, camera, np.random.default_rng(1), size=96
    )
    (thing,) = made.things
    ground = np.median(made.pixels)
    # The Sun is in the east: shadow below the eastern rim, light on the western wall.
    assert made.pixels[46:50, 55:59].max() < 0.3 * ground
    assert made.pixels[46:50, 35:37].min() > 1.1 * ground
    assert thing.diameter == pytest.approx(2.0 * 14.0 * 2.0, rel=0.02)
    assert thing.mask.sum() == pytest.approx(math.pi * 14.0**2, rel=0.02)


def test_names_of_others_for_classes_are_known():
    assert [known_class(f"Type-{number}") for number in (1, 2, 3, 4)] == list(CLASSES[:4])
    assert known_class("Skylights") == "skylight"
    assert known_class("impact_crater") == "crater"
    assert known_class("dune ") == "dune"
