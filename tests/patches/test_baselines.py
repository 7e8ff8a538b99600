"""Baselines by a real client: what is stored and shown, what is refused, and which of them counts."""

import pytest
from botocore.exceptions import ClientError

from hostreeve.capabilities import patches
from hostreeve.capabilities.patches.actions import resolving
from hostreeve.capabilities.patches.model import predefined, systems
from hostreeve.capabilities.patches.model.systems import system_of
from tests.patches.estate import RHEL, UBUNTU, WINDOWS, refused, rule

both_engines = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)
NOBODY = "pb-00000000000000000"


def plain(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def message(operation, **request):
    with pytest.raises(ClientError) as error:
        operation(**request)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    return error.value.response["Error"]["Message"]


def aws_baseline(ssm, name):
    found = ssm.describe_patch_baselines(Filters=[{"Key": "NAME_PREFIX", "Values": [name]}])
    return found["BaselineIdentities"][0]["BaselineId"]


@both_engines
def test_a_baseline_is_made_shown_changed_replaced_and_deleted(estate, ssm):
    made = estate.baseline(
        "REDHAT_ENTERPRISE_LINUX",
        Description="of servers",
        GlobalFilters={"PatchFilters": [{"Key": "PRODUCT", "Values": ["RedhatEnterpriseLinux9.4"]}]},
        ApprovalRules={"PatchRules": [rule(7, level="CRITICAL", CLASSIFICATION=["Security"])]},
        ApprovedPatches=["CVE-2026-12345", "RHSA-2026:0007", "1234567", "bash-5.1.8-9.el9.x86_64", "kernel*"],
        ApprovedPatchesComplianceLevel="HIGH",
        RejectedPatches=["telnet*"],
        RejectedPatchesAction="BLOCK",
        Sources=[{"Name": "main", "Products": ["*"], "Configuration": "[main]\nname=m\nbaseurl=https://m\n"}],
        Tags=[{"Key": "Team", "Value": "a"}],
    )
    assert made.startswith("pb-") and len(made) == 20
    shown = plain(ssm.get_patch_baseline(BaselineId=made))
    created, modified = shown.pop("CreatedDate"), shown.pop("ModifiedDate")
    assert created == modified
    assert shown == {
        "BaselineId": made,
        "Name": "Prod",
        "OperatingSystem": "REDHAT_ENTERPRISE_LINUX",
        "Description": "of servers",
        "GlobalFilters": {"PatchFilters": [{"Key": "PRODUCT", "Values": ["RedhatEnterpriseLinux9.4"]}]},
        "ApprovalRules": {
            "PatchRules": [
                {
                    "PatchFilterGroup": {"PatchFilters": [{"Key": "CLASSIFICATION", "Values": ["Security"]}]},
                    "ComplianceLevel": "CRITICAL",
                    "ApproveAfterDays": 7,
                    "EnableNonSecurity": False,
                }
            ]
        },
        "ApprovedPatches": [
            "CVE-2026-12345",
            "RHSA-2026:0007",
            "1234567",
            "bash-5.1.8-9.el9.x86_64",
            "kernel*",
        ],
        "ApprovedPatchesComplianceLevel": "HIGH",
        "ApprovedPatchesEnableNonSecurity": False,
        "RejectedPatches": ["telnet*"],
        "RejectedPatchesAction": "BLOCK",
        "PatchGroups": [],
        "Sources": [
            {"Name": "main", "Products": ["*"], "Configuration": "[main]\nname=m\nbaseurl=https://m\n"}
        ],
    }
    tags = ssm.list_tags_for_resource(ResourceType="PatchBaseline", ResourceId=made)["TagList"]
    assert tags == [{"Key": "Team", "Value": "a"}]

    estate.world.advance(60)
    merged = ssm.update_patch_baseline(BaselineId=made, Name="Other", RejectedPatches=[])
    assert (merged["Name"], merged["RejectedPatches"], merged["RejectedPatchesAction"]) == (
        "Other",
        [],
        "BLOCK",
    )
    assert merged["ModifiedDate"] > merged["CreatedDate"]
    assert "PatchGroups" not in merged
    replaced = ssm.update_patch_baseline(BaselineId=made, Name="Bare", Replace=True)
    assert replaced["ApprovalRules"] == {"PatchRules": []} and replaced["ApprovedPatches"] == []
    assert replaced["RejectedPatchesAction"] == "ALLOW_AS_DEPENDENCY" and "Description" not in replaced
    assert replaced["OperatingSystem"] == "REDHAT_ENTERPRISE_LINUX"
    assert "Name" in message(ssm.update_patch_baseline, BaselineId=made, Replace=True)

    assert ssm.delete_patch_baseline(BaselineId=made)["BaselineId"] == made
    assert ssm.delete_patch_baseline(BaselineId=made)["BaselineId"] == made, "no error when there is none"
    refused(ssm.get_patch_baseline, "DoesNotExistException", BaselineId=made)
    refused(ssm.update_patch_baseline, "DoesNotExistException", BaselineId=made, Name="Prod")
    refused(ssm.list_tags_for_resource, "InvalidResourceId", ResourceType="PatchBaseline", ResourceId=made)


def test_without_an_operating_system_it_is_for_windows_and_empty(ssm, estate):
    made = ssm.create_patch_baseline(Name="Empty")["BaselineId"]
    shown = ssm.get_patch_baseline(BaselineId=made)
    assert shown["OperatingSystem"] == "WINDOWS"
    assert shown["GlobalFilters"] == {"PatchFilters": []} and shown["ApprovalRules"] == {"PatchRules": []}
    assert (shown["ApprovedPatches"], shown["RejectedPatches"], shown["Sources"]) == ([], [], [])
    assert shown["ApprovedPatchesComplianceLevel"] == "UNSPECIFIED"
    assert shown["RejectedPatchesAction"] == "ALLOW_AS_DEPENDENCY"
    assert "AvailableSecurityUpdatesComplianceStatus" not in shown


@both_engines
def test_a_client_token_makes_one_baseline_however_often_it_is_sent(estate, ssm):
    one = estate.baseline(ClientToken="t")
    assert estate.baseline(ClientToken="t") == one
    refused(
        ssm.create_patch_baseline,
        "IdempotentParameterMismatch",
        Name="Else",
        OperatingSystem="UBUNTU",
        ClientToken="t",
    )


def test_there_are_no_more_baselines_than_the_quota(estate, ssm):
    patches.set_quotas({"patch-baselines": 1})
    estate.baseline()
    refused(ssm.create_patch_baseline, "ResourceLimitExceededException", Name="Second")


@pytest.mark.parametrize("system", sorted(systems.EVERY))
def test_every_operating_system_has_its_own_filters(estate, ssm, system):
    keys = systems.FILTERS[system]
    filters = {key: ["*"] for key in keys}
    kept = estate.baseline(system, ApprovalRules={"PatchRules": [rule(0, **dict(list(filters.items())[:4]))]})
    assert ssm.get_patch_baseline(BaselineId=kept)["OperatingSystem"] == system
    for foreign in {"PRODUCT_FAMILY", "SEVERITY", "PRIORITY", "MSRC_SEVERITY", "CVE_ID", "NAME"} - set(keys):
        said = message(
            ssm.create_patch_baseline,
            Name="Prod",
            OperatingSystem=system,
            ApprovalRules={"PatchRules": [rule(0, **{foreign: ["x"]})]},
        )
        assert foreign in said and keys[0] in said


@pytest.mark.parametrize(
    ("system", "asked", "said"),
    [
        ("UBUNTU", {"ApprovalRules": {"PatchRules": [rule(0, PRIORITY=["Urgent"])]}}, "no value Urgent"),
        ("WINDOWS", {"ApprovalRules": {"PatchRules": [rule(0, MSRC_SEVERITY=["High"])]}}, "no value High"),
        ("WINDOWS", {"ApprovalRules": {"PatchRules": [rule(0, PATCH_SET=["ALL"])]}}, "no value ALL"),
        (
            "DEBIAN",
            {
                "GlobalFilters": {
                    "PatchFilters": rule(0, SEVERITY=["Low"])["PatchFilterGroup"]["PatchFilters"]
                }
            },
            "GlobalFilters",
        ),
        (
            "SUSE",
            {"ApprovalRules": {"PatchRules": [rule(None, SEVERITY=["Low"])]}},
            "needs ApproveAfterDays or",
        ),
        ("CENTOS", {"ApprovalRules": {"PatchRules": [rule(1) | {"ApproveUntilDate": "2027-01-01"}]}}, "both"),
        (
            "CENTOS",
            {"ApprovalRules": {"PatchRules": [rule(None) | {"ApproveUntilDate": "2027-1-1"}]}},
            "YYYY-MM-DD",
        ),
        (
            "CENTOS",
            {"ApprovalRules": {"PatchRules": [rule(None) | {"ApproveUntilDate": "2027-02-30"}]}},
            "YYYY-MM-DD",
        ),
        (
            "MACOS",
            {"ApprovalRules": {"PatchRules": [rule(0) | {"EnableNonSecurity": True}]}},
            "for Linux only",
        ),
        ("WINDOWS", {"ApprovedPatchesEnableNonSecurity": True}, "for Linux only"),
        ("UBUNTU", {"AvailableSecurityUpdatesComplianceStatus": "NON_COMPLIANT"}, "for WINDOWS only"),
        (
            "WINDOWS",
            {"Sources": [{"Name": "main", "Products": ["*"], "Configuration": "x"}]},
            "for Linux only",
        ),
        (
            "DEBIAN",
            {"Sources": [{"Name": "one", "Products": ["*"], "Configuration": "deb a\ndeb b"}]},
            "single line",
        ),
        (
            "DEBIAN",
            {"Sources": [{"Name": "one", "Products": ["*"], "Configuration": "deb a"}] * 2},
            "named twice",
        ),
        ("WINDOWS", {"ApprovedPatches": ["openssl"]}, "KB and digits"),
        ("UBUNTU", {"ApprovedPatches": ["bash=5.1"]}, "no package's name"),
        ("MACOS", {"RejectedPatches": ["Safari*"]}, "no wildcard"),
        ("REDHAT_ENTERPRISE_LINUX", {"RejectedPatches": ["CVE-2026-12345"]}, "only packages are rejected"),
        ("REDHAT_ENTERPRISE_LINUX", {"RejectedPatches": ["RHSA-2026:0007"]}, "only packages are rejected"),
        ("AMAZON_LINUX_2", {"RejectedPatches": ["1234567"]}, "only packages are rejected"),
        ("ORACLE_LINUX", {"ApprovedPatches": ["a*b*c"]}, "more than one wildcard"),
    ],
)
def test_what_cannot_be_is_refused_in_words(estate, ssm, system, asked, said):
    assert said in message(ssm.create_patch_baseline, Name="Prod", OperatingSystem=system, **asked)
    assert (
        ssm.describe_patch_baselines(Filters=[{"Key": "OWNER", "Values": ["Self"]}])["BaselineIdentities"]
        == []
    )


def test_a_filter_is_not_given_twice(estate, ssm):
    twice = {"PatchFilters": [{"Key": "PRODUCT", "Values": ["*"]}] * 2}
    assert "twice" in message(ssm.create_patch_baseline, Name="Prod", GlobalFilters=twice)


def test_packages_of_apt_need_no_day_of_approval_and_may_have_one(estate, ssm):
    for days in (None, 5):
        kept = estate.baseline(ApprovalRules={"PatchRules": [rule(days, PRIORITY=["Required", "Important"])]})
        shown = ssm.get_patch_baseline(BaselineId=kept)["ApprovalRules"]["PatchRules"][0]
        assert shown.get("ApproveAfterDays") == days


def test_names_of_windows_are_bulletins_and_articles(estate, ssm):
    kept = estate.baseline(
        "WINDOWS",
        ApprovedPatches=["KB2032276", "MS10-048"],
        RejectedPatches=["KB2124261"],
        AvailableSecurityUpdatesComplianceStatus="NON_COMPLIANT",
    )
    shown = ssm.get_patch_baseline(BaselineId=kept)
    assert shown["ApprovedPatches"] == ["KB2032276", "MS10-048"]
    assert shown["AvailableSecurityUpdatesComplianceStatus"] == "NON_COMPLIANT"


def test_aws_owns_a_default_for_every_operating_system(estate, ssm):
    pages = ssm.get_paginator("describe_patch_baselines").paginate(
        Filters=[{"Key": "OWNER", "Values": ["AWS"]}], PaginationConfig={"PageSize": 5}
    )
    listed = [one for page in pages for one in page["BaselineIdentities"]]
    assert [one["BaselineName"] for one in listed] == sorted(one["BaselineName"] for one in listed)
    by_name = {one["BaselineName"]: one for one in listed}
    assert len(by_name) == len(listed) == 18
    defaults = {one["OperatingSystem"]: one for one in listed if one["DefaultBaseline"]}
    assert set(defaults) == set(systems.EVERY)
    assert defaults["WINDOWS"]["BaselineName"] == "AWS-DefaultPatchBaseline"
    for system, one in defaults.items():
        assert ssm.get_default_patch_baseline(OperatingSystem=system)["BaselineId"] == one["BaselineId"]
        shown = ssm.get_patch_baseline(BaselineId=one["BaselineId"])
        assert shown["ApprovalRules"]["PatchRules"][0]["ComplianceLevel"] == "UNSPECIFIED"
    assert ssm.get_default_patch_baseline()["OperatingSystem"] == "WINDOWS"


@pytest.mark.parametrize("one", predefined.every().values(), ids=lambda one: one.name)
def test_aws_baselines_would_be_accepted_from_anybody(estate, ssm, one):
    estate.baseline(one.operating_system, ApprovalRules={"PatchRules": one.rules})


def test_aws_baselines_have_no_name_but_their_arn_and_are_not_changed(estate, ssm):
    arn = aws_baseline(ssm, "AWS-UbuntuDefaultPatchBaseline")
    assert arn.startswith("arn:aws:ssm:us-east-1:") and "patchbaseline/pb-" in arn
    bare = arn.rpartition("/")[2]
    refused(ssm.get_patch_baseline, "DoesNotExistException", BaselineId=bare)
    refused(ssm.register_default_patch_baseline, "DoesNotExistException", BaselineId=bare)
    assert "AWS's own" in message(ssm.update_patch_baseline, BaselineId=arn, Name="Mine")
    assert "AWS's own" in message(ssm.delete_patch_baseline, BaselineId=arn)
    refused(ssm.list_tags_for_resource, "InvalidResourceId", ResourceType="PatchBaseline", ResourceId=bare)


def test_an_own_baseline_is_known_by_its_arn_too(estate, ssm):
    made = estate.baseline()
    arn = estate.scope.arn("ssm", f"patchbaseline/{made}")
    assert ssm.get_patch_baseline(BaselineId=arn)["BaselineId"] == made
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    refused(ssm.get_patch_baseline, "DoesNotExistException", BaselineId=elsewhere)


def test_baselines_are_listed_by_owner_name_and_operating_system(estate, ssm):
    made = estate.baseline(Description="d")
    own = ssm.describe_patch_baselines(Filters=[{"Key": "OWNER", "Values": ["Self"]}])["BaselineIdentities"]
    assert own == [
        {
            "BaselineId": made,
            "BaselineName": "Prod",
            "OperatingSystem": "UBUNTU",
            "BaselineDescription": "d",
            "DefaultBaseline": False,
        }
    ]
    every = ssm.describe_patch_baselines(MaxResults=100)["BaselineIdentities"]
    assert len(every) == 19
    assert (
        ssm.describe_patch_baselines(Filters=[{"Key": "OWNER", "Values": ["All"]}], MaxResults=100)[
            "BaselineIdentities"
        ]
        == every
    )
    narrow = [
        {"Key": "OPERATING_SYSTEM", "Values": ["UBUNTU"]},
        {"Key": "NAME_PREFIX", "Values": ["AWS-"]},
    ]
    found = ssm.describe_patch_baselines(Filters=narrow)["BaselineIdentities"]
    assert [one["BaselineName"] for one in found] == ["AWS-UbuntuDefaultPatchBaseline"]
    for wrong in ({"Key": "OWNER", "Values": ["me"]}, {"Key": "COLOUR", "Values": ["red"]}, {"Key": "OWNER"}):
        message(ssm.describe_patch_baselines, Filters=[wrong])


@both_engines
def test_a_group_has_one_baseline_for_each_operating_system(estate, ssm):
    first, second = estate.baseline(), estate.baseline(Name="Second")
    other = estate.baseline("DEBIAN")
    register = ssm.register_patch_baseline_for_patch_group
    assert plain(register(BaselineId=first, PatchGroup="Prod")) == {"BaselineId": first, "PatchGroup": "Prod"}
    register(BaselineId=first, PatchGroup="Prod")
    refused(register, "AlreadyExistsException", BaselineId=second, PatchGroup="Prod")
    register(BaselineId=other, PatchGroup="Prod")
    register(BaselineId=first, PatchGroup="Test")
    assert ssm.get_patch_baseline(BaselineId=first)["PatchGroups"] == ["Prod", "Test"]
    refused(register, "DoesNotExistException", BaselineId=NOBODY, PatchGroup="Prod")

    of = ssm.get_patch_baseline_for_patch_group
    assert of(PatchGroup="Prod", OperatingSystem="UBUNTU")["BaselineId"] == first
    assert of(PatchGroup="Prod", OperatingSystem="DEBIAN")["BaselineId"] == other
    assert of(PatchGroup="Prod")["BaselineId"] == ssm.get_default_patch_baseline()["BaselineId"]

    listed = [
        one
        for page in ssm.get_paginator("describe_patch_groups").paginate(PaginationConfig={"PageSize": 1})
        for one in page["Mappings"]
    ]
    assert [(one["PatchGroup"], one["BaselineIdentity"]["BaselineId"]) for one in listed] == [
        ("Prod", other),
        ("Prod", first),
        ("Test", first),
    ]
    narrow = [{"Key": "NAME_PREFIX", "Values": ["Pro"]}, {"Key": "OPERATING_SYSTEM", "Values": ["UBUNTU"]}]
    assert len(ssm.describe_patch_groups(Filters=narrow)["Mappings"]) == 1

    refused(ssm.delete_patch_baseline, "ResourceInUseException", BaselineId=first)
    leave = ssm.deregister_patch_baseline_for_patch_group
    for group in ("Prod", "Test", "Test"):
        assert leave(BaselineId=first, PatchGroup=group)["PatchGroup"] == group
    refused(leave, "InvalidResourceId", BaselineId=NOBODY, PatchGroup="Prod")
    ssm.delete_patch_baseline(BaselineId=first)


def test_a_baseline_has_no_more_groups_than_the_quota(estate, ssm):
    patches.set_quotas({"patch-groups-per-baseline": 1})
    made = estate.baseline()
    ssm.register_patch_baseline_for_patch_group(BaselineId=made, PatchGroup="a")
    refused(
        ssm.register_patch_baseline_for_patch_group,
        "ResourceLimitExceededException",
        BaselineId=made,
        PatchGroup="b",
    )


def test_aws_baselines_can_have_groups_and_be_the_default_again(estate, ssm):
    made, arn = estate.baseline(), aws_baseline(ssm, "AWS-UbuntuDefaultPatchBaseline")
    ssm.register_patch_baseline_for_patch_group(BaselineId=arn, PatchGroup="Prod")
    assert (
        ssm.get_patch_baseline_for_patch_group(PatchGroup="Prod", OperatingSystem="UBUNTU")["BaselineId"]
        == arn
    )
    assert ssm.register_default_patch_baseline(BaselineId=made)["BaselineId"] == made
    assert ssm.get_default_patch_baseline(OperatingSystem="UBUNTU")["BaselineId"] == made
    own = ssm.describe_patch_baselines(Filters=[{"Key": "OPERATING_SYSTEM", "Values": ["UBUNTU"]}])
    assert {one["BaselineId"]: one["DefaultBaseline"] for one in own["BaselineIdentities"]} == {
        made: True,
        arn: False,
    }
    refused(ssm.delete_patch_baseline, "ResourceInUseException", BaselineId=made)
    ssm.register_default_patch_baseline(BaselineId=arn)
    ssm.delete_patch_baseline(BaselineId=made)
    refused(ssm.register_default_patch_baseline, "DoesNotExistException", BaselineId=made)


def test_baselines_belong_to_one_account_and_region(estate, house):
    estate.baseline()
    elsewhere = house.client("ssm", region="eu-west-1")
    found = elsewhere.describe_patch_baselines(Filters=[{"Key": "OWNER", "Values": ["Self"]}])
    assert found["BaselineIdentities"] == []


def test_a_node_gets_its_groups_baseline_else_the_default_else_aws(estate, ssm):
    node, default = estate.node(UBUNTU), estate.baseline(Name="Default")
    groups_own = estate.baseline(Name="Group")
    debian = estate.baseline("DEBIAN", Name="Debian")

    def resolved():
        def unit(tx):
            from hostreeve.capabilities import nodes

            return resolving.for_node(tx, estate.scope, nodes.find(tx, estate.scope, node))

        return estate.database.read_sync(unit)

    assert resolved().baseline.name == "AWS-UbuntuDefaultPatchBaseline"
    ssm.register_default_patch_baseline(BaselineId=default)
    assert resolved().baseline.baseline_id == default
    ssm.register_patch_baseline_for_patch_group(BaselineId=groups_own, PatchGroup="Prod")
    ssm.register_patch_baseline_for_patch_group(BaselineId=debian, PatchGroup="Prod")
    estate.tag(node, patchgroup="Prod")
    assert resolved().patch_group == "", "the case of the key counts"
    estate.tag(node, PatchGroup="Prod")
    assert resolved()[:2] == (resolved().baseline, "Prod") and resolved().baseline.baseline_id == groups_own
    estate.tag(node, Patch_Group="Unregistered")
    assert resolved().patch_group == "Unregistered" and resolved().baseline.baseline_id == default


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (UBUNTU, ("UBUNTU", "Ubuntu22.04")),
        (RHEL, ("REDHAT_ENTERPRISE_LINUX", "RedhatEnterpriseLinux9.4")),
        (WINDOWS, ("WINDOWS", "WindowsServer2012R2")),
        (("Windows Server", "10.0.17763"), ("WINDOWS", "WindowsServer2019")),
        (("Debian GNU/Linux", "12"), ("DEBIAN", "Debian12")),
        (("Debian GNU/Linux", "12.5"), ("DEBIAN", "Debian12")),
        (("Amazon Linux AMI", "2018.03"), ("AMAZON_LINUX", "AmazonLinux2018.03")),
        (("Amazon Linux", "2"), ("AMAZON_LINUX_2", "AmazonLinux2.0")),
        (("Amazon Linux", "2023"), ("AMAZON_LINUX_2023", "AmazonLinux2023")),
        (("Rocky Linux", "9.3"), ("ROCKY_LINUX", "RockyLinux9.3")),
        (("AlmaLinux", "8.9"), ("ALMA_LINUX", "AlmaLinux8.9")),
        (("Oracle Linux Server", "8.9"), ("ORACLE_LINUX", "OracleLinux8.9")),
        (("CentOS Stream", "9"), ("CENTOS", "CentOS9")),
        (("Fedora Linux", "41"), ("CENTOS", "Fedora41")),
        (("SLES", "12.5"), ("SUSE", "Suse12.5")),
        (("openSUSE Leap", "15.6"), ("SUSE", "OpenSuse15.6")),
        (("Raspbian GNU/Linux", "11"), ("RASPBIAN", "Raspbian11")),
        (("Alpine Linux", "3.20.3"), ("ALPINE_LINUX", "Alpine3.20")),
        (("macOS", "14.5"), ("MACOS", "MacOS14.5")),
        (("Plan 9", "4"), None),
        (("", ""), None),
    ],
)
def test_what_a_node_runs_is_read_from_what_its_agent_says(platform, expected):
    assert system_of(*platform) == expected


SOURCE = {"Name": "main", "Products": ["*"], "Configuration": "deb http://mirror main"}


@pytest.mark.parametrize(
    "asked",
    [
        {"ApprovalRules": {"PatchRules": [rule(361)]}},
        {"ApprovalRules": {"PatchRules": [rule(-1)]}},
        {"ApprovalRules": {"PatchRules": [rule(0)] * 11}},
        {"ApprovalRules": {"PatchRules": [rule(0, PRODUCT=["x"] * 21)]}},
        {"ApprovalRules": {"PatchRules": [rule(0, PRODUCT=["x" * 65])]}},
        {"ApprovalRules": {"PatchRules": [rule(0, level="SEVERE")]}},
        {"GlobalFilters": {"PatchFilters": [{"Key": "PRODUCT", "Values": ["x"]}] * 5}},
        {"ApprovedPatches": ["bash"] * 51},
        {"RejectedPatches": ["b" * 101]},
        {"RejectedPatchesAction": "FORGET"},
        {"ApprovedPatchesComplianceLevel": "SEVERE"},
        {"Sources": [SOURCE] * 21},
        {"Sources": [SOURCE | {"Name": "a b"}]},
        {"Sources": [SOURCE | {"Products": []}]},
        {"Sources": [SOURCE | {"Configuration": "x" * 1025}]},
        {"OperatingSystem": "BEOS"},
        {"Name": "ab"},
        {"Description": "x" * 1025},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_aws_limits_hold(estate, ssm, asked):
    client = estate.house.client("ssm", parameter_validation=False)
    request = {"Name": "Prod", "OperatingSystem": "UBUNTU", **asked}
    refused(client.create_patch_baseline, "ValidationException", **request)
