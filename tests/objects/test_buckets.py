"""Buckets through a real client, on both engines."""

import pytest

from tests.objects.conftest import refused


def test_a_bucket_is_made_found_listed_and_deleted(house, s3):
    name = f"made-{house.world.hex(8)}"
    assert s3.create_bucket(Bucket=name)["Location"] == f"/{name}"
    head = s3.head_bucket(Bucket=name)
    assert head["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    assert name in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    s3.delete_bucket(Bucket=name)
    assert refused(s3.head_bucket, Bucket=name) == ("404", 404)
    assert refused(s3.delete_bucket, Bucket=name) == ("NoSuchBucket", 404)


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "Capital",
        "under_score",
        "-begins",
        "ends-",
        ".dot",
        "two..dots",
        "192.168.5.4",
        "xn--bucket",
        "bucket-s3alias",
        "metrics",
        "healthz",
    ],
)
def test_a_name_that_s3_would_not_take_is_refused(s3, name):
    assert refused(s3.create_bucket, Bucket=name) == ("InvalidBucketName", 400)


@pytest.mark.parametrize("name", ["metrics-of-2026", "healthz.example", "my.dotted.bucket", "a1b"])
def test_names_like_the_servers_own_pages_and_names_with_dots_work(house, s3, name):
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"v"


def test_a_bucket_lies_where_it_was_made_and_answers_everywhere(house, s3):
    name = f"placed-{house.world.hex(8)}"
    far = house.client("s3", region="eu-west-1", s3={"addressing_style": "path"})
    made = {"LocationConstraint": "eu-west-1"}
    far.create_bucket(Bucket=name, CreateBucketConfiguration=made)
    far.put_object(Bucket=name, Key="k", Body=b"v")
    for client in (s3, far):
        assert client.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
        assert client.head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"
        assert client.get_object(Bucket=name, Key="k")["Body"].read() == b"v"
    assert name in [each["Name"] for each in s3.list_buckets(BucketRegion="eu-west-1")["Buckets"]]
    assert name not in [each["Name"] for each in s3.list_buckets(BucketRegion="us-east-1")["Buckets"]]


def test_a_region_that_does_not_fit_the_endpoint_is_refused(house, s3):
    far = house.client("s3", region="eu-west-1", s3={"addressing_style": "path"})
    other = {"LocationConstraint": "ap-northeast-1"}
    wrong = ("IllegalLocationConstraintException", 400)
    assert refused(far.create_bucket, Bucket="placed-nowhere", CreateBucketConfiguration=other) == wrong
    assert refused(far.create_bucket, Bucket="placed-nowhere") == wrong
    first = {"LocationConstraint": "us-east-1"}
    assert refused(s3.create_bucket, Bucket="placed-nowhere", CreateBucketConfiguration=first) == (
        "InvalidLocationConstraint",
        400,
    )


def test_making_a_bucket_again_is_forgiven_in_the_first_region_only(house, s3, bucket):
    s3.create_bucket(Bucket=bucket)
    far = house.client("s3", region="eu-west-1", s3={"addressing_style": "path"})
    made = {"LocationConstraint": "eu-west-1"}
    assert refused(far.create_bucket, Bucket=bucket, CreateBucketConfiguration=made) == (
        "BucketAlreadyOwnedByYou",
        409,
    )


def test_a_bucket_with_objects_stays(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert refused(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)


def test_another_account_sees_nothing_of_a_bucket_but_that_its_name_is_taken(s3, stranger, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret")
    denied = ("AccessDenied", 403)
    assert refused(stranger.create_bucket, Bucket=bucket) == ("BucketAlreadyExists", 409)
    assert refused(stranger.head_bucket, Bucket=bucket) == ("403", 403)
    assert refused(stranger.get_bucket_location, Bucket=bucket) == denied
    assert refused(stranger.get_bucket_encryption, Bucket=bucket) == denied
    assert refused(stranger.list_objects_v2, Bucket=bucket) == denied
    assert refused(stranger.list_objects, Bucket=bucket) == denied
    assert refused(stranger.get_object, Bucket=bucket, Key="k") == denied
    assert refused(stranger.put_object, Bucket=bucket, Key="k", Body=b"x") == denied
    assert refused(stranger.delete_object, Bucket=bucket, Key="k") == denied
    assert refused(stranger.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": "k"}]}) == denied
    assert refused(stranger.create_multipart_upload, Bucket=bucket, Key="k") == denied
    assert refused(stranger.list_multipart_uploads, Bucket=bucket) == denied
    assert refused(stranger.delete_bucket, Bucket=bucket) == denied
    own = f"own-{bucket}"
    stranger.create_bucket(Bucket=own)
    assert refused(stranger.copy_object, Bucket=own, Key="k", CopySource=f"{bucket}/k") == denied
    assert [each["Name"] for each in stranger.list_buckets()["Buckets"]] == [own]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"secret"


def test_the_expected_owner_must_be_the_owner(s3, bucket):
    assert refused(s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="999999999999") == (
        "AccessDenied",
        403,
    )


def test_what_a_bucket_does_not_have_is_said_by_name(s3, bucket):
    assert refused(s3.get_bucket_encryption, Bucket=bucket) == (
        "ServerSideEncryptionConfigurationNotFoundError",
        404,
    )
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy="{}") == ("NotImplemented", 501)
    assert refused(s3.get_bucket_policy, Bucket=bucket) == ("NotImplemented", 501)
    assert refused(s3.create_bucket, Bucket="with-acl", ACL="public-read") == (
        "AccessControlListNotSupported",
        400,
    )
    assert refused(s3.create_bucket, Bucket="locked", ObjectLockEnabledForBucket=True) == (
        "NotImplemented",
        501,
    )
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


def test_buckets_come_in_pages(house, s3):
    prefix = f"paged-{house.world.hex(6)}-"
    names = [f"{prefix}{n}" for n in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = s3.get_paginator("list_buckets").paginate(Prefix=prefix, PaginationConfig={"PageSize": 2})
    assert [[each["Name"] for each in page["Buckets"]] for page in pages] == [
        names[:2],
        names[2:4],
        names[4:],
    ]
    assert refused(s3.list_buckets, ContinuationToken="no token") == ("InvalidArgument", 400)
