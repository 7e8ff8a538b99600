"""Parameters of the data type aws:ec2:image: taken at once, there when their image has been found."""

import pytest

from hostreeve.capabilities import parameters
from tests.parameters.events import events

IMAGE = {"Type": "String", "DataType": "aws:ec2:image"}


@pytest.fixture
def images():
    """The ids of the images that there are: compute, as far as parameters know it."""
    there = set()
    parameters.look_images_up(lambda tx, scope, image: (scope.account, image) in there or image in there)
    yield there
    parameters.look_images_up(None)


def test_a_parameter_appears_when_its_image_has_been_found(house, ssm, root, refused, images):
    images.add("ami-1")
    tags = [{"Key": "k", "Value": "v"}]
    made = ssm.put_parameter(Name=root, Value="ami-1", **IMAGE, Tags=tags)
    assert made["Version"] == 1
    assert refused(ssm.get_parameter, Name=root) == "ParameterNotFound"
    house.tick()
    found = ssm.get_parameter(Name=root)["Parameter"]
    assert (found["Value"], found["Version"], found["DataType"]) == ("ami-1", 1, "aws:ec2:image")
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=root)["TagList"] == tags
    assert [(kind, detail["operation"]) for kind, detail in events(house, root)] == [
        ("Parameter Store Change", "Create")
    ]


def test_one_whose_image_is_missing_never_appears_and_is_told(house, ssm, root, refused, images):
    assert ssm.put_parameter(Name=root, Value="ami-none", **IMAGE)["Version"] == 1
    house.tick()
    assert refused(ssm.get_parameter, Name=root) == "ParameterNotFound"
    ((kind, detail),) = events(house, root)
    assert kind == "Parameter Store Change"
    assert detail == {
        "operation": "Create",
        "exception": "Unable to Describe Resource",
        "dataType": "aws:ec2:image",
        "name": root,
        "type": "String",
    }


def test_a_new_version_waits_too_and_the_old_one_is_read_meanwhile(house, ssm, root, images):
    images |= {"ami-1", "ami-3"}
    ssm.put_parameter(Name=root, Value="ami-1", **IMAGE)
    house.tick()
    offered = [
        ssm.put_parameter(Name=root, Value=f"ami-{number}", Overwrite=True)["Version"] for number in (2, 3)
    ]
    assert offered == [2, 3]
    assert ssm.get_parameter(Name=root)["Parameter"]["Value"] == "ami-1"
    house.tick()
    found = ssm.get_parameter(Name=root)["Parameter"]
    assert (found["Value"], found["Version"]) == ("ami-3", 2)
    told = [(detail["operation"], detail.get("exception")) for _, detail in events(house, root)]
    assert told == [("Create", None), ("Update", "Unable to Describe Resource"), ("Update", None)]


def test_who_came_meanwhile_stays(house, ssm, root, images):
    images.add("ami-1")
    ssm.put_parameter(Name=root, Value="ami-1", **IMAGE)
    ssm.put_parameter(Name=root, Value="plain", Type="String")
    house.tick()
    assert ssm.get_parameter(Name=root)["Parameter"]["Value"] == "plain"
    assert events(house, root)[-1][1]["exception"] == "The parameter already exists."


def test_an_image_is_looked_up_in_the_owners_account(house, ssm, root, account, refused, images):
    images.add((account, "ami-own"))
    images.add(("999999999999", "ami-others"))
    for name, image in (("own", "ami-own"), ("others", "ami-others")):
        ssm.put_parameter(Name=f"{root}/{name}", Value=image, **IMAGE)
    house.tick()
    assert ssm.get_parameter(Name=f"{root}/own")["Parameter"]["Value"] == "ami-own"
    assert refused(ssm.get_parameter, Name=f"{root}/others") == "ParameterNotFound"


def test_only_strings_name_images(ssm, root, refused, images):
    for kind in ("StringList", "SecureString"):
        wanted = {"Name": root, "Value": "ami-1", **IMAGE, "Type": kind}
        assert refused(ssm.put_parameter, **wanted) == "ValidationException"


def test_without_compute_they_are_refused_by_name(house, ssm, root, refused):
    assert refused(ssm.put_parameter, Name=root, Value="ami-1", **IMAGE) == "UnsupportedParameterType"
    assert "compute" in refused.message


def test_what_waits_is_told_when_compute_goes_away(house, ssm, root, refused, images):
    ssm.put_parameter(Name=root, Value="ami-1", **IMAGE)
    parameters.look_images_up(None)
    house.tick()
    assert refused(ssm.get_parameter, Name=root) == "ParameterNotFound"
    assert events(house, root)[0][1]["exception"] == "Unable to Describe Resource"
