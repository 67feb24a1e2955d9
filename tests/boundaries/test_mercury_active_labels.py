"""Proposals of orbits go out, labels come back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from pipelines.errors import LabelError
from pipelines.labelling import LabellingPipeline
from pipelines.mercury_boundaries import pipeline
from pipelines.mercury_boundaries.active.column import DriftLabels
from pipelines.mercury_boundaries.active.labelled import (
    labelled_orbits,
    read_form,
    take_form,
    type_numbers,
)
from pipelines.mercury_boundaries.active.orbits import OrbitExtent, divide
from pipelines.mercury_boundaries.active.propose import FORM, propose_orbits
from pipelines.mercury_boundaries.files import read_labelled
from pipelines.mercury_boundaries.labels import classes_of_types, crossings_from_classes
from pipelines.mercury_boundaries.lists import KINDS, Crossings
from pipelines.mercury_boundaries.series import to_datetime


@pytest.fixture(scope="module")
def series(simulated_orbits):
    """The first two of the simulated orbits."""
    whole = simulated_orbits.series
    return whole.between(whole.first, whole.first + len(whole) // 2)


@pytest.fixture(scope="module")
def proposals(series, mercury_detector, tmp_path_factory):
    return propose_orbits(series, mercury_detector, tmp_path_factory.mktemp("none"), count=5)


def form_of(extent, times=(1, 2, 3, 4), length=0.2):
    """Return a form of one orbit with crossings at these tenths of it."""
    step = (extent.last - extent.first) / 5
    rows = []
    for kind, time in zip(KINDS, times, strict=True):
        start = to_datetime(int(extent.first + step * time))
        end = to_datetime(int(extent.first + step * time + length * 3600))
        rows.append((extent.name, kind, start.isoformat(), end.isoformat()))
    return pd.DataFrame(rows, columns=["orbit", "Type", "start", "end"])


def refused(form, extents, tmp_path):
    path = tmp_path / "form.csv"
    form.to_csv(path, index=False)
    with pytest.raises(LabelError) as caught:
        read_form(path, {each.name: each for each in extents})
    return str(caught.value)


def test_the_pipeline_satisfies_the_contract_for_labelling():
    assert isinstance(pipeline, LabellingPipeline)


def test_proposals_come_with_reasons_and_are_a_form(proposals, series):
    form = proposals.form
    assert list(form.columns) == list(FORM)
    orbits = {each.name: each for each in divide(series)}
    assert set(form.orbit) == set(orbits)
    assert len(proposals.reasons) == 2
    labels = DriftLabels(series)
    for name, rows in form.groupby("orbit"):
        assert set(rows.Type) == set(KINDS)
        assert (rows.start == "").all()
        assert rows.entropy.iloc[0] > 0
        assert rows.drift.iloc[0] == labels.at(orbits[name].periapsis)
        assert "least sure about 2012-02-0" in rows.reason.iloc[0]
        assert f"drift {rows.drift.iloc[0]}" in rows.reason.iloc[0]
    # The second is told how far it is from the first.
    assert "nothing is labelled yet" in proposals.reasons[0]
    assert "standard deviations from what is labelled or proposed" in proposals.reasons[1]


def test_a_form_that_was_filled_in_becomes_orbits_that_training_reads(
    proposals, series, mercury_detector, tmp_path
):
    first = divide(series)[0]
    form = proposals.form.copy()
    filled = form_of(first).set_index("Type")
    for number in form.index[form.orbit == first.name]:
        form.loc[number, ["start", "end"]] = filled.loc[form.Type[number], ["start", "end"]]
    form = form.drop_duplicates(["orbit", "Type"])
    path, store = tmp_path / "form.csv", tmp_path / "store"
    form.to_csv(path, index=False)
    taken = take_form(series, path, store)
    assert taken.stored == (first.name,)
    assert len(taken.waiting) == 1
    assert f"--input {store} --labels {store}" in taken.usage
    assert sorted(each.name for each in store.iterdir()) == [
        "labels.csv", f"orbit_{first.name}.csv.gz"
    ]  # fmt: skip
    again, types = read_labelled(store)
    crossings = crossings_from_classes(classes_of_types(types), again.first)
    assert [KINDS[each] for each in crossings.kind] == list(KINDS)
    assert crossings.end - crossings.start == pytest.approx(np.full(4, 720.0), abs=2.0)
    assert np.allclose(again.position, series.between(first.first, first.last).position, atol=1.0)
    # What has labels is not proposed again, and the distance to it is told.
    after = propose_orbits(series, mercury_detector, store, count=5)
    assert set(after.form.orbit) == set(taken.waiting)
    assert after.form.distance.notna().all()


def test_labels_of_an_orbit_can_be_given_anew(series, tmp_path):
    extent = divide(series)[0]
    path, store = tmp_path / "form.csv", tmp_path / "store"
    for length in (0.2, 0.1):
        form_of(extent, length=length).to_csv(path, index=False)
        take_form(series, path, store)
    kept = pd.read_csv(store / "labels.csv")
    assert len(kept) == 4
    lengths = pd.to_datetime(kept.end) - pd.to_datetime(kept.start)
    assert (lengths.dt.total_seconds() == 360).all()


def test_a_boundary_that_is_not_crossed_is_told_by_a_word(series, tmp_path):
    extent = divide(series)[0]
    form = form_of(extent)
    form.loc[[1, 2], ["start", "end"]] = ["none", ""]
    path = tmp_path / "form.csv"
    form.to_csv(path, index=False)
    labels, _ = read_form(path, {extent.name: extent})
    assert [KINDS[each] for each in labels[extent.name].kind] == ["bs_in", "bs_out"]


@pytest.mark.parametrize(
    ("row", "column", "value", "said"),
    [
        (1, "orbit", "MESS_ORBIT_19990101T0000", "row 3, orbit: 'MESS_ORBIT_19990101T0000' is"),
        (1, "orbit", "", "row 3, orbit: it is empty"),
        (0, "Type", "bs_im", "row 2, Type: 'bs_im' is no kind of crossing; did you mean 'bs_in'"),
        (2, "start", "noon", "row 4, start: 'noon' is no time; write 2011-12-28T01:10:00"),
        (2, "end", "", "row 4, end: it is empty"),
        (2, "end", "none", "row 4: either times or none"),
        (0, "end", "2001-01-01T00:00:00", "row 2, end: 2001-01-01T00:00:00 is before the start"),
        (3, "end", "2099-01-01T00:00:00", "h is too long for a crossing"),
    ],
)  # fmt: skip
def test_a_bad_row_is_told_and_nothing_is_kept(series, tmp_path, row, column, value, said):
    extents = divide(series)
    form = form_of(extents[0])
    form.loc[row, column] = value
    good = form_of(extents[1])
    path, store = tmp_path / "form.csv", tmp_path / "store"
    pd.concat([form, good]).to_csv(path, index=False)
    with pytest.raises(LabelError) as caught:
        take_form(series, path, store)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "nothing was kept" in str(caught.value)
    assert not store.exists()


def test_rows_that_contradict_each_other_are_told(series, tmp_path):
    extents = divide(series)
    form = form_of(extents[0])
    assert "nothing is said of mp_out" in refused(form.drop(2), extents, tmp_path)
    exchanged = form.assign(Type=["mp_in", "bs_in", "mp_out", "bs_out"])
    assert "row 3: bs_in cannot follow mp_in of row 2" in refused(exchanged, extents, tmp_path)
    overlapping = form_of(extents[0], times=(1, 1.1, 3, 4), length=1.0)
    assert "row 3: it overlaps the interval of row 2" in refused(overlapping, extents, tmp_path)
    nowhere = form.assign(start="none", end="")
    assert "no crossing at all" in refused(nowhere, extents, tmp_path)
    moved = form_of(extents[1]).assign(orbit=extents[0].name)
    assert "lies outside of its orbit, which lasts from 2012" in refused(moved, extents, tmp_path)


def test_all_bad_rows_are_told_at_once(series, tmp_path):
    extents = divide(series)
    form = form_of(extents[0]).assign(Type="shock")
    message = refused(form, extents, tmp_path)
    assert all(f"row {number}, Type" in message for number in (2, 3, 4, 5))


def test_a_form_without_labels_or_columns_is_refused(series, tmp_path):
    path, store = tmp_path / "form.csv", tmp_path / "store"
    form = form_of(divide(series)[0])
    form.assign(start="", end="").to_csv(path, index=False)
    with pytest.raises(LabelError, match="has no labels yet"):
        take_form(series, path, store)
    form.drop(columns="Type").to_csv(path, index=False)
    with pytest.raises(LabelError, match="lacks the columns Type"):
        take_form(series, path, store)
    with pytest.raises(LabelError, match="cannot be read"):
        take_form(series, tmp_path / "gone.csv", store)
    store.write_text("")
    with pytest.raises(LabelError, match="is a file"):
        labelled_orbits(store)


def test_nothing_is_proposed_when_every_orbit_has_labels(series, mercury_detector, tmp_path):
    extents = divide(series)
    path, store = tmp_path / "form.csv", tmp_path / "store"
    pd.concat([form_of(each) for each in extents]).to_csv(path, index=False)
    take_form(series, path, store)
    with pytest.raises(LabelError, match="all 2 orbits"):
        propose_orbits(series, mercury_detector, store, count=1)
    with pytest.raises(LabelError, match="no orbit can be told"):
        propose_orbits(series.without_position(), mercury_detector, store, count=1)


@settings(max_examples=40, deadline=None)
@given(
    gaps=st.lists(st.integers(30, 5000), min_size=5, max_size=5),
    lengths=st.lists(st.integers(2, 3000), min_size=4, max_size=4),
)
def test_an_orbit_that_is_labelled_gives_its_intervals_back(gaps, lengths):
    start, starts, ends = 1000.0, [], []
    for gap, length in zip(gaps, lengths, strict=False):
        start += gap
        starts.append(start)
        start += length
        ends.append(start)
    extent = OrbitExtent("it", 0, 1000, int(start) + gaps[4])
    crossings = Crossings(np.array(starts), np.array(ends), np.arange(4))
    types = type_numbers(extent, crossings)
    assert types.min() >= 1
    found = crossings_from_classes(classes_of_types(types), extent.first)
    assert np.array_equal(found.kind, crossings.kind)
    assert np.abs(found.start - crossings.start).max() <= 1
    assert np.abs(found.end - crossings.end).max() <= 1


@pytest.mark.slow
def test_training_learns_from_labels_that_came_back(series, tmp_path):
    path, store = tmp_path / "form.csv", tmp_path / "store"
    pd.concat([form_of(each) for each in divide(series)]).to_csv(path, index=False)
    pipeline.take_labels(series, path, store)
    weights = tmp_path / "weights"
    report = pipeline.train([store], [store], weights, seeds=1, folds=2, steps=2)
    assert len(report["orbits"]) == 2
    assert list(weights.glob("*.safetensors"))
