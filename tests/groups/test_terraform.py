"""The calls of Terraform's `aws_resourcegroups_group`: made, read back the same, changed, deleted."""

from tests.groups.conftest import refused, tag_query


def read_back(rg, name):
    """What the provider reads of a group to find differences."""
    group = rg.get_group(GroupName=name)["Group"]
    query = rg.get_group_query(GroupName=name)["GroupQuery"]["ResourceQuery"]
    return {
        "description": group["Description"],
        "query": query["Query"],
        "type": query["Type"],
        "tags": rg.get_tags(Arn=group["GroupArn"])["Tags"],
    }


def test_a_group_is_made_read_changed_and_deleted(rg, mark):
    query = tag_query(("Stage", ["Test"]), types=("AWS::EC2::Instance",))
    made = rg.create_group(Name=mark, Description="by terraform", ResourceQuery=query, Tags={"Name": "g"})[
        "Group"
    ]
    state = {
        "description": "by terraform",
        "query": query["Query"],
        "type": query["Type"],
        "tags": {"Name": "g"},
    }
    assert read_back(rg, mark) == state == read_back(rg, mark)

    other = tag_query(("Stage", ["Prod"]), types=("AWS::EC2::Instance",))
    rg.update_group(GroupName=mark, Description="changed")
    rg.update_group_query(GroupName=mark, ResourceQuery=other)
    rg.untag(Arn=made["GroupArn"], Keys=["Name"])
    rg.tag(Arn=made["GroupArn"], Tags={"Team": "t"})
    assert read_back(rg, mark) == {
        **state,
        "description": "changed",
        "query": other["Query"],
        "tags": {"Team": "t"},
    }

    rg.delete_group(GroupName=mark)
    assert refused(rg.get_group, GroupName=mark) == "NotFoundException"


def test_the_description_can_be_emptied(rg, mark):
    rg.create_group(Name=mark, Description="some", ResourceQuery=tag_query(("k", [])))
    rg.update_group(GroupName=mark, Description="")
    assert read_back(rg, mark)["description"] == ""
