"""Who may do what with which parameter: ARNs, paths, conditions, public parameters."""

import pytest

READ = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParameterHistory", "ssm:GetParametersByPath"]


def arn(account, name):
    return f"arn:aws:ssm:us-east-1:{account}:parameter{name}"


@pytest.fixture
def tree(ssm, root):
    for name in ("/prod/a", "/prod/b/c", "/test/a"):
        ssm.put_parameter(Name=root + name, Value=name, Type="String")
    return root


def test_a_policy_on_a_tree_gives_exactly_that_tree(user, tree, account, refused):
    reader = user({"Action": READ, "Resource": arn(account, f"{tree}/prod/*")})
    assert reader.get_parameter(Name=f"{tree}/prod/b/c")["Parameter"]["Value"] == "/prod/b/c"
    assert reader.get_parameter_history(Name=f"{tree}/prod/a")["Parameters"]
    assert refused(reader.get_parameter, Name=f"{tree}/test/a") == "AccessDeniedException"
    assert f"{arn(account, tree)}/test/a" in refused.message
    # Of several, one that is closed closes the request.
    names = [f"{tree}/prod/a", f"{tree}/test/a"]
    assert refused(reader.get_parameters, Names=names) == "AccessDeniedException"
    assert len(reader.get_parameters(Names=names[:1])["Parameters"]) == 1
    # Existence is not told to those who may not look.
    assert refused(reader.get_parameter, Name=f"{tree}/none") == "AccessDeniedException"
    assert refused(reader.put_parameter, Name=f"{tree}/prod/a", Value="x", Overwrite=True) == (
        "AccessDeniedException"
    )
    assert refused(reader.delete_parameter, Name=f"{tree}/prod/a") == "AccessDeniedException"
    assert refused(reader.describe_parameters) == "AccessDeniedException"


def test_a_flat_name_is_named_in_policies_with_one_slash(ssm, user, root, account):
    flat = root[1:]
    ssm.put_parameter(Name=flat, Value="v", Type="String")
    reader = user({"Action": READ, "Resource": arn(account, f"/{flat}")})
    assert reader.get_parameter(Name=flat)["Parameter"]["Value"] == "v"
    assert reader.get_parameter(Name=f"{flat}:1")["Parameter"]["Value"] == "v"


def test_leave_for_a_path_opens_all_below_even_what_is_denied(user, tree, account, refused):
    """As AWS documents it: the path alone is asked about."""
    reader = user(
        {"Action": READ, "Resource": arn(account, f"{tree}/prod")},
        {"Effect": "Deny", "Action": READ, "Resource": arn(account, f"{tree}/prod/b/c")},
    )
    found = reader.get_parameters_by_path(Path=f"{tree}/prod/", Recursive=True)["Parameters"]
    assert [one["Value"] for one in found] == ["/prod/a", "/prod/b/c"]
    assert refused(reader.get_parameter, Name=f"{tree}/prod/b/c") == "AccessDeniedException"
    assert refused(reader.get_parameters_by_path, Path=tree) == "AccessDeniedException"


def test_recursion_overwriting_and_policies_can_be_conditions(user, tree, account, refused):
    def only(key, value):
        return {"StringEquals": {key: value}}

    flat = user({"Action": READ, "Resource": "*", "Condition": only("ssm:Recursive", "false")})
    flat.get_parameters_by_path(Path=tree)
    assert refused(flat.get_parameters_by_path, Path=tree, Recursive=True) == "AccessDeniedException"
    new = user({"Action": "ssm:PutParameter", "Resource": "*", "Condition": only("ssm:Overwrite", "false")})
    new.put_parameter(Name=f"{tree}/new", Value="v", Type="String")
    assert (
        refused(new.put_parameter, Name=f"{tree}/new", Value="w", Overwrite=True) == "AccessDeniedException"
    )
    plain = user({"Action": "ssm:PutParameter", "Resource": "*", "Condition": only("ssm:Policies", "false")})
    wanted = {"Name": f"{tree}/p", "Value": "v", "Type": "String", "Tier": "Advanced"}
    text = '[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Days"}}]'
    assert refused(plain.put_parameter, **wanted, Policies=text) == "AccessDeniedException"
    plain.put_parameter(**wanted)


@pytest.mark.parametrize("kind", ["aws:ResourceTag", "ssm:resourceTag"])
def test_tags_of_a_parameter_can_be_conditions(ssm, user, tree, refused, kind):
    ssm.add_tags_to_resource(
        ResourceType="Parameter", ResourceId=f"{tree}/prod/a", Tags=[{"Key": "Team", "Value": "web"}]
    )
    condition = {"StringEquals": {f"{kind}/Team": "web"}}
    reader = user({"Action": READ, "Resource": "*", "Condition": condition})
    assert reader.get_parameter(Name=f"{tree}/prod/a")["Parameter"]
    assert refused(reader.get_parameter, Name=f"{tree}/test/a") == "AccessDeniedException"


def test_tags_on_a_new_parameter_need_leave_of_their_own(user, root, refused, ssm):
    writer = user({"Action": "ssm:PutParameter", "Resource": "*"})
    wanted = {"Name": root, "Value": "v", "Type": "String", "Tags": [{"Key": "k", "Value": "v"}]}
    assert refused(writer.put_parameter, **wanted) == "AccessDeniedException"
    assert "ssm:AddTagsToResource" in refused.message
    assert refused(ssm.get_parameter, Name=root) == "ParameterNotFound"
    condition = {"StringEquals": {"aws:RequestTag/k": "v"}}
    tagger = user(
        {"Action": "ssm:PutParameter", "Resource": "*", "Condition": condition},
        {"Action": "ssm:AddTagsToResource", "Resource": "*"},
    )
    tagger.put_parameter(**wanted)


def test_accounts_do_not_see_each_others_parameters(ssm, stranger, tree, account, refused):
    assert refused(stranger.get_parameter, Name=f"{tree}/prod/a") == "ParameterNotFound"
    assert refused(stranger.get_parameter, Name=f"{arn(account, tree)}/prod/a") == "AccessDeniedException"
    assert stranger.get_parameters_by_path(Path=tree, Recursive=True)["Parameters"] == []
    for operation in (stranger.delete_parameter, stranger.get_parameter_history):
        code = refused(operation, Name=f"{arn(account, tree)}/prod/a")
        assert code == "AccessDeniedException"
    assert ssm.get_parameter(Name=f"{tree}/prod/a")["Parameter"]


def test_the_operator_publishes_and_everyone_reads(ssm, stranger, user, root, refused):
    public = f"/aws/service{root}"
    assert ssm.put_parameter(Name=f"{public}/image", Value="one", Type="String")["Version"] == 1
    ssm.put_parameter(Name=f"{public}/image", Value="two", Overwrite=True)
    ssm.label_parameter_version(Name=f"{public}/image", ParameterVersion=1, Labels=["stable"])
    for reader in (ssm, stranger):
        found = reader.get_parameter(Name=f"{public}/image")["Parameter"]
        assert (found["Value"], found["ARN"]) == ("two", f"arn:aws:ssm:us-east-1::parameter{public}/image")
        assert reader.get_parameter(Name=f"{public}/image:stable")["Parameter"]["Value"] == "one"
        assert reader.get_parameter(Name=found["ARN"])["Parameter"]["Value"] == "two"
        (listed,) = reader.get_parameters_by_path(Path="/aws/service", Recursive=True)["Parameters"][-1:]
        assert listed["Name"].startswith("/aws/service/")
        (one,) = reader.get_parameters(Names=[f"{public}/image"])["Parameters"]
        assert one["Value"] == "two"
    described = [{"Key": "Name", "Option": "BeginsWith", "Values": [public]}]
    assert ssm.describe_parameters(ParameterFilters=described)["Parameters"] == []
    nobody = user({"Action": "sts:GetCallerIdentity", "Resource": "*"})
    assert refused(nobody.get_parameter, Name=f"{public}/image") == "AccessDeniedException"
    anyone = user({"Action": READ, "Resource": f"arn:aws:ssm:*::parameter{public}/*"})
    assert anyone.get_parameter(Name=f"{public}/image")["Parameter"]["Value"] == "two"


def test_nobody_else_publishes(ssm, stranger, root, refused):
    public = f"/aws/service{root}"
    ssm.put_parameter(Name=public, Value="v", Type="String")
    wanted = {"Name": public, "Value": "x", "Type": "String", "Overwrite": True}
    assert refused(stranger.put_parameter, **wanted) == "AccessDeniedException"
    assert refused.message == f"No access to reserved parameter name: {public}."
    assert refused(stranger.delete_parameter, Name=public) == "AccessDeniedException"
    assert refused(stranger.label_parameter_version, Name=public, Labels=["a"]) == "AccessDeniedException"
    assert refused(ssm.put_parameter, **wanted | {"Name": "/aws/other/x"}) == "AccessDeniedException"
    tagged = {**wanted, "Name": f"{public}/t", "Overwrite": False, "Tags": [{"Key": "k", "Value": "v"}]}
    assert refused(ssm.put_parameter, **tagged) == "ValidationException"
    secret = wanted | {"Name": f"{public}/s", "Type": "SecureString"}
    assert refused(ssm.put_parameter, **secret) == "UnsupportedParameterType"
    ssm.delete_parameter(Name=public)
    assert refused(ssm.get_parameter, Name=public) == "ParameterNotFound"
