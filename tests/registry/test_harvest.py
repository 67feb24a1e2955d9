"""A harvester of others gets everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from epntap.database import Database
from epntap.publish import DataFrameSource, drop, publish, rollback

from .conftest import ROWS, describe

sickle = pytest.importorskip("sickle", reason="sickle (extra dev) is not installed")


@pytest.fixture
def harvester(base_url: str) -> sickle.Sickle:
    return sickle.Sickle(f"{base_url}/oai.xml")


def test_sickle_harvests_every_record_over_several_answers(harvester: sickle.Sickle) -> None:
    records = list(harvester.ListRecords(metadataPrefix="ivo_vor", set="ivo_managed"))
    by_identifier = {record.header.identifier: record for record in records}
    assert len(by_identifier) == len(records) >= 6
    assert by_identifier["ivo://x-unregistered/regdropped/epn_core"].deleted
    assert not by_identifier["ivo://x-unregistered/regfirst/epn_core"].deleted


def test_sickle_skips_deleted_records_when_told_so(harvester: sickle.Sickle) -> None:
    headers = harvester.ListIdentifiers(metadataPrefix="oai_dc", ignore_deleted=True)
    assert "regdropped" not in " ".join(header.identifier for header in headers)


def test_sickle_reads_identify_formats_and_sets(harvester: sickle.Sickle) -> None:
    identify = harvester.Identify()
    assert identify.repositoryName == "Example EPN-TAP"
    assert identify.deletedRecord == "persistent"
    formats = [each.metadataPrefix for each in harvester.ListMetadataFormats()]
    assert formats == ["ivo_vor", "oai_dc"]
    assert [each.setSpec for each in harvester.ListSets()] == ["ivo_managed"]


def test_sickle_understands_the_errors(harvester: sickle.Sickle) -> None:
    with pytest.raises(sickle.oaiexceptions.IdDoesNotExist):
        harvester.GetRecord(metadataPrefix="ivo_vor", identifier="ivo://nobody/nothing")
    with pytest.raises(sickle.oaiexceptions.NoRecordsMatch):
        harvester.ListRecords(metadataPrefix="ivo_vor", until="1990-01-01")


def test_dublin_core_is_read_as_sickle_reads_it(harvester: sickle.Sickle) -> None:
    record = harvester.GetRecord(
        metadataPrefix="oai_dc", identifier="ivo://x-unregistered/regfirst/epn_core"
    )
    assert record.metadata["creator"] == ["Doe, J.", "Roe, R."]
    assert record.metadata["subject"] == ["solar-physics", "solar-wind"]


def test_a_record_follows_its_catalogue(
    harvester: sickle.Sickle, database: Database, tmp_path: Path
) -> None:
    identifier = "ivo://x-unregistered/regchanging/epn_core"

    def record() -> sickle.models.Record:
        return harvester.GetRecord(metadataPrefix="ivo_vor", identifier=identifier)

    def title() -> str:
        return record().xml.findtext(".//title")

    publish(
        database, describe(tmp_path, "regchanging", title="First"), DataFrameSource(ROWS, "one")
    )
    assert title() == "First"
    publish(
        database, describe(tmp_path, "regchanging", title="Second"), DataFrameSource(ROWS, "two")
    )
    assert title() == "Second"
    rollback(database, "regchanging")
    assert title() == "First"
    drop(database, "regchanging")
    assert record().deleted
    publish(
        database, describe(tmp_path, "regchanging", title="Third"), DataFrameSource(ROWS, "three")
    )
    assert title() == "Third"
    drop(database, "regchanging")
    assert record().deleted
