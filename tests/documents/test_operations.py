"""Documents, as callers use them: made, changed, shown, listed, deleted."""

import hashlib
import json

import pytest

from hostreeve.api.call import Call, Principal
from hostreeve.api.errors import AwsError, common
from hostreeve.app import compose
from hostreeve.capabilities import documents
from hostreeve.capabilities.documents import operations
from hostreeve.kernel.scope import Scope

# All of them: who hears of documents looks into tables of its own.
SCHEMAS = list(compose.SCHEMAS)
SCOPE = Scope("123456789012", "us-east-1")
OWNED = "AWS-RunShellScript"


def text(command="id", **members):
    step = {"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": [command]}}
    return json.dumps({"schemaVersion": "2.2", "description": "d", "mainSteps": [step], **members})


class Library:
    """Calls operations of documents; `denied` are ARNs that the caller may not reach."""

    def __init__(self, database, world, scope=SCOPE):
        self.database, self.world, self.scope = database, world, scope
        self.denied = set()

    def __call__(self, name, **request):
        operation = next(each for each in operations.ssm if each.name == name)

        def unit(tx):
            call = self._call(tx)
            if operation.on is not None:
                call.require(operation.action, operation.on(self.scope, request))
            return operation.handler(call, request)

        return (self.database.write_sync if operation.writes else self.database.read_sync)(unit)

    def refused(self, name, **request):
        with pytest.raises(AwsError) as error:
            self(name, **request)
        return error.value.code

    def names(self, *filters, **request):
        chosen = [{"Key": key, "Values": list(values)} for key, *values in filters]
        found = self("ListDocuments", Filters=chosen, **request)
        return [each["Name"] for each in found["DocumentIdentifiers"]]

    def resolve(self, name, version=None):
        return self.database.read_sync(lambda tx: documents.resolve(tx, self.scope, name, version))

    def _call(self, tx):
        def require(action, resources, context=None):
            if self.denied & set(resources):
                raise common.AccessDeniedException(f"not authorized to perform {action}")

        return Call(
            tx=tx,
            scope=self.scope,
            principal=Principal(self.scope.account, "arn:aws:iam::123456789012:user/a", "AIDA", "AKIA"),
            world=self.world,
            now_ms=self.world.now_ms(),
            request_id="r",
            require=require,
            emit=lambda *_: None,
            keys=None,
        )


@pytest.fixture
def library(database, world):
    return Library(database, world)


def test_a_document_is_made_described_and_read_back(library):
    made = library("CreateDocument", Name="Mine", Content=text(), DocumentType="Command", VersionName="v-one")
    assert made["DocumentDescription"]["Status"] == "Creating"
    found = library("DescribeDocument", Name="Mine")["Document"]
    assert found["Status"] == "Active"
    assert found["Hash"] == hashlib.sha256(text().encode()).hexdigest()
    assert found["PlatformTypes"] == ["Linux", "MacOS"]
    assert (found["DocumentVersion"], found["DefaultVersion"], found["LatestVersion"]) == ("1", "1", "1")
    assert found["Owner"] == "123456789012"
    assert library("GetDocument", Name="Mine")["Content"] == text()
    assert library("GetDocument", Name="Mine", VersionName="v-one")["DocumentVersion"] == "1"


def test_a_document_is_reached_by_its_arn_in_its_own_region_and_account_only(library):
    library("CreateDocument", Name="Mine", Content=text())
    arn = "arn:aws:ssm:us-east-1:123456789012:document/Mine"
    assert library("GetDocument", Name=arn)["Name"] == "Mine"
    for other in (
        "arn:aws:ssm:us-east-1:999999999999:document/Mine",
        "arn:aws:ssm:eu-west-1:123456789012:document/Mine",
        "arn:aws:ssm:us-east-1::document/Mine",
        "arn:aws:ssm:us-east-1:123456789012:document/None",
        "arn:aws:s3:::document/Mine",
    ):
        assert library.refused("GetDocument", Name=other) == "InvalidDocument"


def test_accounts_and_regions_do_not_see_each_others_documents(library, world):
    library("CreateDocument", Name="Mine", Content=text())
    for scope in (Scope("999999999999", "us-east-1"), Scope("123456789012", "eu-west-1")):
        stranger = Library(library.database, world, scope)
        assert stranger.refused("GetDocument", Name="Mine") == "InvalidDocument"
        assert "Mine" not in stranger.names()


def test_documents_that_aws_owns_are_there_by_name_and_arn_and_cannot_be_changed(library):
    found = library("DescribeDocument", Name=OWNED)["Document"]
    assert (found["Owner"], found["SchemaVersion"]) == ("Amazon", "1.2")
    assert {p["Name"]: p.get("DefaultValue") for p in found["Parameters"]} == {
        "commands": None,
        "workingDirectory": "",
        "executionTimeout": "3600",
    }
    arn = f"arn:aws:ssm:us-east-1::document/{OWNED}"
    assert library("GetDocument", Name=arn)["DocumentVersion"] == "1"
    assert library.refused("DeleteDocument", Name=OWNED) == "InvalidDocument"
    assert library.refused("UpdateDocument", Name=OWNED, Content=text()) == "InvalidDocument"
    assert library.refused("GetDocument", Name=OWNED, DocumentVersion="2") == "InvalidDocumentVersion"
    powershell = library("DescribeDocument", Name="AWS-RunPowerShellScript")["Document"]
    assert powershell["PlatformTypes"] == ["Windows", "Linux", "MacOS"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"Name": "aws-mine"}, "ValidationException"),
        ({"Name": "AMZNmine"}, "ValidationException"),
        ({"Content": "{"}, "InvalidDocumentContent"),
        ({"Content": text(schemaVersion="9.9")}, "InvalidDocumentSchemaVersion"),
        ({"Content": text("x" * 65_536)}, "MaxDocumentSizeExceeded"),
        ({"DocumentType": "Package"}, "InvalidDocumentSchemaVersion"),
        ({"DocumentFormat": "TEXT"}, "InvalidDocumentContent"),
        ({"Attachments": [{"Key": "S3FileUrl", "Values": ["ftp://b/k"]}]}, "InvalidDocumentContent"),
        ({"Name": "Mine"}, "DocumentAlreadyExists"),
    ],
)
def test_what_cannot_be_made_is_refused_with_awss_code(library, request_, code):
    library("CreateDocument", Name="Mine", Content=text())
    assert library.refused("CreateDocument", **{"Name": "Other", "Content": text(), **request_}) == code


def test_tags_need_their_own_permission_and_make_documents_findable(library):
    arn = "arn:aws:ssm:us-east-1:123456789012:document/Tagged"
    tags = [{"Key": "OS", "Value": "Linux"}]
    library("CreateDocument", Name="Tagged", Content=text(), Tags=tags)
    library("CreateDocument", Name="Plain", Content=text())
    assert library("DescribeDocument", Name="Tagged")["Document"]["Tags"] == tags
    assert library.names(("Owner", "Self"), ("tag:OS", "Linux", "Windows")) == ["Tagged"]
    assert library.names(("tag:OS", "Windows")) == []
    library("DeleteDocument", Name="Tagged")
    library("CreateDocument", Name="Tagged", Content=text())
    assert library("DescribeDocument", Name="Tagged")["Document"]["Tags"] == []
    library.denied.add(arn)
    assert library.refused("GetDocument", Name="Tagged") == "AccessDeniedException"


def test_an_update_appends_a_version_and_leaves_the_default(library):
    library("CreateDocument", Name="Mine", Content=text("one"), DisplayName="Shown")
    updated = library("UpdateDocument", Name="Mine", Content=text("two"), DocumentVersion="$LATEST")
    assert updated["DocumentDescription"]["DocumentVersion"] == "2"
    assert updated["DocumentDescription"]["DisplayName"] == "Shown"
    assert library.resolve("Mine").text == text("one")
    assert library.resolve("Mine", "$LATEST").text == text("two")
    library("UpdateDocumentDefaultVersion", Name="Mine", DocumentVersion="2")
    assert library.resolve("Mine", "$DEFAULT").text == text("two")
    versions = library("ListDocumentVersions", Name="Mine")["DocumentVersions"]
    assert [(v["DocumentVersion"], v["IsDefaultVersion"]) for v in versions] == [("2", True), ("1", False)]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"Content": text("one")}, "DuplicateDocumentContent"),
        ({"DocumentVersion": "1"}, "InvalidDocumentVersion"),
        ({"DocumentVersion": "$DEFAULT"}, "InvalidDocumentVersion"),
        ({"VersionName": "first"}, "DuplicateDocumentVersionName"),
        ({"Name": "Nothing"}, "InvalidDocument"),
    ],
)
def test_updates_that_collide_are_refused(library, request_, code):
    library("CreateDocument", Name="Mine", Content=text("zero"), VersionName="first")
    library("UpdateDocument", Name="Mine", Content=text("one"))
    assert library.refused("UpdateDocument", **{"Name": "Mine", "Content": text("two"), **request_}) == code


def test_documents_of_schema_1_2_cannot_be_updated(library):
    old = json.dumps(
        {
            "schemaVersion": "1.2",
            "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["id"]}]}},
        }
    )
    library("CreateDocument", Name="Old", Content=old)
    assert library.refused("UpdateDocument", Name="Old", Content=text()) == "InvalidDocumentSchemaVersion"


def test_numbers_of_deleted_versions_are_never_used_again(library):
    library("CreateDocument", Name="Mine", Content=text("one"))
    library("UpdateDocument", Name="Mine", Content=text("two"))
    assert library.refused("DeleteDocument", Name="Mine", DocumentVersion="1") == "InvalidDocumentOperation"
    library("DeleteDocument", Name="Mine", DocumentVersion="2")
    assert library.resolve("Mine", "$LATEST").version == 1
    updated = library("UpdateDocument", Name="Mine", Content=text("three"))
    assert updated["DocumentDescription"]["DocumentVersion"] == "3"
    assert library.refused("GetDocument", Name="Mine", DocumentVersion="2") == "InvalidDocumentVersion"


def test_a_deleted_document_is_gone(library):
    library("CreateDocument", Name="Mine", Content=text())
    library("DeleteDocument", Name="Mine")
    assert library.refused("GetDocument", Name="Mine") == "InvalidDocument"
    assert library.refused("DeleteDocument", Name="Mine") == "InvalidDocument"


def test_yaml_is_kept_as_it_was_written_and_shown_as_json_unless_asked(library):
    source = "schemaVersion: '2.2'\nmainSteps:\n- {action: 'aws:runShellScript', name: one}  # mine\n"
    library("CreateDocument", Name="Mine", Content=source, DocumentFormat="YAML")
    assert json.loads(library("GetDocument", Name="Mine")["Content"])["schemaVersion"] == "2.2"
    assert library("GetDocument", Name="Mine", DocumentFormat="YAML")["Content"] == source
    assert library.resolve("Mine").content["mainSteps"][0]["name"] == "one"


def test_lists_are_narrowed_and_paged(library):
    for number in range(5):
        library("CreateDocument", Name=f"Doc{number}", Content=text())
    amazon = library.names(("Owner", "Amazon"))
    assert {"AWS-RunPowerShellScript", "AWS-RunShellScript", "AWS-RunRemoteScript"} <= set(amazon)
    assert library.names(("Name", "Doc1", "Doc3")) == ["Doc1", "Doc3"]
    assert len(library.names()) == 5 + len(amazon)
    assert library.names(("Owner", "Self"), ("PlatformTypes", "Windows")) == []
    assert library.names(("SearchKeyword", "doc3", "ANSIBLEPLAYBOOK")) == [
        "AWS-ApplyAnsiblePlaybooks",
        "AWS-RunAnsiblePlaybook",
        "Doc3",
    ]
    assert library.names(("DocumentType", "Automation"), ("Owner", "Self")) == []
    assert "AWS-HelloWorld" in library.names(("DocumentType", "Automation"))
    old_form = library("ListDocuments", DocumentFilterList=[{"key": "Owner", "value": "Self"}])
    assert len(old_form["DocumentIdentifiers"]) == 5
    seen, more = [], {}
    while True:
        page = library("ListDocuments", MaxResults=3, **more)
        seen += [each["Name"] for each in page["DocumentIdentifiers"]]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert seen == sorted(library.names())


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ([("Bananas", "x")], "InvalidFilterKey"),
        ([("tag:a", "x"), ("tag:b", "x")], "InvalidFilterKey"),
        ([("Owner", "Nobody")], "ValidationException"),
        ([("Owner", "Self", "Amazon")], "ValidationException"),
        ([("Owner",)], "ValidationException"),
    ],
)
def test_filters_that_mean_nothing_are_refused(library, filters, code):
    with pytest.raises(AwsError) as error:
        library.names(*filters)
    assert error.value.code == code


def test_resolving_says_whether_the_document_or_the_version_is_missing(library):
    library("CreateDocument", Name="Mine", Content=text())
    for name, version, code in [
        ("Nothing", None, "InvalidDocument"),
        ("Mine", "2", "InvalidDocumentVersion"),
        ("Mine", "9" * 40, "InvalidDocumentVersion"),
        (OWNED, "9" * 40, "InvalidDocumentVersion"),
    ]:
        with pytest.raises(AwsError) as error:
            library.resolve(name, version)
        assert error.value.code == code


def test_parameters_are_checked_with_the_parameters_name_in_the_text(library):
    document = library.resolve(OWNED)
    with pytest.raises(AwsError, match="commands") as error:
        documents.check_parameters(document, {})
    assert error.value.code == "InvalidParameters"
    values = documents.check_parameters(document, {"commands": ["id"]})
    assert values == {"commands": ["id"], "workingDirectory": "", "executionTimeout": "3600"}
