"""Documents as real clients use them, on both engines: acceptance scenarios, sharing, files, reviews."""

import hashlib
import json
from urllib.parse import urlsplit

import pytest
import yaml

from hostreeve.capabilities import documents
from hostreeve.gateway.http import HttpRequest
from tests.documents.conftest import OTHER_ACCOUNT, refused

HTTPD = """---
schemaVersion: '2.2'
description: web server
parameters:
  Message:
    type: String
    default: Hello
mainSteps:
- action: aws:runShellScript
  name: installHttpd
  inputs:
    runCommand:
    - |
      yum install -y httpd
      echo "{{ Message }}" > /var/www/html/index.html
"""
CALENDAR = """BEGIN:VCALENDAR
PRODID:-//AWS//Change Calendar 1.0//EN
VERSION:2.0
X-CALENDAR-TYPE:DEFAULT_OPEN
BEGIN:VEVENT
DTSTART;TZID=Asia/Tokyo:20261201T220000
DTEND;TZID=Asia/Tokyo:20261202T060000
RRULE:FREQ=WEEKLY;COUNT=3
END:VEVENT
END:VCALENDAR
"""


def shell(line="id", **members):
    step = {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": [line]}}
    return json.dumps({"schemaVersion": "2.2", "mainSteps": [step], **members})


def create(ssm, name, content=None, **more):
    return ssm.create_document(Name=name, Content=content or shell(), **more)["DocumentDescription"]


def arn_of(account, name):
    return f"arn:aws:ssm:us-east-1:{account}:document/{name}"


def share(ssm, name, *accounts, **more):
    ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToAdd=list(accounts), **more)


def unshare(ssm, name, *accounts):
    ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToRemove=list(accounts))


def test_a_yaml_document_shows_as_json_unless_yaml_is_asked_for(ssm, name):
    made = create(ssm, name, HTTPD, DocumentFormat="YAML")
    assert (made["Status"], made["SchemaVersion"]) == ("Creating", "2.2")
    assert "Linux" in made["PlatformTypes"]
    shown = ssm.get_document(Name=name)
    assert shown["DocumentFormat"] == "JSON"
    assert json.loads(shown["Content"]) == yaml.safe_load(HTTPD)
    assert list(json.loads(shown["Content"])) == ["schemaVersion", "description", "parameters", "mainSteps"]
    assert ssm.get_document(Name=name, DocumentFormat="YAML")["Content"] == HTTPD
    described = ssm.describe_document(Name=name)["Document"]
    assert described["Hash"] == hashlib.sha256(HTTPD.encode()).hexdigest()
    assert described["Sha1"] == hashlib.sha1(HTTPD.encode()).hexdigest()
    assert described["Parameters"] == [{"Name": "Message", "Type": "String", "DefaultValue": "Hello"}]


def test_an_update_makes_version_2_and_the_same_text_again_is_refused(ssm, name):
    create(ssm, name)
    updated = ssm.update_document(Name=name, Content=shell("two"), DocumentVersion="$LATEST")
    assert updated["DocumentDescription"]["LatestVersion"] == "2"
    assert updated["DocumentDescription"]["DefaultVersion"] == "1"
    again = {"Name": name, "Content": shell("two"), "DocumentVersion": "$LATEST"}
    assert refused(ssm.update_document, **again) == "DuplicateDocumentContent"
    ssm.update_document_default_version(Name=name, DocumentVersion="2")
    assert ssm.describe_document(Name=name)["Document"]["DocumentVersion"] == "2"
    wrong = {"Name": name, "DocumentVersion": "7"}
    assert refused(ssm.update_document_default_version, **wrong) == "InvalidDocumentVersion"
    latest = {"Name": name, "DocumentVersion": "$LATEST"}
    assert refused(ssm.update_document_default_version, **latest) == "ValidationException"


def test_names_that_aws_reserves_or_that_are_too_short_are_refused(ssm):
    assert refused(ssm.create_document, Name="AWS-Foo", Content=shell()) == "ValidationException"
    with pytest.raises(Exception, match=r"ab|length|pattern"):
        ssm.create_document(Name="ab", Content=shell())


def test_a_shared_document_is_deleted_only_when_sharing_has_ended(ssm, name, other):
    create(ssm, name)
    share(ssm, name, OTHER_ACCOUNT)
    assert refused(ssm.delete_document, Name=name) == "InvalidDocumentOperation"
    unshare(ssm, name, OTHER_ACCOUNT)
    ssm.delete_document(Name=name)
    assert refused(ssm.delete_document, Name=name) == "InvalidDocument"


def test_tags_and_owner_together_find_exactly_the_tagged(ssm, name):
    create(ssm, name, Tags=[{"Key": "OS", "Value": name}])
    create(ssm, f"{name}-plain")
    filters = [{"Key": "Owner", "Values": ["Self"]}, {"Key": "tag:OS", "Values": [name]}]
    assert [one["Name"] for one in ssm.list_documents(Filters=filters)["DocumentIdentifiers"]] == [name]


def test_arns_of_nothing_are_invalid_documents_and_writes_take_names_only(ssm, account):
    assert refused(ssm.get_document, Name=arn_of(account, "None")) == "InvalidDocument"
    assert refused(ssm.delete_document, Name=arn_of(account, "None")) == "ValidationException"


def test_guests_see_the_version_that_is_shared_and_nothing_once_it_is_not(ssm, account, name, other):
    create(ssm, name, shell("one"))
    ssm.update_document(Name=name, Content=shell("two"))
    ssm.update_document(Name=name, Content=shell("three"))
    arn = arn_of(account, name)
    assert refused(other.get_document, Name=arn) == "InvalidDocument"
    share(ssm, name, OTHER_ACCOUNT)
    assert refused(other.get_document, Name=name) == "InvalidDocument"
    shown = other.get_document(Name=arn)
    assert (shown["Name"], shown["DocumentVersion"], shown["Content"]) == (arn, "1", shell("one"))
    for version in ("$LATEST", "2", "3"):
        assert refused(other.get_document, Name=arn, DocumentVersion=version) == "InvalidDocumentVersion"
    share(ssm, name, OTHER_ACCOUNT, SharedDocumentVersion="$LATEST")
    assert other.get_document(Name=arn)["DocumentVersion"] == "3"
    assert refused(other.get_document, Name=arn, DocumentVersion="$DEFAULT") == "InvalidDocumentVersion"
    assert [v["DocumentVersion"] for v in other.list_document_versions(Name=arn)["DocumentVersions"]] == ["3"]
    share(ssm, name, OTHER_ACCOUNT, SharedDocumentVersion="$ALL")
    assert other.get_document(Name=arn, DocumentVersion="2")["Content"] == shell("two")
    assert len(other.list_document_versions(Name=arn)["DocumentVersions"]) == 3
    for change in ("update_document", "delete_document"):
        request = {"Name": name, **({"Content": shell()} if change == "update_document" else {})}
        assert refused(getattr(other, change), **request) == "InvalidDocument"
    listed = other.list_documents(Filters=[{"Key": "Owner", "Values": ["Private"]}])["DocumentIdentifiers"]
    assert (arn, account) in [(one["Name"], one["Owner"]) for one in listed]
    unshare(ssm, name, OTHER_ACCOUNT)
    assert refused(other.get_document, Name=arn) == "InvalidDocument"
    assert refused(other.list_document_versions, Name=arn) == "InvalidDocument"


def test_permissions_are_listed_in_pages_and_removing_wins(ssm, name):
    create(ssm, name)
    share(ssm, name, "111111111111", "333333333333", SharedDocumentVersion="$ALL")
    page = ssm.describe_document_permission(Name=name, PermissionType="Share", MaxResults=1)
    assert page["AccountSharingInfoList"] == [{"AccountId": "111111111111", "SharedDocumentVersion": "$ALL"}]
    more = ssm.describe_document_permission(
        Name=name, PermissionType="Share", MaxResults=1, NextToken=page["NextToken"]
    )
    assert (more["AccountIds"], "NextToken" in more) == (["333333333333"], False)
    ssm.modify_document_permission(
        Name=name,
        PermissionType="Share",
        AccountIdsToAdd=["111111111111"],
        AccountIdsToRemove=["111111111111", "333333333333"],
    )
    assert ssm.describe_document_permission(Name=name, PermissionType="Share")["AccountIds"] == []
    bad = {"Name": name, "PermissionType": "Share", "NextToken": "x"}
    assert refused(ssm.describe_document_permission, **bad) == "InvalidNextToken"
    gone = {"Name": "Nothing", "PermissionType": "Share"}
    assert refused(ssm.describe_document_permission, **gone) == "InvalidDocument"
    assert refused(ssm.modify_document_permission, **gone) == "InvalidDocument"


def test_public_documents_are_seen_by_all_are_few_and_can_be_forbidden(ssm, account, name, other):
    names = [f"{name}-{number}" for number in range(6)]
    for each in names:
        create(ssm, each)
    for each in names[:5]:
        share(ssm, each, "All")
    try:
        public = other.list_documents(Filters=[{"Key": "Owner", "Values": ["Public"]}], MaxResults=50)
        shown = [one["Name"] for one in public["DocumentIdentifiers"]]
        assert {arn_of(account, each) for each in names[:5]} <= set(shown)
        assert "AWS-RunShellScript" in shown
        sixth = {"Name": names[5], "PermissionType": "Share", "AccountIdsToAdd": ["all"]}
        assert refused(ssm.modify_document_permission, **sixth) == "DocumentPermissionLimit"
        unshare(ssm, names[0], "all")
        setting = "/ssm/documents/console/public-sharing-permission"
        assert ssm.get_service_setting(SettingId=setting)["ServiceSetting"]["Status"] == "Default"
        ssm.update_service_setting(SettingId=setting, SettingValue="Disable")
        assert refused(ssm.modify_document_permission, **sixth) == "InvalidPermissionType"
        assert ssm.reset_service_setting(SettingId=setting)["ServiceSetting"]["SettingValue"] == "Enable"
        assert refused(ssm.get_service_setting, SettingId="/ssm/nope") == "ServiceSettingNotFound"
        share(ssm, names[5], "all")
    finally:
        for each in names:
            unshare(ssm, each, "all")


def test_too_many_guests_are_refused(ssm, name):
    create(ssm, name)
    documents.set_quotas({"document-shares": 2})
    try:
        share(ssm, name, "111111111111", "333333333333")
        more = {"Name": name, "PermissionType": "Share", "AccountIdsToAdd": ["444444444444"]}
        assert refused(ssm.modify_document_permission, **more) == "DocumentPermissionLimit"
    finally:
        documents.set_quotas({})


def test_quotas_hold_and_can_be_raised(ssm, name):
    create(ssm, name, shell("one"))
    documents.set_quotas({"documents": 1, "document-versions": 1, "document-size-bytes": 500})
    try:
        assert refused(ssm.create_document, Name=f"{name}x", Content=shell()) == "DocumentLimitExceeded"
        two = {"Name": name, "Content": shell("two")}
        assert refused(ssm.update_document, **two) == "DocumentVersionLimitExceeded"
        large = {"Name": name, "Content": shell("x" * 500)}
        assert refused(ssm.update_document, **large) == "MaxDocumentSizeExceeded"
    finally:
        documents.set_quotas({})
    with pytest.raises(ValueError, match="bananas"):
        documents.set_quotas({"bananas": 1})
    documents.set_quotas({"document-size-bytes": 200_000})
    try:
        ssm.update_document(Name=name, Content=shell("x" * 100_000))
    finally:
        documents.set_quotas({})


def manifest(body, version="1.0.1"):
    return json.dumps(
        {
            "schemaVersion": "2.0",
            "version": version,
            "publisher": "me",
            "packages": {"ubuntu": {"_any": {"x86_64": {"file": "app.zip"}}}},
            "files": {"app.zip": {"checksums": {"sha256": hashlib.sha256(body).hexdigest()}}},
        }
    )


@pytest.fixture
def bucket(house, name):
    s3 = house.client("s3")
    found = f"sources-{name.lower()}"
    s3.create_bucket(Bucket=found)
    s3.put_object(Bucket=found, Key="pkg/app.zip", Body=b"zipped")
    return found


def package(ssm, name, bucket, body=b"zipped", **more):
    source = {"Key": "SourceUrl", "Values": [f"s3://{bucket}/pkg"]}
    return create(ssm, name, manifest(body), DocumentType="Package", Attachments=[source], **more)


def fetched(house, url):
    parts = urlsplit(url)
    answer = house.request(
        HttpRequest("GET", parts.path, parts.query, [("host", parts.netloc)], b"", client="127.0.0.1")
    )
    return answer.status, b"".join(chunk for part in answer.files for chunk in part.chunks(100))


def test_a_packages_files_are_kept_and_handed_out_by_urls_that_expire(
    house, ssm, account, name, bucket, other
):
    package(ssm, name, bucket, VersionName="1.0.1")
    assert ssm.describe_document(Name=name)["Document"]["Status"] == "Creating"
    assert refused(ssm.send_command, DocumentName=name, InstanceIds=["i-12345678"]) == "InvalidDocument"
    house.tick()
    described = ssm.describe_document(Name=name)["Document"]
    assert described["Status"] == "Active"
    assert described["AttachmentsInformation"] == [{"Name": "app.zip"}]
    # Kept by us: what becomes of the source does not matter any more.
    house.client("s3").delete_object(Bucket=bucket, Key="pkg/app.zip")
    (file,) = ssm.get_document(Name=name)["AttachmentsContent"]
    assert (file["Size"], file["Hash"]) == (6, hashlib.sha256(b"zipped").hexdigest())
    assert fetched(house, file["Url"]) == (200, b"zipped")
    assert fetched(house, file["Url"].replace("app.zip", "other.zip"))[0] == 403
    share(ssm, name, OTHER_ACCOUNT)
    (shared,) = other.get_document(Name=arn_of(account, name))["AttachmentsContent"]
    assert fetched(house, shared["Url"]) == (200, b"zipped")
    unshare(ssm, name, OTHER_ACCOUNT)
    ssm.delete_document(Name=name)
    assert fetched(house, file["Url"])[0] == 404


def test_a_wrong_checksum_or_a_missing_file_fails_the_version_with_the_reason(house, ssm, name, bucket):
    package(ssm, name, bucket, body=b"something else")
    create(ssm, f"{name}-gone", Attachments=[{"Key": "S3FileUrl", "Values": [f"s3://{bucket}/pkg/none.zip"]}])
    house.tick()
    wrong = ssm.describe_document(Name=name)["Document"]
    assert wrong["Status"] == "Failed"
    assert "SHA-256" in wrong["StatusInformation"]
    gone = ssm.describe_document(Name=f"{name}-gone")["Document"]
    assert gone["StatusInformation"] == f"s3://{bucket}/pkg/none.zip does not exist."


def test_files_come_from_folders_single_urls_and_other_documents(house, ssm, name, bucket):
    for form in ({"Key": "SourceUrl", "Values": [f"https://s3.amazonaws.com/{bucket}/pkg"]},):
        create(ssm, name, Attachments=[form])
    house.tick()
    create(
        ssm,
        f"{name}-two",
        Attachments=[{"Key": "AttachmentReference", "Values": [f"{name}/1/app.zip"], "Name": "same.zip"}],
    )
    (file,) = ssm.get_document(Name=f"{name}-two")["AttachmentsContent"]
    assert file["Name"] == "same.zip"
    ssm.delete_document(Name=name)
    assert fetched(house, file["Url"]) == (200, b"zipped")


@pytest.mark.parametrize(
    "source",
    [
        {"Key": "S3FileUrl", "Values": ["ftp://a/b"]},
        {"Key": "S3FileUrl", "Values": ["s3://bucket/x!"]},
        {"Key": "AttachmentReference", "Values": ["nothing"]},
        {"Key": "AttachmentReference", "Values": ["Nothing/1/a.zip"]},
        {"Values": ["s3://a/b"]},
    ],
)
def test_sources_that_mean_nothing_are_refused(ssm, name, source):
    request = {"Name": name, "Content": shell(), "Attachments": [source]}
    assert refused(ssm.create_document, **request) == "InvalidDocumentContent"


def template():
    level = {
        "name": "approve1",
        "action": "aws:approve",
        "inputs": {
            "Message": "m",
            "EnhancedApprovals": {"Approvers": [{"approver": "a", "type": "IamUser"}]},
        },
    }
    return {"schemaVersion": "0.3", "mainSteps": [level], "executableRunBooks": [{"name": "X"}]}


def test_a_change_template_is_reviewed_and_only_one_version_stands_approved(ssm, name):
    kind = "Automation.ChangeTemplate"
    assert create(ssm, name, json.dumps(template()), DocumentType=kind)["ReviewStatus"] == "NOT_REVIEWED"

    def review(action, version="1", comment=None):
        comments = [{"Type": "Comment", "Content": comment}] if comment else []
        ssm.update_document_metadata(
            Name=name, DocumentVersion=version, DocumentReviews={"Action": action, "Comment": comments}
        )

    early = {"Name": name, "DocumentReviews": {"Action": "Approve"}}
    assert refused(ssm.update_document_metadata, **early) == "InvalidDocumentOperation"
    review("SendForReview", comment="please")
    review("UpdateReview", comment="please do")
    review("Approve", comment="fine")
    ssm.update_document(Name=name, Content=json.dumps(template() | {"description": "more"}))
    review("SendForReview", "2")
    assert ssm.describe_document(Name=name)["Document"]["PendingReviewVersion"] == "2"
    review("Approve", "2")
    described = ssm.describe_document(Name=name)["Document"]
    assert (described["ReviewStatus"], described["ApprovedVersion"]) == ("REJECTED", "2")
    history = ssm.list_document_metadata_history(
        Name=name, DocumentVersion="1", Metadata="DocumentReviews", MaxResults=1
    )
    (latest,) = history["Metadata"]["ReviewerResponse"]
    assert (latest["ReviewStatus"], latest["Comment"][0]["Content"]) == ("APPROVED", "fine")
    rest = ssm.list_document_metadata_history(
        Name=name, DocumentVersion="1", Metadata="DocumentReviews", NextToken=history["NextToken"]
    )
    assert rest["Metadata"]["ReviewerResponse"][0]["Comment"][0]["Content"] == "please do"
    missing = {"Name": name, "DocumentVersion": "9", "Metadata": "DocumentReviews"}
    assert refused(ssm.list_document_metadata_history, **missing) == "InvalidDocumentVersion"
    token = {"Name": name, "Metadata": "DocumentReviews", "NextToken": "x"}
    assert refused(ssm.list_document_metadata_history, **token) == "InvalidNextToken"


def test_commands_are_not_reviewed(ssm, name):
    create(ssm, name)
    request = {"Name": name, "DocumentReviews": {"Action": "SendForReview"}}
    assert refused(ssm.update_document_metadata, **request) == "InvalidDocumentOperation"
    assert refused(ssm.update_document_metadata, **{**request, "Name": "None1"}) == "InvalidDocument"


def test_text_stays_text_in_every_format(ssm, name):
    create(ssm, name, CALENDAR, DocumentType="ChangeCalendar", DocumentFormat="TEXT")
    for wanted in ("JSON", "YAML", "TEXT"):
        shown = ssm.get_document(Name=name, DocumentFormat=wanted)
        assert (shown["Content"], shown["DocumentFormat"]) == (CALENDAR, "TEXT")


def test_requires_and_names_are_kept_and_the_display_name_is_inherited(ssm, name):
    requires = [{"Name": "Schema1", "Version": "1"}]
    create(
        ssm,
        name,
        '{"a": 1}',
        DocumentType="ApplicationConfiguration",
        Requires=requires,
        DisplayName="Shown",
        VersionName="v1",
        TargetType="/AWS::EC2::Instance",
    )
    updated = ssm.update_document(Name=name, Content='{"a": 2}', VersionName="v2")["DocumentDescription"]
    assert (updated["Requires"], updated["DisplayName"]) == (requires, "Shown")
    assert ssm.get_document(Name=name, VersionName="v2")["Content"] == '{"a": 2}'
    both = {"Name": name, "VersionName": "v2", "DocumentVersion": "1"}
    assert refused(ssm.get_document, **both) == "InvalidDocumentVersion"
    assert refused(ssm.get_document, Name=name, VersionName="v3") == "InvalidDocumentVersion"
    filters = [{"Key": "TargetType", "Values": ["/AWS::EC2::Instance"]}]
    ours = [*filters, {"Key": "Owner", "Values": ["Self"]}]
    assert [d["Name"] for d in ssm.list_documents(Filters=ours)["DocumentIdentifiers"]] == [name]
    amazon = [*filters, {"Key": "Owner", "Values": ["Amazon"]}]
    names = [d["Name"] for d in ssm.list_documents(Filters=amazon)["DocumentIdentifiers"]]
    assert "AWS-StopEC2Instance" in names and name not in names


def test_a_schema_of_configurations_is_deleted_by_force_only(ssm, name):
    create(ssm, name, '{"type": "object"}', DocumentType="ApplicationConfigurationSchema")
    assert refused(ssm.delete_document, Name=name) == "InvalidDocumentOperation"
    ssm.delete_document(Name=name, Force=True)


def test_a_document_that_something_above_needs_is_not_deleted(ssm, name):
    from hostreeve.capabilities.documents.actions import changing

    def is_needed(tx, scope, wanted):
        return wanted == name

    create(ssm, name)
    documents.guard(is_needed)
    try:
        assert refused(ssm.delete_document, Name=name) == "AssociatedInstances"
    finally:
        changing._needed_by.remove(is_needed)
    ssm.delete_document(Name=name)


def test_lists_with_shared_documents_are_paged_without_loss(ssm, account, name, other):
    for number in range(3):
        create(ssm, f"{name}-{number}")
        share(ssm, f"{name}-{number}", OTHER_ACCOUNT)
    seen, more = [], {}
    while True:
        page = other.list_documents(MaxResults=2, **more)
        seen += [one["Name"] for one in page["DocumentIdentifiers"]]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert len(seen) == len(set(seen))
    assert {arn_of(account, f"{name}-{number}") for number in range(3)} <= set(seen)
    assert "AWS-RunShellScript" in seen
    assert refused(other.list_documents, NextToken="x") == "InvalidNextToken"
    assert refused(ssm.list_document_versions, Name=f"{name}-0", NextToken="x") == "InvalidNextToken"
