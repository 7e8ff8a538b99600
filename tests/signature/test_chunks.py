"""S3's chunked bodies: AWS's published examples, botocore's, and everything that may go wrong inside."""

import io
from base64 import b64encode

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from hostreeve.api.errors import AwsError
from hostreeve.contract import sigv4
from hostreeve.gateway import signature
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.signature_checksums import checksum
from hostreeve.gateway.signature_chunks import (
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    Seal,
    open_body,
)
from tests.sampling import examples

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
DATE = "20130524T000000Z"
SCOPE = "20130524/us-east-1/s3/aws4_request"
NOW_MS = 1_369_353_600_000
KEY = sigv4.signing_key(SECRET, "20130524", "us-east-1", "s3")

# The signatures of the two examples in AWS's documentation: 65 KB of "a" in chunks of 64 KB.
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = [
    (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
]
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
TRAILER_CHUNKS = [
    (65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
    (1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
    (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
]
TRAILER_SIGNATURE = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


def written(chunks: list[tuple[int, str]], end: bytes = b"\r\n") -> bytes:
    body = b""
    for size, signed in chunks:
        body += b"%x;chunk-signature=%s\r\n" % (size, signed.encode())
        body += b"a" * size + b"\r\n" if size else end
    return body


def published(kind: str = SIGNED, body: bytes | None = None) -> HttpRequest:
    seed = SEED if kind == SIGNED else TRAILER_SEED
    headers = [
        ("host", "s3.amazonaws.com"),
        ("x-amz-date", DATE),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", kind),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("content-length", "66824"),
    ]
    names = (
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
    )
    names += "x-amz-storage-class"
    if kind == SIGNED_TRAILER:
        headers = [pair for pair in headers if pair[0] != "content-length"]
        headers.append(("x-amz-trailer", "x-amz-checksum-crc32c"))
        names = names.replace("content-length;", "", 1) + ";x-amz-trailer"
    headers.append(
        (
            "authorization",
            f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{SCOPE},SignedHeaders={names},Signature={seed}",
        )
    )
    return HttpRequest("PUT", "/examplebucket/chunkObject.txt", "", headers, body or written(CHUNKS))


def verified(http: HttpRequest) -> HttpRequest:
    claim = signature.read(http, "s3")
    signature.verify(claim, http, SECRET, NOW_MS, service="s3")
    return http


def test_aws_s_published_chunks_are_accepted_and_opened():
    http = verified(published())
    assert http.body == b"a" * 66560
    assert http.header("content-encoding") is None


def test_aws_s_published_trailer_is_accepted_and_joins_the_headers():
    end = (
        b"x-amz-checksum-crc32c:sOO8/Q==\n\r\nx-amz-trailer-signature:%s\r\n\r\n" % TRAILER_SIGNATURE.encode()
    )
    http = verified(published(SIGNED_TRAILER, written(TRAILER_CHUNKS, end)))
    assert http.body == b"a" * 66560
    assert http.header("x-amz-checksum-crc32c") == "sOO8/Q=="


def test_verifying_twice_opens_once():
    http = published()
    claim = signature.read(http, "s3")
    for _ in range(2):
        signature.verify(claim, http, SECRET, NOW_MS, service="s3")
    assert http.body == b"a" * 66560


@pytest.mark.parametrize(
    "forge",
    [
        lambda body: body.replace(b"ad80", b"ad81", 1),
        lambda body: body.replace(b"0055", b"0056", 1),
        lambda body: body.replace(b"b6c6", b"b6c7", 1),
        lambda body: body.replace(b"aaaa\r\n400;", b"aaab\r\n400;", 1),
        lambda body: body.replace(b";chunk-signature=" + CHUNKS[0][1].encode(), b"", 1),
    ],
)
def test_a_forged_chunk_is_a_mismatch(forge):
    body = forge(written(CHUNKS))
    assert body != written(CHUNKS)
    with pytest.raises(AwsError) as caught:
        verified(published(body=body))
    assert caught.value.code == "SignatureDoesNotMatch"


def test_chunks_may_not_be_dropped_repeated_or_exchanged():
    first, second, last = CHUNKS
    for chunks in ([second, first, last], [first, last], [first, first, second, last], [last]):
        with pytest.raises(AwsError) as caught:
            verified(published(body=written(chunks)))
        assert caught.value.code == "SignatureDoesNotMatch"


def test_a_forged_trailer_is_a_mismatch():
    for end in (
        b"x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n",
        b"x-amz-checksum-crc32c:sOO9/Q==\r\nx-amz-trailer-signature:%s\r\n\r\n" % TRAILER_SIGNATURE.encode(),
        b"x-amz-trailer-signature:%s\r\n\r\n" % TRAILER_SIGNATURE.encode(),
    ):
        with pytest.raises(AwsError) as caught:
            verified(published(SIGNED_TRAILER, written(TRAILER_CHUNKS, end)))
        assert caught.value.code == "SignatureDoesNotMatch"


def opened(sent: bytes, size: int, *trailers: str):
    headers = {"x-amz-decoded-content-length": str(size), "x-amz-trailer": ",".join(trailers)}
    return open_body(sent, headers, UNSIGNED_TRAILER, None)


@given(st.binary(max_size=200), st.integers(1, 64))
@settings(max_examples=examples(100), deadline=None)
def test_what_botocore_chunks_is_opened(body, chunk_size):
    name = "x-amz-checksum-crc32"
    wrapper = AwsChunkedWrapper(
        io.BytesIO(body), checksum_cls=Crc32Checksum, checksum_name=name, chunk_size=chunk_size
    )
    result = opened(wrapper.read(), len(body), name)
    assert result.body == body
    assert result.trailers == {name: checksum(name, body)}


@pytest.mark.parametrize("cut", range(1, 50, 3))
def test_a_body_cut_short_is_refused(cut):
    sent = b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n"
    assert opened(sent, 3, "x-amz-checksum-crc32").body == b"abc"
    if cut < len(sent) - 4:
        with pytest.raises(AwsError) as caught:
            opened(sent[:cut], 3, "x-amz-checksum-crc32")
        assert caught.value.code in ("IncompleteBody", "MalformedTrailerError", "BadDigest")


@given(st.binary(max_size=100))
@settings(max_examples=examples(200), deadline=None)
def test_garbage_is_refused_with_an_error_of_s3(sent):
    try:
        opened(sent, 3)
    except AwsError as error:
        assert error.status in (400, 411)
    else:
        assert sent.startswith(b"3\r\n")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"zz\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        (b"-3\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        (b"ffffffffffff\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        (b"3\r\nabcd\r\n0\r\n\r\n", "IncompleteBody"),
        (b"2\r\nab\r\n0\r\n\r\n", "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n", "MalformedTrailerError"),
        (b"3\r\nabc\r\n0\r\nnonsense\r\n\r\n", "MalformedTrailerError"),
        (b"3\r\nabc\r\n0\r\n" + b"x" * 9000, "IncompleteBody"),
    ],
)
def test_a_malformed_body_is_told_what_is_wrong(sent, code):
    with pytest.raises(AwsError) as caught:
        opened(sent, 3)
    assert caught.value.code == code


def test_a_missing_length_a_wrong_checksum_and_an_unknown_one_are_refused():
    sent = b"3\r\nabc\r\n0\r\n%s\r\n\r\n"
    with pytest.raises(AwsError) as caught:
        open_body(sent % b"", {}, UNSIGNED_TRAILER, None)
    assert caught.value.status == 411
    with pytest.raises(AwsError) as caught:
        opened(sent % b"x-amz-checksum-sha256:AAAA", 3, "x-amz-checksum-sha256")
    assert caught.value.code == "BadDigest"
    with pytest.raises(AwsError) as caught:
        opened(sent % b"x-amz-checksum-md5:AAAA", 3, "x-amz-checksum-md5")
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)
    with pytest.raises(AwsError):
        open_body(sent % b"", {"x-amz-decoded-content-length": "3"}, SIGNED, None)


def test_other_content_encodings_stay():
    sent = [("content-encoding", "aws-chunked, gzip"), ("a", "b")]
    result = opened(b"3\r\nabc\r\n0\r\n\r\n", 3)
    assert result.headers(sent) == [("content-encoding", "gzip"), ("a", "b")]
    assert result.headers([("content-encoding", "aws-chunked")]) == []


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("crc32", "cbf43926"),
        ("crc32c", "e3069283"),
        ("crc64nvme", "ae8b14860a799888"),
        ("sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ("sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
    ],
)
def test_every_checksum_has_its_check_value(name, digest):
    header = "x-amz-checksum-" + name
    assert checksum(header, b"123456789") == b64encode(bytes.fromhex(digest)).decode()
    assert checksum(header, b"") is not None
    assert checksum(header, b"a") != checksum(header, b"b")


def test_a_seal_shows_no_key():
    assert KEY.hex() not in repr(Seal(KEY, DATE, SCOPE, SEED)) and "key" not in repr(
        Seal(KEY, DATE, SCOPE, SEED)
    )
