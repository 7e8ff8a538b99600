"""Resource data syncs: what is written where, when, and what they say of themselves."""

import json

import pytest

from tests.inventory.conftest import APPLICATION, CAPTURED
from tests.inventory.test_putting import refused

INVALID = "ResourceDataSyncInvalidConfigurationException"


@pytest.fixture
def s3(fleet):
    client = fleet.house.client("s3")
    client.create_bucket(Bucket="fleet-inventory")
    yield client
    listed = client.list_objects_v2(Bucket="fleet-inventory").get("Contents", [])
    for each in listed:
        client.delete_object(Bucket="fleet-inventory", Key=each["Key"])
    client.delete_bucket(Bucket="fleet-inventory")


@pytest.fixture
def sync(fleet, s3):
    """Makes a sync of this name, with further members of its destination; it is deleted after the test."""
    made = []

    def make(name="all", **destination):
        wanted = {
            "BucketName": "fleet-inventory",
            "SyncFormat": "JsonSerDe",
            "Region": "us-east-1",
            **destination,
        }
        fleet.ssm.create_resource_data_sync(SyncName=name, S3Destination=wanted)
        made.append(name)
        return name

    yield make
    for each in made:
        fleet.ssm.delete_resource_data_sync(SyncName=each)


def keys(s3):
    return [each["Key"] for each in s3.list_objects_v2(Bucket="fleet-inventory").get("Contents", [])]


def lines(s3, key):
    text = s3.get_object(Bucket="fleet-inventory", Key=key)["Body"].read().decode()
    return [json.loads(line) for line in text.splitlines()]


def key_of(fleet, node, kind, prefix=""):
    return (
        f"{prefix}{kind}/accountid={fleet.scope.account}/region=us-east-1"
        f"/resourcetype=ManagedInstanceInventory/{node}.json"
    )


def item(fleet, name):
    listed = fleet.ssm.list_resource_data_sync()["ResourceDataSyncItems"]
    return next(each for each in listed if each["SyncName"] == name)


def test_all_that_is_known_is_written_in_awss_layout_one_line_per_entry(fleet, s3, sync):
    node = fleet.node(platform_name="Debian", tags={"Env": "prod"})
    fleet.apps(node, "nginx", "bash")
    sync()
    assert item(fleet, "all")["LastStatus"] == "InProgress"
    fleet.house.tick()
    assert lines(s3, key_of(fleet, node, APPLICATION)) == [
        {
            "Name": name,
            "Version": "1",
            "Architecture": "amd64",
            "resourceId": node,
            "captureTime": CAPTURED,
            "schemaVersion": "1.1",
        }
        for name in ("nginx", "bash")
    ]
    (line,) = lines(s3, key_of(fleet, node, "AWS:InstanceInformation"))
    assert line["PlatformName"] == "Debian"
    assert lines(s3, key_of(fleet, node, "AWS:Tag"))[0]["Value"] == "prod"
    shown = item(fleet, "all")
    assert (shown["LastStatus"], "LastSuccessfulSyncTime" in shown) == ("Successful", True)


def test_what_becomes_different_is_written_again_and_stays_when_the_node_is_gone(fleet, s3, sync):
    node = fleet.node()
    sync(Prefix="inventory")
    fleet.house.tick()
    fleet.apps(node, "nginx=1")
    fleet.house.tick()
    key = key_of(fleet, node, APPLICATION, "inventory/")
    assert [line["Version"] for line in lines(s3, key)] == ["1"]
    fleet.apps(node, "nginx=2")
    fleet.house.tick()
    assert [line["Version"] for line in lines(s3, key)] == ["2"]
    fleet.leave(node)
    fleet.house.tick()
    assert key in keys(s3)


def test_compliance_is_written_too(fleet, s3, sync):
    node = fleet.node()
    sync()
    fleet.ssm.put_compliance_items(
        ResourceId=node,
        ResourceType="ManagedInstance",
        ComplianceType="Patch",
        ExecutionSummary={"ExecutionTime": 1_800_000_000},
        Items=[{"Id": "a", "Severity": "HIGH", "Status": "NON_COMPLIANT"}],
    )
    fleet.house.tick()
    (line,) = lines(s3, key_of(fleet, node, "AWS:ComplianceItem"))
    assert (line["Id"], line["Status"]) == ("a", "NON_COMPLIANT")
    (line,) = lines(s3, key_of(fleet, node, "AWS:ComplianceSummary"))
    assert line["OverallSeverity"] == "HIGH"


def test_a_bucket_that_went_away_fails_the_sync_visibly_until_it_is_back(fleet, s3, sync):
    node = fleet.node()
    sync()
    fleet.house.tick()
    for key in keys(s3):
        s3.delete_object(Bucket="fleet-inventory", Key=key)
    s3.delete_bucket(Bucket="fleet-inventory")
    fleet.apps(node, "nginx")
    fleet.house.tick()
    shown = item(fleet, "all")
    assert shown["LastStatus"] == "Failed" and "fleet-inventory" in shown["LastSyncStatusMessage"]
    s3.create_bucket(Bucket="fleet-inventory")
    fleet.world.advance(61)
    fleet.house.tick()
    assert item(fleet, "all")["LastStatus"] == "Successful"
    assert key_of(fleet, node, APPLICATION) in keys(s3)


def test_a_sync_that_is_deleted_writes_no_more_and_leaves_what_it_wrote(fleet, s3):
    node = fleet.node()
    fleet.apps(node, "nginx")
    wanted = {"BucketName": "fleet-inventory", "SyncFormat": "JsonSerDe", "Region": "us-east-1"}
    fleet.ssm.create_resource_data_sync(SyncName="short", S3Destination=wanted)
    fleet.house.tick()
    fleet.ssm.delete_resource_data_sync(SyncName="short")
    before = keys(s3)
    fleet.put(node, "AWS:Service", {"Name": "cron"})
    fleet.house.tick()
    assert keys(s3) == before and before
    code = refused(fleet.ssm.delete_resource_data_sync, SyncName="short")
    assert code == "ResourceDataSyncNotFoundException"


def test_what_cannot_be_is_refused(fleet, s3, sync):
    sync()
    assert refused(sync, "all") == "ResourceDataSyncAlreadyExistsException"
    create = fleet.ssm.create_resource_data_sync
    good = {"BucketName": "fleet-inventory", "SyncFormat": "JsonSerDe", "Region": "us-east-1"}
    for wrong in (
        {},
        {"SyncType": "Sideways", "S3Destination": good},
        {"S3Destination": {**good, "BucketName": "no-such-bucket"}},
        {"S3Destination": {**good, "Prefix": "/x"}},
        {"S3Destination": {**good, "AWSKMSKeyARN": "arn:aws:kms:us-east-1:1:key/x"}},
        {"S3Destination": {**good, "DestinationDataSharing": {"DestinationDataSharingType": "World"}}},
        {"SyncType": "SyncFromSource"},
        {"SyncType": "SyncFromSource", "SyncSource": {"SourceType": "Moon", "SourceRegions": ["us-east-1"]}},
        {
            "SyncType": "SyncFromSource",
            "SyncSource": {"SourceType": "AwsOrganizations", "SourceRegions": ["us-east-1"]},
        },
    ):
        assert refused(create, SyncName="wrong", **wrong) == INVALID
    for number in range(4):
        sync(f"s{number}")
    assert refused(sync, "one-too-many") == "ResourceDataSyncCountExceededException"


def test_the_caller_must_be_allowed_to_write_what_the_sync_will_write(fleet, s3):
    iam = fleet.house.client("iam")
    iam.create_user(UserName="syncer")
    allow = {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="syncer", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="syncer")["AccessKey"]
    client = fleet.house.client("ssm", (key["AccessKeyId"], key["SecretAccessKey"]))
    wanted = {"BucketName": "fleet-inventory", "SyncFormat": "JsonSerDe", "Region": "us-east-1"}
    code = refused(client.create_resource_data_sync, SyncName="theirs", S3Destination=wanted)
    assert code == "AccessDeniedException"


def test_a_sync_from_sources_is_kept_and_says_that_nothing_gathers_for_it(fleet):
    source = {"SourceType": "SingleAccountMultiRegions", "SourceRegions": ["us-east-1"]}
    create, update = fleet.ssm.create_resource_data_sync, fleet.ssm.update_resource_data_sync
    create(SyncName="explorer", SyncType="SyncFromSource", SyncSource=source)
    wider = {**source, "SourceRegions": ["us-east-1", "eu-west-1"], "IncludeFutureRegions": True}
    update(SyncName="explorer", SyncType="SyncFromSource", SyncSource=wider)
    (shown,) = fleet.ssm.list_resource_data_sync(SyncType="SyncFromSource")["ResourceDataSyncItems"]
    assert shown["SyncSource"] == wider
    assert shown["LastStatus"] == "Failed" and "Explorer" in shown["LastSyncStatusMessage"]
    assert fleet.ssm.list_resource_data_sync(SyncType="SyncToDestination")["ResourceDataSyncItems"] == []
    other = {
        "SourceType": "AwsOrganizations",
        "SourceRegions": ["us-east-1"],
        "AwsOrganizationsSource": {"OrganizationSourceType": "EntireOrganization"},
    }
    code = refused(update, SyncName="explorer", SyncType="SyncFromSource", SyncSource=other)
    assert code == "ResourceDataSyncConflictException"
    code = refused(update, SyncName="nobody", SyncType="SyncFromSource", SyncSource=source)
    assert code == "ResourceDataSyncNotFoundException"
    code = refused(update, SyncName="explorer", SyncType="SyncToDestination", SyncSource=source)
    assert code == INVALID
    assert refused(fleet.ssm.list_resource_data_sync, SyncType="Sideways") == INVALID
    fleet.ssm.delete_resource_data_sync(SyncName="explorer", SyncType="SyncFromSource")
