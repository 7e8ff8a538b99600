"""Labels: what may be one, how many, and how they move from version to version."""

import pytest


@pytest.fixture
def three(ssm, root):
    """A parameter with three versions."""
    for number in (1, 2, 3):
        ssm.put_parameter(Name=root, Value=str(number), Type="String", Overwrite=True)
    return root


def labels(ssm, name):
    return {one["Version"]: one["Labels"] for one in ssm.get_parameter_history(Name=name)["Parameters"]}


def test_a_label_marks_the_newest_version_unless_told_and_moves_when_given_again(ssm, three):
    assert ssm.label_parameter_version(Name=three, Labels=["Production"])["ParameterVersion"] == 3
    ssm.label_parameter_version(Name=three, ParameterVersion=1, Labels=["Production", "old"])
    ssm.label_parameter_version(Name=three, ParameterVersion=2, Labels=["Production"])
    assert ssm.get_parameter(Name=f"{three}:Production")["Parameter"]["Value"] == "2"
    assert labels(ssm, three) == {1: ["old"], 2: ["Production"], 3: []}


@pytest.mark.parametrize("label", ["1st", "awsome", "AWS", "ssm-x", "a b", "a/b", "ä", "a:b"])
def test_what_is_no_label_is_told_and_the_others_are_attached(ssm, three, label):
    answer = ssm.label_parameter_version(Name=three, Labels=[label, "good_1.-"])
    assert answer["InvalidLabels"] == [label]
    assert labels(ssm, three)[3] == ["good_1.-"]


def test_ten_labels_fit_on_a_version(ssm, three, refused):
    ssm.label_parameter_version(Name=three, Labels=[f"l{number}" for number in range(10)])
    ssm.label_parameter_version(Name=three, Labels=["l1", "l2"])
    assert refused(ssm.label_parameter_version, Name=three, Labels=["one-more"]) == (
        "ParameterVersionLabelLimitExceeded"
    )
    ssm.label_parameter_version(Name=three, ParameterVersion=2, Labels=["one-more"])
    assert refused(ssm.label_parameter_version, Name=three, Labels=["x" * 101]) == "ValidationException"


def test_labels_come_off_the_version_that_has_them(ssm, three):
    ssm.label_parameter_version(Name=three, ParameterVersion=1, Labels=["a", "b"])
    ssm.label_parameter_version(Name=three, ParameterVersion=2, Labels=["c"])
    answer = ssm.unlabel_parameter_version(Name=three, ParameterVersion=1, Labels=["a", "c", "none"])
    assert (answer["RemovedLabels"], answer["InvalidLabels"]) == (["a"], ["c", "none"])
    assert labels(ssm, three) == {1: ["b"], 2: ["c"], 3: []}


def test_labels_need_a_parameter_and_a_version_that_exist(ssm, three, refused):
    for operation in (ssm.label_parameter_version, ssm.unlabel_parameter_version):
        request = {"ParameterVersion": 1, "Labels": ["a"]}
        assert refused(operation, Name=f"{three}/none", **request) == "ParameterNotFound"
        assert (
            refused(operation, Name=three, **request | {"ParameterVersion": 9}) == "ParameterVersionNotFound"
        )
