"""Uploads in parts, through a real client and its transfer manager, on both engines."""

import base64
import hashlib
import io
import zlib

import pytest
from boto3.s3.transfer import TransferConfig

from hostreeve.gateway.signature_checksums import checksum
from hostreeve.platform.objects.model.checksums import of_parts
from tests.objects.conftest import files_of, let_pass, refused

MB = 1024 * 1024
FIRST, LAST = b"a" * (5 * MB), b"the end"


@pytest.fixture
def at(bucket):
    return {"Bucket": bucket, "Key": "in parts"}


def started(s3, at, **request):
    return {**at, "UploadId": s3.create_multipart_upload(**at, **request)["UploadId"]}


def listed(*etags):
    return {"Parts": [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]}


def test_parts_in_any_order_become_one_object(house, s3, at):
    upload = started(s3, at, ContentType="text/plain", Metadata={"a": "b"})
    second = s3.upload_part(**upload, PartNumber=2, Body=LAST)["ETag"]
    s3.upload_part(**upload, PartNumber=1, Body=b"replaced")
    first = s3.upload_part(**upload, PartNumber=1, Body=FIRST)["ETag"]
    s3.upload_part(**upload, PartNumber=9, Body=b"never listed")
    assert refused(s3.get_object, **at) == ("NoSuchKey", 404)
    done = s3.complete_multipart_upload(**upload, MultipartUpload=listed(first, second))
    digests = hashlib.md5(FIRST).digest() + hashlib.md5(LAST).digest()
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    let_pass(house, 2 * 3600)
    got = s3.get_object(**at)
    assert got["Body"].read() == FIRST + LAST
    assert (got["ContentType"], got["Metadata"], got["ETag"]) == ("text/plain", {"a": "b"}, done["ETag"])


def test_ranges_and_part_numbers_reach_across_parts(s3, at):
    upload = started(s3, at)
    etags = [
        s3.upload_part(**upload, PartNumber=n, Body=body)["ETag"] for n, body in enumerate((FIRST, LAST), 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload=listed(*etags))
    assert s3.get_object(**at, Range=f"bytes={5 * MB - 2}-{5 * MB + 2}")["Body"].read() == b"aathe"
    second = s3.get_object(**at, PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (LAST, 2)
    assert second["ContentRange"] == f"bytes {5 * MB}-{5 * MB + 6}/{5 * MB + 7}"
    assert refused(s3.get_object, **at, PartNumber=3) == ("InvalidPartNumber", 416)


def test_a_completion_that_lost_its_answer_can_be_repeated(s3, at):
    upload = started(s3, at)
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    once, twice = (s3.complete_multipart_upload(**upload, MultipartUpload=listed(etag)) for _ in range(2))
    assert once["ETag"] == twice["ETag"]
    s3.put_object(**at, Body=b"newer")
    assert refused(s3.complete_multipart_upload, **upload, MultipartUpload=listed(etag)) == (
        "NoSuchUpload",
        404,
    )


def test_a_completion_must_list_what_arrived(s3, at):
    upload = started(s3, at)
    small = s3.upload_part(**upload, PartNumber=1, Body=b"small")["ETag"]
    last = s3.upload_part(**upload, PartNumber=2, Body=b"last")["ETag"]

    def completed(parts, **more):
        return refused(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts}, **more)

    one, two = {"PartNumber": 1, "ETag": small}, {"PartNumber": 2, "ETag": last}
    assert completed([one, two]) == ("EntityTooSmall", 400)
    assert completed([two, one]) == ("InvalidPartOrder", 400)
    assert completed([one, one]) == ("InvalidPartOrder", 400)
    assert completed([{"PartNumber": 3, "ETag": small}]) == ("InvalidPart", 400)
    assert completed([{"PartNumber": 1, "ETag": last}]) == ("InvalidPart", 400)
    assert completed([]) == ("MalformedXML", 400)
    assert completed([two], MpuObjectSize=7) == ("InvalidRequest", 400)
    assert completed([two], IfMatch='"x"') == ("NoSuchKey", 404)
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [two]})
    assert s3.get_object(**at)["Body"].read() == b"last"


def test_a_part_number_has_bounds_and_an_upload_must_exist(s3, at):
    upload = started(s3, at)
    for number in (0, 10_001):
        assert refused(s3.upload_part, **upload, PartNumber=number, Body=b"x") == ("InvalidArgument", 400)
    wrong = {**at, "UploadId": "0" * 48}
    for call, more in (
        (s3.upload_part, {"PartNumber": 1, "Body": b"x"}),
        (s3.complete_multipart_upload, {"MultipartUpload": listed('"x"')}),
        (s3.abort_multipart_upload, {}),
        (s3.list_parts, {}),
    ):
        assert refused(call, **wrong, **more) == ("NoSuchUpload", 404)


def test_parts_can_be_copied_out_of_other_objects(house, s3, bucket, at):
    source = started(s3, {"Bucket": bucket, "Key": "source"})
    etags = [s3.upload_part(**source, PartNumber=n, Body=b)["ETag"] for n, b in ((1, FIRST), (2, LAST))]
    s3.complete_multipart_upload(**source, MultipartUpload=listed(*etags))
    upload = started(s3, at)

    def copied(number, asked=None):
        asked = {"CopySourceRange": asked} if asked else {}
        return s3.upload_part_copy(**upload, PartNumber=number, CopySource=f"{bucket}/source", **asked)

    etags = [copied(1)["CopyPartResult"]["ETag"]]
    etags.append(copied(2, f"bytes={5 * MB - 3}-{5 * MB + 2}")["CopyPartResult"]["ETag"])
    s3.complete_multipart_upload(**upload, MultipartUpload=listed(*etags))
    s3.delete_object(Bucket=bucket, Key="source")
    let_pass(house, 2 * 3600)
    assert s3.get_object(**at)["Body"].read() == FIRST + LAST + b"aaathe"
    second = s3.get_object(**at, PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (b"aaathe", 2)


def test_what_cannot_be_copied_into_a_part_is_refused(s3, bucket, at):
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    upload = started(s3, at)
    here = {**upload, "PartNumber": 1, "CopySource": f"{bucket}/source"}
    for asked in ("bytes=0-", "bytes=-3", "bytes=3-1", "0-1"):
        assert refused(s3.upload_part_copy, **here, CopySourceRange=asked) == ("InvalidArgument", 400)
    assert refused(s3.upload_part_copy, **here, CopySourceRange="bytes=5-10") == ("InvalidRange", 416)
    assert refused(s3.upload_part_copy, **here, CopySourceIfMatch='"x"') == ("PreconditionFailed", 412)
    assert refused(s3.upload_part_copy, **{**here, "CopySource": f"{bucket}/none"}) == ("NoSuchKey", 404)


def test_an_aborted_upload_leaves_nothing(house, s3, at):
    before = files_of(house)
    upload = started(s3, at)
    s3.upload_part(**upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(**upload)
    assert refused(s3.list_parts, **upload) == ("NoSuchUpload", 404)
    let_pass(house, 2 * 3600)
    assert files_of(house) <= before


def test_parts_and_uploads_are_listed_in_pages(s3, bucket, at):
    upload = started(s3, at)
    for number in range(1, 6):
        s3.upload_part(**upload, PartNumber=number, Body=b"x" * number)
    pages = list(s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 2}))
    assert [[part["Size"] for part in page["Parts"]] for page in pages] == [[1, 2], [3, 4], [5]]
    for key in ("a/1", "a/2", "b é", "b é"):
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    for size in (1, 2, 1000):
        pages = s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": size}
        )
        keys = [each["Key"] for page in pages for each in page["Uploads"]]
        assert keys == ["a/1", "a/2", "b é", "b é", "in parts"]
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [each["Prefix"] for each in rolled["CommonPrefixes"]] == ["a/"]
    assert len(rolled["Uploads"]) == 3
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_the_checksum_of_a_whole_is_computed_from_its_parts(algorithm):
    bodies = [b"first" * 1001, b"", b"x", bytes(range(256)) * 33]
    header = f"x-amz-checksum-{algorithm.lower()}"
    parts = [(checksum(header, body), len(body)) for body in bodies]
    assert of_parts(algorithm, "FULL_OBJECT", parts) == checksum(header, b"".join(bodies))


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_composite_checksum_is_that_of_the_parts_checksums(s3, at, algorithm):
    header, name = f"x-amz-checksum-{algorithm.lower()}", f"Checksum{algorithm}"
    upload = started(s3, at, ChecksumAlgorithm=algorithm)
    parts = []
    for number, body in enumerate((FIRST, LAST), 1):
        stated = checksum(header, body)
        part = s3.upload_part(**upload, PartNumber=number, Body=body, **{name: stated})
        parts.append({"PartNumber": number, "ETag": part["ETag"], name: stated})
    wrong = [*parts[:1], {**parts[1], name: parts[0][name]}]
    assert refused(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": wrong}) == (
        "InvalidPart",
        400,
    )
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    joined = b"".join(base64.b64decode(part[name]) for part in parts)
    assert done[name] == f"{checksum(header, joined)}-2"
    assert done["ChecksumType"] == "COMPOSITE"


def test_a_checksum_of_the_whole_is_verified_at_the_end(s3, at):
    upload = started(s3, at, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    etags = [
        s3.upload_part(**upload, PartNumber=n, Body=body, ChecksumAlgorithm="CRC32")["ETag"]
        for n, body in enumerate((FIRST, LAST), 1)
    ]
    whole = base64.b64encode(zlib.crc32(FIRST + LAST).to_bytes(4, "big")).decode()
    parts = listed(*etags)
    assert refused(
        s3.complete_multipart_upload, **upload, MultipartUpload=parts, ChecksumCRC32="AAAAAA=="
    ) == ("BadDigest", 400)
    done = s3.complete_multipart_upload(**upload, MultipartUpload=parts, ChecksumCRC32=whole)
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (whole, "FULL_OBJECT")


def test_checksums_that_do_not_go_together_are_refused(s3, at):
    bad = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}
    assert refused(s3.create_multipart_upload, **at, **bad) == ("InvalidRequest", 400)
    assert refused(s3.create_multipart_upload, **at, ChecksumAlgorithm="XXHASH64") == ("NotImplemented", 501)
    upload = started(s3, at, ChecksumAlgorithm="SHA256")
    assert refused(s3.upload_part, **upload, PartNumber=1, Body=b"x") == ("InvalidRequest", 400)


def test_the_transfer_manager_moves_a_large_file_both_ways(s3, at):
    body = bytes(range(256)) * (80 * 1024)
    config = TransferConfig(multipart_threshold=6 * MB, multipart_chunksize=6 * MB, use_threads=False)
    s3.upload_fileobj(io.BytesIO(body), at["Bucket"], at["Key"], Config=config)
    assert s3.head_object(**at)["ETag"].endswith('-4"')
    back = io.BytesIO()
    s3.download_fileobj(at["Bucket"], at["Key"], back, Config=config)
    assert back.getvalue() == body
