"""Putting parameters: names, types, tiers, sizes, versions, what a new version takes over."""

import pytest


def put(ssm, name, value="v", **more):
    return ssm.put_parameter(Name=name, Value=value, **{"Type": "String", **more})


def test_a_parameter_is_made_read_and_overwritten(ssm, root):
    assert put(ssm, f"{root}/a", "one")["Version"] == 1
    answer = ssm.put_parameter(Name=f"{root}/a", Value="two", Overwrite=True)
    assert (answer["Version"], answer["Tier"]) == (2, "Standard")
    found = ssm.get_parameter(Name=f"{root}/a")["Parameter"]
    assert (found["Value"], found["Version"], found["Type"]) == ("two", 2, "String")
    assert found["DataType"] == "text" and "Selector" not in found
    assert found["ARN"].endswith(f":parameter{root}/a")


def test_a_name_with_and_without_its_first_slash_is_one_parameter(ssm, root, refused):
    flat = root[1:]
    put(ssm, flat)
    assert refused(put, ssm=ssm, name=f"/{flat}") == "ParameterAlreadyExists"
    found = ssm.get_parameter(Name=f"/{flat}")["Parameter"]
    assert found["Name"] == flat
    assert found["ARN"].endswith(f":parameter/{flat}")


def test_spaces_around_a_name_are_trimmed_and_case_counts(ssm, root, refused):
    put(ssm, f"  {root}/Name ")
    assert ssm.get_parameter(Name=f"{root}/Name")["Parameter"]["Name"] == f"{root}/Name"
    assert refused(ssm.get_parameter, Name=f"{root}/name") == "ParameterNotFound"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("awsX", "ValidationException"),
        ("AwS", "ValidationException"),
        ("ssm-x", "ValidationException"),
        ("/awsx", "ValidationException"),
        ("/aws/x", "AccessDeniedException"),
        ("/AWS/x", "AccessDeniedException"),
        ("/ssm/x", "ValidationException"),
        ("/a b", "ValidationException"),
        ("a/b", "ValidationException"),
        ("/a/", "ValidationException"),
        ("/a//b", "ValidationException"),
        ("/", "ValidationException"),
        ("/a:1", "ValidationException"),
        ("/ä", "ValidationException"),
        ("/a" * 16, "HierarchyLevelLimitExceededException"),
        ("a" * 1011, "ValidationException"),
        ("a" * 2049, "ValidationException"),
        ("arn:aws:ssm:us-east-1:000000000000:parameter/x", "ValidationException"),
    ],
)
def test_names_that_cannot_be_are_refused(ssm, refused, name, code):
    assert refused(put, ssm=ssm, name=name) == code


def test_fifteen_levels_are_allowed(ssm, root):
    put(ssm, root + "/a" * 14)


def test_awss_words_for_reserved_names(ssm, refused):
    refused(put, ssm=ssm, name="awsX")
    assert refused.message.startswith(
        'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
    )
    refused(put, ssm=ssm, name="/aws/x")
    assert refused.message == "No access to reserved parameter name: /aws/x."


def test_what_exists_is_not_overwritten_unasked(ssm, root, refused):
    put(ssm, root)
    assert refused(put, ssm=ssm, name=root) == "ParameterAlreadyExists"
    assert refused.message == (
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to "
        "true."
    )
    assert ssm.put_parameter(Name=f"{root}-new", Value="v", Type="String", Overwrite=True)["Version"] == 1


def test_a_type_is_needed_once_and_never_changes(ssm, root, refused):
    assert refused(ssm.put_parameter, Name=root, Value="v") == "ValidationException"
    assert refused.message == "A parameter type is required when you create a parameter."
    put(ssm, root)
    for other in ("StringList", "SecureString"):
        code = refused(ssm.put_parameter, Name=root, Value="v", Type=other, Overwrite=True)
        assert code == "HierarchyTypeMismatchException"


def test_tags_and_overwrite_exclude_each_other(ssm, root, refused):
    tags = [{"Key": "k", "Value": "v"}]
    assert refused(put, ssm=ssm, name=root, Tags=tags, Overwrite=True) == "ValidationException"
    assert refused.message.startswith("Invalid request: tags and overwrite can't be used together.")
    put(ssm, root, Tags=tags)
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=root)["TagList"] == tags


def test_tags_are_added_listed_removed_and_gone_with_the_parameter(ssm, root, refused):
    put(ssm, root)
    ssm.add_tags_to_resource(
        ResourceType="Parameter",
        ResourceId=root,
        Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}],
    )
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=root, TagKeys=["a"])
    found = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=root)["TagList"]
    assert found == [{"Key": "b", "Value": ""}]
    ssm.delete_parameter(Name=root)
    listed = dict(ResourceType="Parameter", ResourceId=root)
    assert refused(ssm.list_tags_for_resource, **listed) == "InvalidResourceId"
    put(ssm, root)
    assert ssm.list_tags_for_resource(**listed)["TagList"] == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"Value": ""}, "ValidationException"),
        ({"Value": "{{other}}"}, "ValidationException"),
        ({"Value": "a {{ssm:other}} b"}, "ValidationException"),
        ({"Value": "x" * 4097}, "ValidationException"),
        ({"Value": "ü" * 2049}, "ValidationException"),
        ({"Value": "x" * 8193, "Tier": "Advanced"}, "ValidationException"),
        ({"Value": "x" * 8193, "Tier": "Intelligent-Tiering"}, "ValidationException"),
        ({"Tier": "Premium"}, "ValidationException"),
        ({"Type": "Text"}, "ValidationException"),
        ({"Description": "x" * 1025}, "ValidationException"),
        ({"DataType": "image"}, "ValidationException"),
        ({"DataType": "aws:ssm:integration"}, "ValidationException"),
        ({"DataType": "aws:ec2:image"}, "UnsupportedParameterType"),
        ({"KeyId": "alias/aws/ssm"}, "ValidationException"),
        ({"AllowedPattern": "("}, "InvalidAllowedPatternException"),
        ({"AllowedPattern": r"\d+"}, "ParameterPatternMismatchException"),
    ],
)
def test_values_that_cannot_be_are_refused(ssm, root, refused, request_, code):
    request = {"Name": root, "Value": "v", "Type": "String", **request_}
    assert refused(ssm.put_parameter, **request) == code
    assert refused(ssm.get_parameter, Name=root) == "ParameterNotFound"


def test_an_image_is_refused_naming_what_it_waits_for(ssm, root, refused):
    refused(put, ssm=ssm, name=root, DataType="aws:ec2:image")
    assert "compute" in refused.message


def test_a_value_too_large_for_standard_says_so_in_awss_words(ssm, root, refused):
    refused(put, ssm=ssm, name=root, value="x" * 4097)
    assert refused.message.startswith(
        "Standard tier parameters support a maximum parameter value of 4096 characters. "
        "To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
    )


def test_any_text_is_kept_as_it_is(ssm, root):
    value = "Zeile 1\n\tZeile 2\r\n\x1f 漢字 🗝 \ufffe"
    put(ssm, root, value)
    assert ssm.get_parameter(Name=root)["Parameter"]["Value"] == value


def test_a_string_list_is_its_text(ssm, root):
    put(ssm, root, "a,b , c", Type="StringList")
    found = ssm.get_parameter(Name=root)["Parameter"]
    assert (found["Type"], found["Value"]) == ("StringList", "a,b , c")


def test_tiers_only_ever_rise(ssm, root, refused):
    assert put(ssm, root, "x" * 4096)["Tier"] == "Standard"
    assert ssm.put_parameter(Name=root, Value="y", Overwrite=True, Tier="Advanced")["Tier"] == "Advanced"
    assert ssm.put_parameter(Name=root, Value="x" * 8192, Overwrite=True)["Tier"] == "Advanced"
    assert refused(ssm.put_parameter, Name=root, Value="y", Overwrite=True, Tier="Standard") == (
        "ValidationException"
    )
    assert "downgrade" in refused.message
    tiers = [one["Tier"] for one in ssm.get_parameter_history(Name=root)["Parameters"]]
    assert tiers == ["Standard", "Advanced", "Advanced"]


def test_intelligent_tiering_takes_the_lower_tier_that_fits(ssm, root):
    assert put(ssm, f"{root}/s", Tier="Intelligent-Tiering")["Tier"] == "Standard"
    assert put(ssm, f"{root}/l", "x" * 5000, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    grown = {"Name": f"{root}/s", "Value": "x" * 5000, "Overwrite": True, "Tier": "Intelligent-Tiering"}
    assert ssm.put_parameter(**grown)["Tier"] == "Advanced"
    assert ssm.put_parameter(**{**grown, "Value": "x"})["Tier"] == "Advanced"


def test_a_new_version_keeps_description_pattern_and_policies_unless_told_otherwise(ssm, root, refused):
    policy = '[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"20","Unit":"Days"}}]'
    put(ssm, root, "1", Description="d", AllowedPattern=r"\d+", Tier="Advanced", Policies=policy)
    ssm.put_parameter(Name=root, Value="2", Overwrite=True)
    assert refused(ssm.put_parameter, Name=root, Value="x", Overwrite=True) == (
        "ParameterPatternMismatchException"
    )
    ssm.put_parameter(
        Name=root, Value="x", Overwrite=True, Description="", AllowedPattern="[a-z]", Policies="[{}]"
    )
    first, second, third = ssm.get_parameter_history(Name=root)["Parameters"]
    for kept in (first, second):
        assert (kept["Description"], kept["AllowedPattern"]) == ("d", r"\d+")
        assert [one["PolicyType"] for one in kept["Policies"]] == ["NoChangeNotification"]
    assert "Description" not in third and third["Policies"] == []
    assert third["AllowedPattern"] == "[a-z]"


def test_a_pattern_must_match_the_whole_value_and_is_named_when_it_does_not(ssm, root, refused):
    put(ssm, root, "100", AllowedPattern=r"\d{1,4}")
    assert refused(ssm.put_parameter, Name=root, Value="10000", Overwrite=True) == (
        "ParameterPatternMismatchException"
    )
    assert refused.message == r"Parameter value, cannot be validated against allowedPattern: \d{1,4}"


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        (r"\d{2}", "12", True),
        (r"\d{2}", "１２", False),
        (r"\w+", "grün", False),
        (r"(?i)k", "\u212a", False),
        (r"(?i)k", "K", True),
        (r".", "\r", False),
        (r".", "\u2028", False),
        (r"(?s).", "\r", True),
        (r"[^^]+", "[a]", True),
        (r"[]a]+", "]a", True),
        (r"[\[\]&]+", "[&]", True),
    ],
)
def test_a_pattern_means_what_java_means_by_it(ssm, root, refused, pattern, value, fits):
    wanted = {"Name": root, "Value": value, "Type": "String", "AllowedPattern": pattern}
    if fits:
        ssm.put_parameter(**wanted)
    else:
        assert refused(ssm.put_parameter, **wanted) == "ParameterPatternMismatchException"


def test_a_pattern_that_would_never_end_ends(ssm, root, refused):
    assert refused(put, ssm=ssm, name=root, value="a" * 60 + "!", AllowedPattern="(a+)+") == (
        "ParameterPatternMismatchException"
    )


def test_a_hundred_versions_are_kept_and_the_oldest_goes(ssm, root, refused):
    put(ssm, root, "1")
    for number in range(2, 102):
        ssm.put_parameter(Name=root, Value=str(number), Overwrite=True)
    pages = ssm.get_paginator("get_parameter_history").paginate(Name=root, PaginationConfig={"PageSize": 30})
    versions = [one["Version"] for page in pages for one in page["Parameters"]]
    assert versions == list(range(2, 102))
    assert refused(ssm.get_parameter, Name=f"{root}:1") == "ParameterVersionNotFound"
    ssm.label_parameter_version(Name=root, ParameterVersion=2, Labels=["keep"])
    assert refused(ssm.put_parameter, Name=root, Value="n", Overwrite=True) == (
        "ParameterMaxVersionLimitExceeded"
    )
    assert refused.message == (
        f"You attempted to create a new version of {root} by calling the PutParameter API with the overwrite "
        "flag. Version 2, the oldest version, can't be deleted because it has a label associated with it. "
        "Move the label to another version of the parameter, and try again."
    )
    ssm.label_parameter_version(Name=root, ParameterVersion=50, Labels=["keep"])
    assert ssm.put_parameter(Name=root, Value="n", Overwrite=True)["Version"] == 102


def test_a_deleted_parameter_is_gone_with_its_past_and_its_name_is_free(ssm, root, refused):
    put(ssm, root, "1")
    ssm.put_parameter(Name=root, Value="2", Overwrite=True)
    ssm.label_parameter_version(Name=root, Labels=["prod"])
    ssm.delete_parameter(Name=root)
    assert refused(ssm.get_parameter, Name=root) == "ParameterNotFound"
    assert refused(ssm.delete_parameter, Name=root) == "ParameterNotFound"
    assert put(ssm, root, "new", Type="StringList")["Version"] == 1
    assert refused(ssm.get_parameter, Name=f"{root}:prod") == "ParameterVersionNotFound"
    assert len(ssm.get_parameter_history(Name=root)["Parameters"]) == 1


def test_several_are_deleted_and_what_is_missing_is_told(ssm, root):
    put(ssm, f"{root}/a")
    put(ssm, f"{root}/b")
    answer = ssm.delete_parameters(Names=[f"{root}/a", f"{root}/none", f"{root}/b", "not a name"])
    assert answer["DeletedParameters"] == [f"{root}/a", f"{root}/b"]
    assert answer["InvalidParameters"] == [f"{root}/none", "not a name"]


def test_more_than_ten_names_are_refused(ssm, refused):
    names = [f"n{number}" for number in range(11)]
    assert refused(ssm.delete_parameters, Names=names) == "ValidationException"
    assert refused(ssm.get_parameters, Names=names) == "ValidationException"


def test_a_zero_character_is_refused(ssm, root, refused):
    assert refused(put, ssm=ssm, name=root, value="a\x00b") == "SerializationException"


def test_a_new_version_is_encrypted_by_the_key_before_unless_another_is_named(house, ssm, root):
    key = house.client("kms").create_key()["KeyMetadata"]["KeyId"]
    put(ssm, root, Type="SecureString")
    for more in ({}, {"KeyId": key}, {}, {"KeyId": "alias/aws/ssm"}):
        ssm.put_parameter(Name=root, Value="w", Overwrite=True, **more)
    default = "alias/aws/ssm"
    history = ssm.get_parameter_history(Name=root)["Parameters"]
    assert [one["KeyId"] for one in history] == [default, default, key, key, default]


@pytest.mark.parametrize("pattern", [r"(?=a)a", r"(a)\1", r"\bv\b", r"\p{L}+", r"a++", "(a*){160}"])
def test_patterns_beyond_what_can_be_matched_in_bounded_time_are_refused(ssm, root, refused, pattern):
    code = refused(put, ssm=ssm, name=root, value="a" * 4096, AllowedPattern=pattern)
    assert code == "InvalidAllowedPatternException"


def test_usual_patterns_match_values_of_any_size(ssm, root):
    for number, pattern in enumerate((r"[\x20-\x7e]{1,1024}", r"(\w+[-.]?)+", r".*", r"[^\s]+")):
        put(ssm, f"{root}/{number}", "a" * (1000 if "1024" in pattern else 4096), AllowedPattern=pattern)
