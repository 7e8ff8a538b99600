"""Where records lie, for how long, and that none is lost or there twice on the way."""

import json
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from botocore.exceptions import ClientError

from hostreeve.app import quotas
from hostreeve.app.compose import Config, build
from hostreeve.app.regions import aws_regions
from hostreeve.gateway.http import HttpRequest
from hostreeve.platform import audit
from hostreeve.platform.audit.store import parts
from hostreeve.platform.audit.store.segments import files
from tests.audit.written import exported

DAY_S = 86_400


def ids(records):
    return [record["requestID"] for record in records]


def test_a_write_and_its_record_are_in_one_transaction(audited):
    count = "SELECT COUNT(*) AS n FROM audit_event"

    def waiting():
        return audited.house.app.database.read_sync(lambda tx: tx.one(count))["n"]

    before = waiting()
    audited.ssm.put_parameter(Name="/a", Type="String", Value="v")
    assert waiting() == before + 1
    audited.world.advance(1)
    with pytest.raises(ClientError):
        audited.ssm.put_parameter(Name="/a", Type="String", Value="v")
    assert waiting() == before + 1
    assert audited.record("PutParameter")["errorCode"] == "ParameterAlreadyExists"


def test_every_call_is_exported_once_in_the_order_of_time(audited):
    told = []
    for at in range(6):
        made = audited.ssm.put_parameter(Name=f"/{at}", Type="String", Value="v")
        read = audited.ssm.get_parameter(Name=f"/{at}")
        told += [made["ResponseMetadata"]["RequestId"], read["ResponseMetadata"]["RequestId"]]
        audited.world.advance(1)
        if at == 2:
            audited.pack()
    records = [r for r in exported(audited.house) if r["eventName"] in ("PutParameter", "GetParameter")]
    assert sorted(ids(records)) == sorted(told)
    assert [r["eventTime"] for r in records] == sorted(r["eventTime"] for r in records)
    audited.pack()
    again = [r for r in exported(audited.house) if r["eventName"] in ("PutParameter", "GetParameter")]
    assert sorted(ids(again)) == sorted(told)
    assert all("hostreeve" not in record for record in again)


def test_an_export_has_what_is_asked_for(audited):
    key = audited.user("ann")
    denied = audited.house.client("ssm", key).get_parameter
    with pytest.raises(ClientError):
        denied(Name="/a")
    audited.ssm.put_parameter(Name="/a", Type="String", Value="v")

    def names(**wanted):
        return [record["eventName"] for record in exported(audited.house, **wanted)]

    assert names(attributes=(("Username", "ann"),)) == ["GetParameter"]
    assert names(errors_only=True) == ["GetParameter"]
    assert sorted(names(attributes=(("ResourceName", "/a"),))) == ["GetParameter", "PutParameter"]
    both = (("ResourceName", "/a"), ("ReadOnly", "false"))
    assert names(attributes=both) == ["PutParameter"]
    assert names(account="000000000001") == [] and names(region="eu-west-1") == []
    now_ms = audited.world.now_ms()
    assert names(start_ms=now_ms + 1) == [] and names(end_ms=now_ms - 10**8) == []
    assert names(start_ms=now_ms, attributes=both) == ["PutParameter"]


def test_what_is_older_than_what_is_kept_goes_and_the_rest_is_whole(audited):
    begun = audited.world.now_ms()
    database, journal = audited.house.app.database, audited.house.app.auditor.journal
    for day in range(3):
        audited.ssm.put_parameter(Name=f"/day/{day}", Type="String", Value="v")
        audited.ssm.get_parameter(Name=f"/day/{day}")
        audited.pack()
        audited.world.advance(30 * DAY_S)
    assert {r["eventName"] for r in exported(audited.house, end_ms=begun + 1000)} == {
        "GetCallerIdentity",
        "GetParameter",
        "PutParameter",
    }
    audited.world.advance(DAY_S)
    audited.house.tick()
    assert exported(audited.house, end_ms=begun + 1000) == []
    left = [r["requestParameters"]["name"] for r in exported(audited.house) if r["requestParameters"]]
    assert left[0] == "/day/1" and left[-1] == "/day/2"
    assert audit.verify(database.read_sync, journal.folder).findings == []
    keys = database.read_sync(
        lambda tx: tx.all("SELECT part FROM audit_key WHERE part NOT IN (SELECT part FROM audit_part)")
    )
    assert keys == []


def test_old_segments_are_deleted_and_the_last_never(audited, monkeypatch):
    journal = audited.house.app.auditor.journal
    journal._segments._bytes_max = 1
    for _ in range(3):
        audited.ssm.describe_parameters()
        audited.pack()
        audited.world.advance(29 * DAY_S)
    before = len(files(journal.folder))
    audited.world.advance(4 * DAY_S)
    audited.house.tick()
    assert 1 <= len(files(journal.folder)) < before
    audited.world.advance(200 * DAY_S)
    audited.house.tick()
    assert len(files(journal.folder)) == 1
    assert audit.verify(audited.house.app.database.read_sync, journal.folder).findings == []


def test_lines_that_no_part_holds_are_shipped_by_the_next_process(audited):
    audited.ssm.describe_parameters()
    audited.house.app.auditor.close()
    again = audit.Auditor(audit.journal_in(Path(audited.house.journal.name), audited.world), aws_regions())
    audited.house.app.auditor.journal = again.journal
    audited.pack()
    found = audited.house.app.database.read_sync(
        lambda tx: list(parts.of_chain(tx, again.journal.name, after=(0, 0), at_most=9))
    )
    assert found and audited.by("EventName", "DescribeParameters")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_two_replicas_on_one_database_tell_the_same(audited, house_url):
    with TemporaryDirectory() as folder:
        config = Config(house_url, aws_regions(), "other", audit=Path(folder))
        first, other = audited.house.app, build(config, audited.world, audited.house.keys)
        try:
            audited.ssm.put_parameter(Name="/of/one", Type="String", Value="v")
            audited.ssm.get_parameter(Name="/of/one")
            audited.house.app = other
            audited.ssm.put_parameter(Name="/of/other", Type="String", Value="v")
            audited.ssm.get_parameter(Name="/of/other")
            # Writes are known at once, reads of the other one when they are packed.
            assert len(audited.by("EventName", "PutParameter")) == 2
            assert len(audited.by("EventName", "GetParameter")) == 1
            for app in (first, other, first, other):
                audited.house.app = app
                audited.pack()
            for app in (first, other):
                audited.house.app = app
                names = [e["Resources"][0]["ResourceName"] for e in audited.by("EventName", "GetParameter")]
                assert sorted(names) == ["/of/one", "/of/other"]
                assert len(audited.by("EventName", "PutParameter")) == 2
                report = audit.verify(app.database.read_sync, app.auditor.journal.folder)
                assert report.findings == []
                assert [each.note != "" for each in report.checked].count(True) == 1
        finally:
            audited.house.app = first
            other.auditor.close()
            other.database.close()


def test_a_disk_that_takes_nothing_stops_answers_before_memory_is_full(audited, monkeypatch):
    from hostreeve.platform.audit.actions import journal as module

    journal = audited.house.app.auditor.journal
    real = journal._segments.append

    def full(frames):
        raise OSError(28, "No space left on device")

    journal._segments.append = full
    monkeypatch.setattr(module, "WAITING_BYTES_MAX", 20_000)
    with pytest.raises(ClientError) as refused:
        for _ in range(200):
            audited.ssm.describe_parameters()
            journal.sync()
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
    assert "audit log" in refused.value.response["Error"]["Message"]
    journal._segments.append = real
    assert journal.sync() is not None
    audited.ssm.describe_parameters()
    assert audit.verify(audited.house.app.database.read_sync, journal.folder).findings == []
    assert len(json.dumps(exported(audited.house))) > 20_000


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_strangers_make_no_places_of_their_own(audited):
    """Keys and Regions that somebody made up are written down, and take no part of the index each."""
    key = audited.user("ann")[0]
    for at in range(20):
        for name in (key, "AKIAMADEUPBYSOMEBODY"):
            credential = f"{name}/20261129/nowhere-{at}/ssm/aws4_request"
            headers = [
                ("host", "x"),
                ("x-amz-date", "20261129T000000Z"),
                ("x-amz-target", "AmazonSSM.GetParameter"),
                (
                    "authorization",
                    f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date,"
                    f" Signature={'0' * 64}",
                ),
            ]
            assert audited.house.request(HttpRequest("POST", "/", "", headers)).status >= 400
    audited.pack()
    places = audited.house.app.database.read_sync(
        lambda tx: tx.all("SELECT DISTINCT account, region FROM audit_part")
    )
    assert {place["region"] for place in places} == {"us-east-1", ""}
    assert {r["awsRegion"] for r in exported(audited.house)} >= {"nowhere-0", "nowhere-19"}
    report = audit.verify(audited.house.app.database.read_sync, audited.house.app.auditor.journal.folder)
    assert report.findings == []


def test_who_looks_things_up_in_another_thread_takes_no_record_away(audited):
    """The event loop goes on hearing calls while records are made."""
    auditor = audited.house.app.auditor
    stop = threading.Event()

    def look():
        while not stop.is_set():
            auditor.catch_up()
            auditor.journal.sync()

    looking = [threading.Thread(target=look) for _ in range(2)]
    for each in looking:
        each.start()
    told = []
    for _ in range(300):
        told.append(audited.ssm.describe_parameters()["ResponseMetadata"]["RequestId"])
    stop.set()
    for each in looking:
        each.join()
    written = ids(exported(audited.house, attributes=(("EventName", "DescribeParameters"),)))
    assert sorted(written) == sorted(told)
    report = audit.verify(audited.house.app.database.read_sync, auditor.journal.folder)
    assert report.findings == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_an_installation_may_keep_records_for_another_time(audited):
    quotas.apply({"audit-days": 2})
    try:
        audited.ssm.describe_parameters()
        audited.pack()
        audited.world.advance(DAY_S)
        audited.house.tick()
        assert "DescribeParameters" in {r["eventName"] for r in exported(audited.house)}
        audited.world.advance(DAY_S)
        audited.house.tick()
        assert "DescribeParameters" not in {r["eventName"] for r in exported(audited.house)}
    finally:
        quotas.apply({})
