"""Objects through a real client, on both engines."""

import base64
import hashlib
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from hostreeve.gateway.http import HttpRequest
from tests.objects.conftest import let_pass, refused


def test_what_was_put_is_got_with_all_that_was_said_of_it(s3, bucket):
    said = {
        "ContentType": "text/plain; charset=utf-8",
        "CacheControl": "no-store",
        "ContentDisposition": "attachment; filename=a",
        "ContentLanguage": "en",
        "ContentEncoding": "identity",
        "Metadata": {"colour": "blue", "empty": ""},
    }
    body = b"hello\r\n\x00\xff" * 1000
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    assert s3.put_object(Bucket=bucket, Key="k", Body=body, **said)["ETag"] == etag
    for answer in (s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k")):
        assert {name: answer[name] for name in said} == said
        assert (answer["ETag"], answer["ContentLength"], answer["AcceptRanges"]) == (etag, len(body), "bytes")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_an_empty_object_is_an_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="empty")
    got = s3.get_object(Bucket=bucket, Key="empty")
    assert (got["Body"].read(), got["ContentLength"], got["ContentType"]) == (b"", 0, "binary/octet-stream")
    assert got["ETag"] == '"d41d8cd98f00b204e9800998ecf8427e"'
    assert refused(s3.get_object, Bucket=bucket, Key="empty", Range="bytes=0-") == ("InvalidRange", 416)


KEYS = ["a b", "ä/ö", "日本/🗝", "a//b", "/leading", "trailing/", "q?x=1&y", "per%2Fcent", "p+l*u(s)'~", "."]


@pytest.mark.parametrize("key", KEYS)
def test_any_text_may_be_a_key(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.copy_object(Bucket=bucket, Key=f"copy of {key}", CopySource={"Bucket": bucket, "Key": key})
    s3.delete_object(Bucket=bucket, Key=key)
    assert refused(s3.get_object, Bucket=bucket, Key=key) == ("NoSuchKey", 404)


def test_a_key_may_have_1024_bytes_and_no_more(s3, bucket):
    s3.put_object(Bucket=bucket, Key="é" * 512, Body=b"x")
    assert s3.list_objects_v2(Bucket=bucket, Prefix="é" * 512)["KeyCount"] == 1
    assert refused(s3.put_object, Bucket=bucket, Key="é" * 512 + "x", Body=b"x") == ("KeyTooLongError", 400)
    assert refused(s3.get_object, Bucket=bucket, Key="x" * 2000) == ("NoSuchKey", 404)


RANGES = [
    ("bytes=0-0", b"0", "bytes 0-0/10"),
    ("bytes=2-5", b"2345", "bytes 2-5/10"),
    ("bytes=7-", b"789", "bytes 7-9/10"),
    ("bytes=-4", b"6789", "bytes 6-9/10"),
    ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ("bytes=5-99999999999999999", b"56789", "bytes 5-9/10"),
    ("bytes=5-2", b"0123456789", None),
    ("bytes=0-1,3-4", b"0123456789", None),
    ("lines=1-2", b"0123456789", None),
    ("bytes=-", b"0123456789", None),
]


@pytest.mark.parametrize(("asked", "body", "said"), RANGES)
def test_a_range_is_answered_and_nonsense_ignored(s3, bucket, asked, body, said):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=asked)
    assert (got["Body"].read(), got.get("ContentRange")) == (body, said)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == (206 if said else 200)
    assert s3.head_object(Bucket=bucket, Key="k", Range=asked)["ContentLength"] == len(body)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-11", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(s3, bucket, asked):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    assert refused(s3.get_object, Bucket=bucket, Key="k", Range=asked) == ("InvalidRange", 416)


def test_conditions_are_heeded_as_http_orders_them(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    moment = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    earlier, later = moment - timedelta(hours=1), moment + timedelta(hours=1)
    at = {"Bucket": bucket, "Key": "k"}
    for allowed in (
        {"IfMatch": etag},
        {"IfMatch": "*"},
        {"IfNoneMatch": '"other"'},
        {"IfModifiedSince": earlier},
        {"IfUnmodifiedSince": moment},
        {"IfMatch": etag, "IfUnmodifiedSince": earlier},
        {"IfNoneMatch": '"other"', "IfModifiedSince": later},
    ):
        assert s3.get_object(**at, **allowed)["Body"].read() == b"x"
    for failed in ({"IfMatch": '"other"'}, {"IfUnmodifiedSince": earlier}):
        assert refused(s3.get_object, **at, **failed) == ("PreconditionFailed", 412)
    for unchanged in (
        {"IfNoneMatch": etag},
        {"IfNoneMatch": f'"a", W/{etag}'},
        {"IfModifiedSince": moment},
        {"IfNoneMatch": etag, "IfModifiedSince": earlier},
    ):
        assert refused(s3.get_object, **at, **unchanged) == ("304", 304)


def test_a_writer_can_insist_on_what_is_there(s3, bucket):
    at = {"Bucket": bucket, "Key": "k"}
    assert refused(s3.put_object, **at, Body=b"0", IfMatch='"x"') == ("NoSuchKey", 404)
    etag = s3.put_object(**at, Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(s3.put_object, **at, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refused(s3.put_object, **at, Body=b"2", IfMatch='"x"') == ("PreconditionFailed", 412)
    s3.put_object(**at, Body=b"3", IfMatch=etag)
    assert s3.get_object(**at)["Body"].read() == b"3"
    assert refused(s3.delete_object, **at, IfMatch=etag) == ("PreconditionFailed", 412)


def test_a_body_that_is_not_what_was_said_is_refused(s3, bucket):
    at = {"Bucket": bucket, "Key": "k", "Body": b"hello"}
    good = base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    bad = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    s3.put_object(**at, ContentMD5=good)
    assert refused(s3.put_object, **at, ContentMD5=bad) == ("BadDigest", 400)
    assert refused(s3.put_object, **at, ContentMD5="nonsense") == ("InvalidDigest", 400)
    assert refused(s3.put_object, **at, ChecksumCRC32="AAAAAA==") == ("BadDigest", 400)
    assert refused(s3.put_object, **at, ChecksumSHA256="AAAA") == ("InvalidRequest", 400)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_every_checksum_is_verified_kept_and_told(s3, bucket, algorithm):
    from hostreeve.gateway.signature_checksums import checksum

    stated = checksum(f"x-amz-checksum-{algorithm.lower()}", b"hello")
    name = f"Checksum{algorithm}"
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"hello", **{name: stated})[name] == stated
    told = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (told[name], told["ChecksumType"]) == (stated, "FULL_OBJECT")
    assert name not in s3.head_object(Bucket=bucket, Key="k")
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ChecksumAlgorithm"] == [algorithm]


def test_what_is_not_supported_is_refused_and_not_ignored(s3, bucket):
    at = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    assert refused(s3.put_object, **at, ACL="public-read") == ("AccessControlListNotSupported", 400)
    assert refused(s3.put_object, **at, GrantRead="id=x") == ("AccessControlListNotSupported", 400)
    assert refused(s3.put_object, **at, ServerSideEncryption="AES256") == ("NotImplemented", 501)
    assert refused(s3.put_object, **at, StorageClass="GLACIER") == ("InvalidStorageClass", 400)
    assert refused(s3.put_object, **at, Tagging="a=b") == ("NotImplemented", 501)
    assert refused(s3.put_object, **at, Metadata={"x": "y" * 2048}) == ("MetadataTooLarge", 400)
    assert refused(s3.get_object, Bucket=bucket, Key="k", VersionId="7") == ("NoSuchVersion", 404)
    for acl in ("private", "bucket-owner-full-control"):
        s3.put_object(**at, ACL=acl)


def test_a_reader_can_ask_for_other_headers(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    got = s3.get_object(
        Bucket=bucket, Key="k", ResponseContentType="text/html", ResponseContentDisposition="inline"
    )
    assert (got["ContentType"], got["ContentDisposition"]) == ("text/html", "inline")


def test_a_copy_outlives_its_source(house, s3, bucket):
    s3.put_object(Bucket=bucket, Key="from", Body=b"bytes", ContentType="text/plain", Metadata={"a": "b"})
    copied = s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from")["CopyObjectResult"]
    assert copied["ETag"] == s3.head_object(Bucket=bucket, Key="from")["ETag"]
    s3.delete_object(Bucket=bucket, Key="from")
    let_pass(house, 2 * 3600)
    got = s3.get_object(Bucket=bucket, Key="to")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"bytes", "text/plain", {"a": "b"})


def test_a_copy_onto_itself_must_change_something(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"bytes", Metadata={"a": "b"})
    here = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
    assert refused(s3.copy_object, **here) == ("InvalidRequest", 400)
    s3.copy_object(**here, MetadataDirective="REPLACE", Metadata={"c": "d"})
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["Metadata"]) == (b"bytes", {"c": "d"})


def test_a_copy_heeds_conditions_and_missing_sources(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    to = {"Bucket": bucket, "Key": "to"}
    source = f"{bucket}/k"
    assert refused(s3.copy_object, **to, CopySource=f"{bucket}/none") == ("NoSuchKey", 404)
    assert refused(s3.copy_object, **to, CopySource="no-such-bucket-1/k") == ("NoSuchBucket", 404)
    assert refused(s3.copy_object, **to, CopySource="nothing") == ("InvalidArgument", 400)
    assert refused(s3.copy_object, **to, CopySource=source, CopySourceIfMatch='"x"') == (
        "PreconditionFailed",
        412,
    )
    assert refused(s3.copy_object, **to, CopySource=source, CopySourceIfNoneMatch="*") == (
        "PreconditionFailed",
        412,
    )
    s3.copy_object(**to, CopySource=source)
    assert s3.get_object(**to)["Body"].read() == b""


def test_deleting_is_forgiving_and_counts_each_key_by_itself(s3, bucket):
    assert s3.delete_object(Bucket=bucket, Key="never")["ResponseMetadata"]["HTTPStatusCode"] == 204
    for key in "abc":
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    wanted = [{"Key": "a"}, {"Key": "never"}, {"Key": "b", "ETag": '"other"'}, {"Key": "c", "VersionId": "7"}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert [each["Key"] for each in answer["Deleted"]] == ["a", "never"]
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [
        ("b", "PreconditionFailed"),
        ("c", "NoSuchVersion"),
    ]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c"]


def test_a_presigned_address_works_for_who_has_no_key(house, presigned, bucket):
    at = {"Bucket": bucket, "Key": "by hand"}
    put, get = presigned("put_object", **at), presigned("get_object", **at)
    assert _plain(house, "PUT", put, b"by hand").status == 200
    got = _plain(house, "GET", get)
    assert (got.status, b"".join(c for part in got.files for c in part.chunks(100))) == (200, b"by hand")
    assert _plain(house, "GET", get.replace("by%20hand", "other")).status == 403
    house.world.advance(120)
    assert _plain(house, "GET", get).status == 403
    house.world.advance(-120)


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_an_address_presigned_by_version_2_works_too(house, bucket, style):
    """`aws s3 presign` makes these in the Regions that S3 began with."""
    client = house.client("s3", signature_version="s3", s3={"addressing_style": style})
    client.meta.events.register("before-sign.s3", _at_a_name)
    at = {"Bucket": bucket, "Key": "by hand/é &+"}
    put = client.generate_presigned_url("put_object", Params={**at, "ContentType": "text/x"}, ExpiresIn=60)
    shown = {**at, "ResponseContentType": "text/html; charset=utf-8"}
    get = client.generate_presigned_url("get_object", Params=shown, ExpiresIn=60)
    assert "AWSAccessKeyId=" in put
    assert _plain(house, "PUT", put, b"by hand").status == 200
    got = _plain(house, "GET", get)
    assert (got.status, b"".join(c for part in got.files for c in part.chunks(100))) == (200, b"by hand")
    assert ("content-type", "text/html; charset=utf-8") in got.headers
    for wrong in (
        get.replace("by%20hand", "other"),
        get.replace("html", "plain"),
        get.replace("Expires=1", "Expires=2"),
        get.replace("Signature=", "Signature=A"),
    ):
        assert _plain(house, "GET", wrong).status == 403
    assert _plain(house, "PUT", get, b"x").status == 403
    assert _plain(house, "GET", get.replace("Expires=", "Was=")).status == 403
    house.world.advance(120)
    assert b"Request has expired" in _plain(house, "GET", get).body
    house.world.advance(-120)


def _at_a_name(request, **_):
    """Virtual-host style needs a name; the house has only an address."""
    request.url = request.url.replace("127.0.0.1:8443", "s3.hostreeve.test")


def _plain(house, method, url, body=b""):
    parts = urlsplit(url)
    return house.request(HttpRequest(method, parts.path, parts.query, [("host", parts.netloc)], body))
