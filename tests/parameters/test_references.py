"""References to parameters in texts: what is put in their place, and what is refused."""

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.capabilities import parameters
from hostreeve.kernel.scope import Scope


@pytest.fixture
def resolve(house, account):
    scope = Scope(account, "us-east-1")
    read = house.app.database.read_sync
    return lambda text: read(lambda tx: parameters.resolve_references(tx, scope, text))


def test_values_stand_where_references_stood(ssm, root, resolve):
    ssm.put_parameter(Name=f"{root}/a", Value="one", Type="String")
    ssm.put_parameter(Name=f"{root}/a", Value="two", Overwrite=True)
    ssm.label_parameter_version(Name=f"{root}/a", ParameterVersion=1, Labels=["old"])
    ssm.put_parameter(Name=root[1:], Value="x,y", Type="StringList")
    assert resolve(f"echo {{{{ssm:{root}/a}}}}") == "echo two"
    assert resolve(f"{{{{ ssm:{root}/a:1 }}}}-{{{{ssm:{root}/a:old}}}}") == "one-one"
    assert resolve(f"[{{{{ssm:{root[1:]}}}}}]") == "[x,y]"
    for untouched in ("plain", "{{commands}}", "{{ global:DATE }}", "{ssm:x}", "{{ssm:}}", "{{ssm: x}}"):
        assert resolve(untouched) == untouched


def test_a_value_is_not_read_for_backslashes_or_groups(ssm, root, resolve):
    ssm.put_parameter(Name=root, Value=r"\1 \g<name> \n", Type="String")
    assert resolve(f"{{{{ssm:{root}}}}}") == r"\1 \g<name> \n"


def test_what_cannot_be_put_in_place_is_refused_by_name(ssm, root, resolve):
    ssm.put_parameter(Name=root, Value="hush", Type="SecureString")
    for text, word in (
        (f"{{{{ssm:{root}}}}}", "SecureString"),
        ("{{ssm:/none}}", "/none not found"),
        ("{{ssm:a:b:c}}", "not found"),
        (f"{{{{ssm:{root}:9}}}}", "version 9"),
        ("".join(f"{{{{ssm:n{number}}}}}" for number in range(101)), "100"),
    ):
        with pytest.raises(AwsError) as refused:
            resolve(text)
        assert refused.value.code == "InvalidParameters"
        assert word in refused.value.message and "hush" not in refused.value.message


def test_references_are_found_once_each_in_order():
    texts = ["{{ssm:b}} {{ssm:a}}", "{{ssm:b}}{{ssm:c:1}}", "none"]
    assert parameters.references(texts) == ["b", "a", "c:1"]


def test_a_caller_must_be_allowed_to_read_what_it_refers_to(database_with, world):
    from hostreeve.api.call import Call
    from hostreeve.api.errors import common
    from tests.calls import ADMIN, SCOPE

    database = database_with(["hostreeve.platform.groups", "hostreeve.capabilities.parameters"])
    asked = []

    def require(action, resources, context=None, *, policy=None):
        asked.append((action, resources))
        raise common.AccessDeniedException("no")

    def unit(tx):
        call = Call(tx, SCOPE, ADMIN, world, world.now_ms(), "r", require, lambda *_: None, None)
        return parameters.resolve_references(call, SCOPE, "{{ssm:a:1}}")

    with pytest.raises(AwsError) as refused:
        database.read_sync(unit)
    assert refused.value.code == "AccessDeniedException"
    assert asked == [("ssm:GetParameters", [SCOPE.arn("ssm", "parameter/a")])]
