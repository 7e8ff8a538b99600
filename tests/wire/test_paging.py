"""Pages of a list and their tokens."""

import base64

import pytest

from hostreeve.api import paging
from hostreeve.api.errors import AwsError, ServiceErrors
from hostreeve.api.service_models import service

ROWS = [{"name": f"n{i:02d}", "size": i} for i in range(7)]


def listed(request, **how):
    page = paging.read(request, **how)
    rows = [row for row in ROWS if row["name"] > page.after][: page.limit + 1]
    return [row["name"] for row in rows[: page.limit]], page.token(rows, lambda row: row["name"])


def test_following_the_tokens_shows_every_row_once():
    seen, token = listed({"MaxResults": 3})
    while token:
        names, token = listed({"MaxResults": 3, "NextToken": token})
        seen += names
    assert seen == [row["name"] for row in ROWS]


def test_a_page_that_ends_with_the_last_row_has_no_token():
    assert listed({"MaxResults": 7}) == ([row["name"] for row in ROWS], None)


@pytest.mark.parametrize(
    ("request_", "how", "limit"),
    [
        ({}, {}, 50),
        ({}, {"default": 10}, 10),
        ({"MaxResults": 5}, {"default": 10}, 5),
        ({"MaxResults": 5000}, {"maximum": 20}, 20),
        ({"MaxResults": 0}, {"default": 10}, 10),
        ({"MaxItems": 4}, {"limit_member": "MaxItems"}, 4),
    ],
)
def test_the_limit_is_the_callers_within_the_maximum(request_, how, limit):
    assert paging.read(request_, **how).limit == limit


@pytest.mark.parametrize(
    "token", ["x", "é", "A" * 5000, base64.urlsafe_b64encode(b'123456["a"]').decode(), "===="]
)
def test_a_token_of_somebody_elses_making_is_refused(token):
    errors = ServiceErrors(service("ssm"))
    with pytest.raises(AwsError) as raised:
        paging.read({"NextToken": token}, error=errors.InvalidNextToken)
    assert raised.value.code == "InvalidNextToken"
    with pytest.raises(AwsError) as raised:
        paging.read({"NextToken": token})
    assert raised.value.code == "ValidationException"


def test_a_key_of_several_columns_comes_back_with_its_types():
    page = paging.read({"MaxResults": 1})
    assert page.parts(int, str) == (0, "")
    token = page.token(ROWS, lambda row: (row["size"] + 7, row["name"]))
    assert paging.read({"NextToken": token}).parts(int, str) == (7, "n00")


def test_a_token_of_another_list_is_refused_when_its_columns_differ():
    token = paging.read({"MaxResults": 1}).token(ROWS, lambda row: row["name"])
    with pytest.raises(AwsError):
        paging.read({"NextToken": token}).parts(int, str)
