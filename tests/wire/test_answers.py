"""The check of answers finds what is wrong with them."""

import random

import pytest

from hostreeve.api.service_models import service
from tests.wire.answers import faults
from tests.wire.made import Maker

GET = service("ssm").operation("GetParameter")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({}, []),
        ({"Parameter": {"Name": "a", "Version": 1, "LastModifiedDate": 1.5}}, []),
        ({"Parameter": None}, []),
        ({"Paramter": {}}, ["GetParameter has no member Paramter"]),
        ({"Parameter": []}, ["GetParameter.Parameter is not a structure"]),
        ({"Parameter": {"Version": "1"}}, ["GetParameter.Parameter.Version is a str and should be a long"]),
        ({"Parameter": {"Version": True}}, ["GetParameter.Parameter.Version is a bool and should be a long"]),
    ],
)
def test_faults(answer, told):
    assert faults(GET, answer) == told


def test_made_answers_have_none():
    chance = random.Random(1)
    for name in service("ssm").operation_names:
        operation = service("ssm").operation(name)
        if operation.output:
            made = Maker(chance, full=True, answer=True, protocol="json").make(operation.output)
            assert faults(operation, made) == []
