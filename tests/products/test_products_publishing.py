"""Rows of files: what they say, how they are linked, and what is refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from epntap.catalogue import read_catalogue
from epntap.commands.publishing import publish_file
from epntap.database import Database
from epntap.errors import CatalogueError, PublishError
from epntap.publish import DataFrameSource, InvalidRowsError, drop, open_native, publish
from epntap.validator import LocalTapClient, Options, validate


def test_each_file_has_a_row_that_is_linked_to_that_of_its_object(pits, database, rows_of):
    done = pits.publish(database)
    assert (done.rows, done.files) == (5, 5)
    rows = {row["granule_uid"]: row for row in rows_of(pits.catalogue)}
    assert sorted(rows) == ["a", "a_mask", "a_profile", "b", "b_profile"]
    a, profile, mask = rows["a"], rows["a_profile"], rows["a_mask"]
    content = (pits.folder / "a.csv").read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:32]
    base = f"{database.settings.url}/products/{pits.catalogue.name}/"
    assert profile["access_url"] == f"{base}{digest}/a.csv"
    assert profile["access_format"] == "text/csv"
    assert profile["access_estsize"] == 1  # kilobytes, rounded up
    assert profile["access_md5"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert profile["file_name"] == "a.csv"
    assert [row["dataproduct_type"] for row in (a, profile, mask)] == ["ci", "pr", "ma"]
    name = pits.catalogue.name
    groups = [row["granule_gid"] for row in (a, profile, mask)]
    assert groups == [name, f"{name}_profile", "masks"]
    assert {row["obs_id"] for row in (a, profile, mask)} == {"a"}
    assert {row["internal_reference"] for row in (profile, mask)} == {"a"}
    assert a["access_url"] is None
    assert a["internal_reference"] is None
    assert mask["access_estsize"] == 4  # 3008 bytes
    assert mask["access_format"] == "image/png"


def test_a_row_of_a_file_says_what_its_object_says_but_for_the_catalogues_own_columns(
    pits, database, rows_of
):
    pits.publish(database)
    rows = {row["granule_uid"]: row for row in rows_of(pits.catalogue)}
    a, profile, mask = rows["a"], rows["a_profile"], rows["a_mask"]
    for name in ("target_name", "c1min", "c2min", "time_min", "run_id", "processing_level"):
        assert a[name] == profile[name] == mask[name] is not None
    assert a["thumbnail_url"] == profile["thumbnail_url"] == mask["thumbnail_url"]
    assert urlsplit(a["thumbnail_url"]).path.endswith("/a.png")
    assert (a["depth"], profile["depth"], mask["depth"]) == (20.0, None, None)
    assert (a["rank"], profile["rank"], mask["rank"]) == (1, 1, None)
    kinds = [row["measurement_type"] for row in (a, profile, mask)]
    assert kinds == ["phys.size", "pos.bodyrc.alt", "phys.size"]


def test_the_obs_id_of_the_mapping_is_that_of_the_files_too(tmp_path, pits, database, rows_of):
    text = (tmp_path / f"{pits.catalogue.name}.yaml").read_text()
    path = tmp_path / "mapped.yaml"
    path.write_text(text.replace("  c2min: lat", "  c2min: lat\n  obs_id: {template: 'IMG_{id}'}"))
    publish(database, read_catalogue(path), pits.source, files=pits.folder)
    assert {row["obs_id"] for row in rows_of(pits.catalogue)} == {"IMG_a", "IMG_b"}


def test_what_is_published_passes_every_rule(pits, database):
    pits.publish(database)
    report = validate(LocalTapClient(database), pits.catalogue.name, Options(5, 1000, 0))
    assert not report.findings, [str(finding) for finding in report.findings]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_on_the_disk_names_files_beside_it(pits, database, rows_of, monkeypatch, ending):
    table = pits.folder / f"pits.{ending}"
    frame = pits.source.frame
    frame.to_csv(table, index=False) if ending == "csv" else frame.to_parquet(table)
    publish(database, pits.catalogue, open_native(table), files=pits.folder)
    first = rows_of(pits.catalogue)
    assert len(first) == 5
    monkeypatch.setenv("EPNTAP_HOME", str(database.settings.home))
    if database.settings.postgres_bin:
        monkeypatch.setenv("EPNTAP_POSTGRES_BIN", str(database.settings.postgres_bin))
    yaml = pits.folder.parent / f"{pits.catalogue.name}.yaml"
    # The folder of the table is where its files are, if no other is given.
    publish_file(str(yaml), table, drop_invalid=False)
    second = rows_of(pits.catalogue)
    assert [row["access_url"] for row in second] == [row["access_url"] for row in first]
    with pytest.raises(PublishError, match="there is no such file"):
        publish_file(str(yaml), table, drop_invalid=False, products=pits.folder / "pictures")


@pytest.mark.parametrize(
    "name",
    [
        "../secret.csv",
        "/etc/passwd",
        "a/../../secret.csv",
        "..",
        ".hidden.csv",
        "-rf.csv",
        "a\\b.csv",
        "a b.csv",
        "a%2fb.csv",
        "ä.csv",
        "a\n.csv",
        "folder//a.csv",
        "a/",
        "x" * 130 + ".csv",
        "http://example.org/a.csv",
    ],
)
def test_names_that_are_not_safe_are_refused_and_nothing_is_published(
    pits, database, contents, name
):
    (pits.folder.parent / "secret.csv").write_text("secret")
    pits.rows[1]["profile"] = name
    with pytest.raises(PublishError, match=r"row 2, column profile.*is not a safe name of a file"):
        pits.publish(database)
    assert contents(pits.catalogue.name) == set()


@pytest.mark.parametrize("where", ["file", "folder"])
def test_links_are_refused(pits, database, tmp_path, where):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.csv").write_text("secret")
    if where == "file":
        (pits.folder / "link.csv").symlink_to(tmp_path / "elsewhere" / "secret.csv")
        pits.rows[0]["profile"] = "link.csv"
    else:
        (pits.folder / "link").symlink_to(tmp_path / "elsewhere")
        pits.rows[0]["profile"] = "link/secret.csv"
    with pytest.raises(PublishError, match="a link is not published"):
        pits.publish(database)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda pits: (pits.folder / "b.csv").unlink(), r"b\.csv: there is no such file"),
        (lambda pits: os.mkfifo(pits.folder / "p.csv"), r"p\.csv is not a file"),
        (lambda pits: (pits.folder / "p.csv").mkdir(), r"p\.csv is not a file"),
        (lambda pits: (pits.folder / "p.html").write_text("<p>"), "no media type is known"),
        (lambda pits: (pits.folder / "p.png").write_text("text"), "its content is not image/png"),
    ],
)
def test_what_is_no_such_file_is_refused(pits, database, contents, spoil, message):
    spoil(pits)
    made = sorted(path.name for path in pits.folder.glob("p.*"))
    pits.rows[1]["profile"] = made[0] if made else "b.csv"
    with pytest.raises(PublishError, match=message):
        pits.publish(database)
    assert contents(pits.catalogue.name) == set()


def test_a_thumbnail_has_to_be_a_picture(pits, database):
    pits.rows[0]["picture"] = "a.csv"
    with pytest.raises(PublishError, match=r"row 1, column picture: a\.csv cannot be a thumbnail"):
        pits.publish(database)


def test_sizes_are_limited(pits, database, monkeypatch):
    small = database.settings.model_copy(update={"product_bytes": 1000})
    monkeypatch.setattr(database, "settings", small)
    with pytest.raises(PublishError, match=r"a\.png has more than 1,000 bytes"):
        pits.publish(database)
    few = database.settings.model_copy(update={"product_bytes": 0, "products_bytes": 3050})
    monkeypatch.setattr(database, "settings", few)
    with pytest.raises(PublishError, match="files of this version have more than 3,050 bytes"):
        pits.publish(database)


def test_a_source_without_the_column_or_the_folder_says_so(pits, database):
    frame = pits.source.frame.drop(columns="mask")
    with pytest.raises(
        PublishError, match=r"granules\.mask\.file: the source has no column 'mask'"
    ):
        publish(database, pits.catalogue, DataFrameSource(frame, "x"), files=pits.folder)
    with pytest.raises(PublishError, match="no folder of files was given"):
        publish(database, pits.catalogue, pits.source)


def test_rows_without_files_need_no_folder(pits, database, rows_of):
    frame = pits.source.frame.assign(mask=None, profile=None, picture=None)
    publish(database, pits.catalogue, DataFrameSource(frame, "x"))
    assert [row["granule_uid"] for row in rows_of(pits.catalogue)] == ["a", "b"]


def test_the_files_of_a_row_that_is_left_out_are_left_out_with_it(
    pits, database, rows_of, contents
):
    pits.add("c")
    pits.rows[0]["lat"] = 95.0  # no latitude
    done = pits.publish(database, drop_invalid=True)
    assert [(fault.row, fault.column) for fault in done.dropped] == [(1, "c2min"), (1, "c2max")]
    uids = [row["granule_uid"] for row in rows_of(pits.catalogue)]
    assert uids == ["b", "b_profile", "c", "c_mask", "c_profile"]
    assert len(contents(pits.catalogue.name)) == done.files == 5


def test_a_double_is_reported_with_its_row_in_the_source(pits, database):
    pits.add("c")
    pits.rows[2]["id"] = "a_mask"  # as the row of a file of the first pit is called
    with pytest.raises(InvalidRowsError) as caught:
        pits.publish(database)
    faults = [str(fault) for fault in caught.value.violations]
    assert faults == ["row 3, column granule_uid: 'a_mask' stands in row 1 already"]
    pits.rows[2]["id"] = "b"
    with pytest.raises(InvalidRowsError) as caught:
        pits.publish(database)
    assert {fault.row for fault in caught.value.violations} == {3}


def test_files_go_with_their_rows_over_all_chunks(pits, database, rows_of, monkeypatch):
    monkeypatch.setattr("epntap.publish.native.CHUNK_ROWS", 2)
    for name in "cdefg":
        pits.add(name, mask=name != "e")
    pits.rows[3]["lat"] = 95.0  # d is left out
    done = pits.publish(database, drop_invalid=True)
    assert {fault.row for fault in done.dropped} == {4}
    rows = rows_of(pits.catalogue)
    files = {row["granule_uid"]: row["file_name"] for row in rows if row["access_url"]}
    masks = {f"{name}_mask": f"{name}.png" for name in "acfg"}
    assert files == masks | {f"{name}_profile": f"{name}.csv" for name in "abcefg"}
    assert all(row["thumbnail_url"].endswith(f"/{row['obs_id']}.png") for row in rows)
    pits.rows[6]["id"] = "c_mask"
    with pytest.raises(InvalidRowsError) as caught:
        pits.publish(database)
    # The row of c's mask is found to be the double of a later row of the source.
    assert {fault.row for fault in caught.value.violations} == {4, 7}
    pits.rows[6]["profile"] = "../g.csv"
    with pytest.raises(PublishError, match="row 7, column profile"):
        pits.publish(database)


def test_one_file_may_belong_to_several_rows(pits, database, rows_of, contents):
    pits.rows[1]["profile"] = "a.csv"
    pits.publish(database)
    rows = {row["granule_uid"]: row for row in rows_of(pits.catalogue)}
    assert rows["a_profile"]["access_url"] == rows["b_profile"]["access_url"]
    assert len(contents(pits.catalogue.name)) == 4


def test_a_trial_looks_at_the_files_and_keeps_none(pits, database, contents):
    tried = pits.publish(database, dry_run=True)
    assert (tried.state, tried.rows, tried.files) == ("tried", 5, 5)
    assert contents(pits.catalogue.name) == set()
    (pits.folder / "b.csv").unlink()
    with pytest.raises(PublishError, match=r"row 2, column profile: .*there is no such file"):
        pits.publish(database, dry_run=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dataproduct_type: pr", "dataproduct_type: profile", "'profile' is not one of"),
        ("columns: [rank]", "columns: [rang]", "no own column 'rang'.*rank"),
        ("measurement_type: pos", "measurment_type: pos", "not a column of EPNcore"),
        ("{measurement_type: pos.bodyrc.alt}", "{obs_id: x}", "leave it out"),
        ("{measurement_type: pos.bodyrc.alt}", "{processing_level: x}", "is not a number"),
        ("granule_gid: masks", "format: text/html", "a browser would run it"),
        ("granule_gid: masks", "format: PNG", "not a media type in lower case"),
        ("    mask: {", "    Mask-1: {", "cannot name a kind of files"),
        ("  thumbnail: picture", "  thumbnails: picture", "unknown key.*thumbnail"),
        ("  c2min: lat", "  c2min: lat\n  access_url: lat", "is filled with what 'products' says"),
    ],
)
def test_a_wrong_section_is_refused_with_its_line(tmp_path, pits, old, new, message):
    text = (tmp_path / f"{pits.catalogue.name}.yaml").read_text()
    assert old in text
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(old, new))
    with pytest.raises(CatalogueError, match=rf"(?s)wrong\.yaml, line \d+.*{message}"):
        read_catalogue(path)


def test_a_file_that_changes_while_it_is_read_is_not_published(
    pits, database, contents, monkeypatch
):
    from epntap.products import files

    whole = files.FolderFiles.open
    seen: list[Path] = []

    def changing(self, path):
        if str(path) == "a.csv":
            seen.append(path)
            if len(seen) == 2:
                (self.folder / path).write_text("another content")
        return whole(self, path)

    monkeypatch.setattr(files.FolderFiles, "open", changing)
    with pytest.raises(PublishError, match=r"a\.csv changed while it was published"):
        pits.publish(database)
    assert contents(pits.catalogue.name) == set()


def test_a_catalogue_can_have_thumbnails_alone(
    tmp_path, pits, database: Database, rows_of: Callable
):
    text = (tmp_path / f"{pits.catalogue.name}.yaml").read_text()
    path = tmp_path / "alone.yaml"
    path.write_text(text[: text.index("  granules:")].replace(pits.catalogue.name, "thumbs"))
    catalogue = read_catalogue(path)
    publish(database, catalogue, pits.source, files=pits.folder)
    try:
        rows = rows_of(catalogue)
        assert all(row["thumbnail_url"].endswith(".png") for row in rows)
        assert "access_url" not in rows[0]
    finally:
        drop(database, "thumbs")
