"""EPNcore as data."""

from epntap.epncore import read_standard
from epntap.epncore.ucds import is_ucd

FRAMES = ("celestial", "body", "cartesian", "spherical", "cylindrical", "none")


def test_there_are_forty_six_mandatory_columns_and_ten_with_values():
    standard = read_standard()
    assert len(standard.mandatory) == 46
    assert sum(c.requirement == "value" for c in standard.columns.values()) == 10


def test_every_column_can_be_made_for_every_frame_with_a_valid_ucd():
    standard = read_standard()
    for frame in FRAMES:
        for name in standard.columns:
            column = standard.column(name, frame=frame, particle="mass/charge")
            assert column.ucd is None or is_ucd(column.ucd), (frame, name, column.ucd)
            assert "@" not in f"{column.unit}{column.ucd}"


def test_every_pair_has_both_its_columns():
    standard = read_standard()
    for low, high in standard.pairs:
        assert low.endswith("min")
        assert high in standard.columns
    assert ("time_min", "time_max") in standard.pairs
    assert ("c1_resol_min", "c1_resol_max") in standard.pairs


def test_rules_are_about_columns_that_exist():
    standard = read_standard()
    assert set(standard.rules) <= set(standard.columns)
    for group in standard.together:
        assert set(group) <= set(standard.columns)


def test_the_dates_are_timestamps():
    standard = read_standard()
    for name in ("creation_date", "modification_date", "release_date"):
        assert standard.column(name, frame="body").xtype == "timestamp"
