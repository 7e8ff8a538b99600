"""Lists: the page against a naive one for any keys, and both versions of the operation through a client."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.platform.objects.model.listing import behind, listed
from tests.objects.conftest import refused


@dataclass(frozen=True)
class Row:
    key: str

    @property
    def position(self):
        return (self.key, "")


ALPHABET = "ab/\U0010ffff"
TEXTS = st.text(ALPHABET, max_size=6)


@given(
    keys=st.sets(TEXTS.filter(bool), max_size=30),
    prefix=st.text(ALPHABET, max_size=2),
    delimiter=st.sampled_from(["", "/", "a", "ab", "//"]),
    start=TEXTS,
    limit=st.integers(1, 7),
)
def test_pages_of_any_size_show_every_entry_once_and_in_order(keys, prefix, delimiter, start, limit):
    ordered = sorted(keys)

    def fetch(position, count):
        behind_it = [key for key in ordered if key.startswith(prefix) and key > position[0]]
        return [Row(key) for key in behind_it[:count]]

    position, shown = behind(start, prefix, delimiter), []
    while True:
        page = listed(fetch, prefix=prefix, delimiter=delimiter, start=position, limit=limit)
        assert len(page) <= limit
        shown += sorted([row.key for row in page.rows] + page.prefixes)
        if not page.more:
            break
        assert len(page) == limit
        position = behind(page.last[0], prefix, delimiter)
    assert shown == _naive(ordered, prefix, delimiter, start)


def _naive(ordered, prefix, delimiter, start):
    found = []
    for key in ordered:
        if not key.startswith(prefix) or key <= start:
            continue
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = key if cut < 0 else key[: cut + len(delimiter)]
        # A start that is itself a common prefix stands for all that is rolled up in it.
        if entry != start and entry not in found:
            found.append(entry)
    return found


def test_a_page_jumps_over_what_a_prefix_hides():
    rows = [Row(f"{folder}/{n:04}") for folder in range(5) for n in range(1000)]
    asked = []

    def fetch(position, count):
        asked.append(count)
        return [row for row in rows if row.position > position][:count]

    page = listed(fetch, prefix="", delimiter="/", start=("", ""), limit=1000)
    assert page.prefixes == [f"{folder}/" for folder in range(5)]
    assert sum(asked) < 200


@pytest.fixture
def filled(s3, bucket):
    keys = ["a", "b/1", "b/2", "b/c/3", "d", "é/x", "z z"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_every_page_size_shows_the_same(s3, filled, operation, size):
    pages = list(
        s3.get_paginator(operation).paginate(
            Bucket=filled, Delimiter="/", PaginationConfig={"PageSize": size}
        )
    )
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    prefixes = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
    assert (keys, prefixes) == (["a", "d", "z z"], ["b/", "é/"])
    assert all(len(page.get("Contents", [])) + len(page.get("CommonPrefixes", [])) <= size for page in pages)
    every = [
        each["Key"]
        for page in s3.get_paginator(operation).paginate(Bucket=filled, PaginationConfig={"PageSize": size})
        for each in page["Contents"]
    ]
    assert every == ["a", "b/1", "b/2", "b/c/3", "d", "z z", "é/x"]


def test_a_prefix_a_start_and_an_owner_can_be_asked_for(s3, filled):
    answer = s3.list_objects_v2(Bucket=filled, Prefix="b/", StartAfter="b/1", FetchOwner=True, Delimiter="/")
    assert [each["Key"] for each in answer["Contents"]] == ["b/2"]
    assert [each["Prefix"] for each in answer["CommonPrefixes"]] == ["b/c/"]
    assert (answer["KeyCount"], answer["StartAfter"], answer["Prefix"]) == (2, "b/1", "b/")
    assert len(answer["Contents"][0]["Owner"]["ID"]) == 64
    assert "Owner" not in s3.list_objects_v2(Bucket=filled)["Contents"][0]


def test_the_size_of_a_page_has_bounds(s3, filled):
    none = s3.list_objects_v2(Bucket=filled, MaxKeys=0)
    assert (none["KeyCount"], none["IsTruncated"]) == (0, False)
    assert s3.list_objects_v2(Bucket=filled, MaxKeys=5000)["MaxKeys"] == 1000
    assert refused(s3.list_objects_v2, Bucket=filled, MaxKeys=-1) == ("InvalidArgument", 400)


@pytest.mark.parametrize("token", ["no token", "a2E=x", "eA==", "éé", "cA"])
def test_a_token_that_is_not_ours_is_refused(s3, filled, token):
    assert refused(s3.list_objects_v2, Bucket=filled, ContinuationToken=token) == ("InvalidArgument", 400)
