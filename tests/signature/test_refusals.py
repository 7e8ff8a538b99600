"""Every way in which a signature can be wrong, and the code that each protocol family has for it."""

import pytest

from hostreeve.api.errors import AwsError, common
from hostreeve.contract import sigv4
from hostreeve.gateway import signature
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.signature_refusals import EXPIRED_TOKEN, UNKNOWN_KEY, refusal
from tests.signature.make import HOST, NOW_MS, SECRET, by_us, refused, replaced, verify

DATE = "20270115T080000Z"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)
CREDENTIAL = "AKIDEXAMPLE/20270115/us-east-1/ssm/aws4_request"
MISSING_CODES = [
    ("json", "MissingAuthenticationTokenException", 400),
    ("rest-json", "MissingAuthenticationTokenException", 403),
    ("smithy-rpc-v2-cbor", "MissingAuthenticationTokenException", 400),
    ("query", "MissingAuthenticationToken", 403),
    ("ec2", "MissingAuthenticationToken", 403),
    ("s3", "AccessDenied", 403),
]
MISMATCH_CODES = [
    ("json", "ssm", "InvalidSignatureException", 400),
    ("rest-json", "lambda", "InvalidSignatureException", 403),
    ("query", "sts", "SignatureDoesNotMatch", 403),
    ("ec2", "ec2", "AuthFailure", 401),
    ("s3", "s3", "SignatureDoesNotMatch", 403),
]
SKEW_CODES = [
    ("json", "ssm", "InvalidSignatureException", 400),
    ("query", "iam", "SignatureDoesNotMatch", 403),
    ("ec2", "ec2", "RequestExpired", 400),
    ("s3", "s3", "RequestTimeTooSkewed", 403),
]


def header(value: str, **more: str) -> HttpRequest:
    headers = {"host": HOST, "x-amz-date": DATE, "authorization": value, **more}
    return HttpRequest("POST", "/", "", [(name, value) for name, value in headers.items() if value], b"{}")


@pytest.mark.parametrize(("family", "code", "status"), MISSING_CODES)
def test_a_request_without_a_signature_is_told_so(family, code, status):
    for http in (header(""), header("Bearer abc"), header("AWS AKID:signature"), header("AWS4")):
        with pytest.raises(AwsError) as caught:
            signature.read(http, family)
        assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize(("family", "service", "code", "status"), MISMATCH_CODES)
def test_a_wrong_secret_is_refused_in_the_words_of_the_family(family, service, code, status):
    http = by_us(service)
    claim = signature.read(http, family)
    with pytest.raises(AwsError) as caught:
        signature.verify(claim, http, SECRET + "x", NOW_MS, service=service)
    assert (caught.value.code, caught.value.status) == (code, status)
    signature.verify(claim, http, SECRET, NOW_MS, service=service)


@pytest.mark.parametrize(("family", "service", "code", "status"), SKEW_CODES)
def test_a_clock_may_be_wrong_by_fifteen_minutes_and_no_more(family, service, code, status):
    http = by_us(service)
    for skew_s in (-900, 900):
        verify(http, family, service, NOW_MS + skew_s * 1000)
    for skew_s in (-901, 901):
        error = refused(http, family, service, NOW_MS + skew_s * 1000)
        assert (error.code, error.status) == (code, status)


def test_an_old_or_future_signature_names_both_times():
    http = by_us()
    assert refused(http, now_ms=NOW_MS + 901_000).message == (
        "Signature expired: 20270115T080000Z is now earlier than 20270115T080001Z "
        "(20270115T081501Z - 15 min.)"
    )
    assert refused(http, now_ms=NOW_MS - 901_000).message == (
        "Signature not yet current: 20270115T080000Z is still later than 20270115T075959Z "
        "(20270115T074459Z + 15 min.)"
    )


INCOMPLETE = {
    "AWS4-HMAC-SHA256": "requires 'Credential' parameter. Authorization header requires 'Signature' "
    "parameter. Authorization header requires 'SignedHeaders' parameter.",
    "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host": "requires 'Signature' parameter.",
    "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, Signature=f": "requires 'SignedHeaders' parameter.",
    "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=f": "requires 'Credential' parameter.",
    "AWS4-HMAC-SHA256 Credential, SignedHeaders=host, Signature=f": "'Credential' not a valid key=value pair",
    "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=f": "must have exactly 5",
    "AWS4-HMAC-SHA256 Credential=a//c/d/e, SignedHeaders=host, Signature=f": "must have exactly 5",
    f"AWS4-ECDSA-P256-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature=f": "Unsupported AWS",
}


@pytest.mark.parametrize("value", INCOMPLETE)
@pytest.mark.parametrize(
    ("family", "code"), [("json", "IncompleteSignatureException"), ("query", "IncompleteSignature")]
)
def test_an_unreadable_authorization_header_is_told_what_it_lacks(value, family, code):
    with pytest.raises(AwsError) as caught:
        signature.read(header(value), family)
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert INCOMPLETE[value] in caught.value.message


def test_s3_has_its_own_words_for_unreadable_headers():
    for value, code in (
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=f",
            "AuthorizationHeaderMalformed",
        ),
        (
            f"AWS4-ECDSA-P256-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature=f",
            "InvalidRequest",
        ),
    ):
        with pytest.raises(AwsError) as caught:
            signature.read(header(value), "s3")
        assert (caught.value.code, caught.value.status) == (code, 400)


@pytest.mark.parametrize(
    "date", ["", "2027", "20271315T080000Z", "20270115T080000", "x" * 9000, "20270115T080000Z, x"]
)
def test_a_date_that_is_none_is_refused(date):
    value = f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature=f"
    http = replaced(header(value), "x-amz-date", date or None)
    with pytest.raises(AwsError) as caught:
        signature.read(http, "json")
    assert caught.value.code == "IncompleteSignatureException"
    assert ("Date must be in ISO-8601" if date else "'X-Amz-Date' or a 'Date' header") in caught.value.message
    http.headers.append(("date", "some day"))
    with pytest.raises(AwsError):
        signature.read(http, "json")


SCOPES = {
    (
        "AKID/20270115/us-east-1/ssm/aws4_request",
        "kms",
    ): "Credential should be scoped to correct service: 'kms'. ",
    (
        "AKID/20270115/us-east-1/ssm/aws5_request",
        "ssm",
    ): "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. ",
    (
        "AKID/20270114/us-east-1/ssm/aws4_request",
        "ssm",
    ): "Date in Credential scope does not match YYYYMMDD from "
    "ISO-8601 version of date from HTTP: '20270114' != '20270115', from '20270115T080000Z'.",
}


@pytest.mark.parametrize(("credential", "service"), SCOPES)
def test_a_credential_for_something_else_is_told_what_for(credential, service):
    http = header(f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=f")
    error = refused(http, "json", service)
    assert (error.code, error.message) == ("InvalidSignatureException", SCOPES[credential, service])
    assert refused(http, "query", service).code == "SignatureDoesNotMatch"
    assert refused(http, "s3", service).code == "AuthorizationHeaderMalformed"


def test_a_signature_without_the_host_is_refused():
    http = header(f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=x-amz-date, Signature=f")
    error = refused(http)
    assert error.code == "InvalidSignatureException"
    assert error.message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."


def test_an_amz_header_added_after_signing_is_refused_unless_signers_add_it_late():
    http = by_us(headers={"X-Amz-Target": "AmazonSSM.GetParameter"})
    for name in ("x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent"):
        verify(HttpRequest("POST", "/", "", [*http.headers, (name, "whatever")], b"{}"))
    late = HttpRequest("POST", "/", "", [*http.headers, ("x-amz-extra", "1")], b"{}")
    assert refused(late).message == "'x-amz-extra' must be a 'SignedHeader' in the AWS Authorization."
    at_s3 = by_us("s3", method="PUT", target="/bucket/key")
    at_s3.headers.append(("x-amz-acl", "public-read"))
    assert refused(at_s3, "s3", "s3").code == "AccessDenied"


def test_a_signed_header_that_did_not_arrive_is_a_mismatch():
    http = by_us(headers={"X-Amz-Target": "AmazonSSM.GetParameter"})
    assert refused(replaced(http, "x-amz-target", None)).message == MISMATCH


@pytest.mark.parametrize("wrong", ["", "0" * 64, "ü", "0" * 63, "F" * 64, "=" * 9999])
def test_a_signature_of_any_shape_is_compared_and_refused(wrong):
    http = by_us()
    value = http.header("authorization") or ""
    forged = replaced(http, "authorization", value.partition("Signature=")[0] + "Signature=" + wrong)
    assert refused(forged).code in ("InvalidSignatureException", "IncompleteSignatureException")


def test_the_parameters_may_come_in_any_order():
    http = by_us()
    start, credential, names, signed = (http.header("authorization") or "").replace(",", "").split(" ")
    for order in ((signed, credential, names), (names, signed, credential), (credential, names, signed)):
        for comma in (",", ", ", " ,  "):
            verify(replaced(http, "authorization", f"{start} {comma.join(order)}"))


def test_two_claims_in_one_request_are_refused():
    http = by_us()
    http.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256"
    assert refused(http).code == "InvalidSignatureException"
    assert refused(http, "s3", "s3").code == "InvalidArgument"


def presigned(**changed: str) -> HttpRequest:
    parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": CREDENTIAL.replace("/ssm/", "/s3/"),
        "X-Amz-Date": DATE,
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0" * 64,
        **changed,
    }
    query = "&".join(f"{name}={value}" for name, value in parameters.items() if value)
    return HttpRequest("GET", "/bucket/key", query, [("host", HOST)], b"")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"X-Amz-Credential": ""}, "requires the X-Amz-Algorithm"),
        ({"X-Amz-Date": ""}, "requires the X-Amz-Algorithm"),
        ({"X-Amz-Expires": ""}, "X-Amz-Expires"),
        ({"X-Amz-Expires": "soon"}, "X-Amz-Expires should be a number"),
        ({"X-Amz-Expires": "-1"}, "X-Amz-Expires must be non-negative"),
        ({"X-Amz-Expires": "604801"}, "X-Amz-Expires must be less than a week"),
        ({"X-Amz-Expires": "9" * 5000}, "X-Amz-Expires should be a number"),
        ({"X-Amz-Credential": "a/b"}, "must have exactly 5"),
        ({"X-Amz-Date": "today"}, "ISO-8601"),
        ({"X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256"}, "Unsupported"),
        ({"X-Amz-Credential": CREDENTIAL}, "incorrect service"),
    ],
)
def test_a_presigned_request_of_s3_is_told_what_is_wrong_with_its_query(changed, said):
    error = refused(presigned(**changed), "s3", "s3")
    assert (error.code, error.status) == ("AuthorizationQueryParametersError", 400)
    assert said in error.message


def test_a_presigned_request_of_others_is_told_what_its_query_lacks():
    error = refused(presigned(**{"X-Amz-Date": "", "X-Amz-Signature": ""}), "query", "sts")
    assert error.code == "IncompleteSignature"
    assert error.message == (
        "AWS query-string parameters must include 'X-Amz-Signature'. "
        "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."
    )


def test_a_forged_presigned_request_is_a_mismatch():
    assert refused(presigned(), "s3", "s3").code == "SignatureDoesNotMatch"


def test_a_body_that_is_not_the_announced_one_is_refused():
    http = by_us("s3", method="PUT", target="/bucket/key", body=b"abc")
    http.body = b"abd"
    assert refused(http, "s3", "s3").code == "XAmzContentSHA256Mismatch"
    http = by_us(body=b"abc")
    http.body = b"abd"
    assert refused(http).message == MISMATCH


def test_s3_demands_the_payload_hash():
    http = by_us("s3", method="PUT", target="/bucket/key")
    assert refused(replaced(http, "x-amz-content-sha256", None), "s3", "s3").code == "InvalidRequest"
    assert refused(replaced(http, "x-amz-content-sha256", "abc"), "s3", "s3").code == "InvalidArgument"


def test_refusals_are_reworded_for_the_family():
    for raised in (common.InvalidClientTokenId("x"), common.UnrecognizedClientException("x")):
        said = [signature.in_words_of(family, raised).code for family in ("json", "query", "ec2", "s3")]
        assert said == [
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "AuthFailure",
            "InvalidAccessKeyId",
        ]
    expired = refusal(EXPIRED_TOKEN, "json")
    said = [signature.in_words_of(family, expired).code for family in ("json", "query", "ec2", "s3")]
    assert said == ["ExpiredTokenException", "ExpiredToken", "RequestExpired", "ExpiredToken"]
    other = common.ThrottlingException("slow down")
    assert signature.in_words_of("query", other) is other
    assert refusal(UNKNOWN_KEY, "json").message == "The security token included in the request is invalid."


def test_what_a_caller_may_repeat_is_remembered_and_the_rest_is_not():
    from hostreeve.gateway import signature_claims

    remembered = signature_claims._grant.cache_info().currsize
    names = ";".join(f"x-{index}" for index in range(1000))
    signature.read(
        header(f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders={names}, Signature=f"), "json"
    )
    assert signature_claims._grant.cache_info().currsize == remembered


def test_aws_s_published_example_has_its_published_signature():
    headers = [
        ("host", "examplebucket.s3.amazonaws.com"),
        ("range", "bytes=0-9"),
        ("x-amz-content-sha256", sigv4.EMPTY_SHA256),
        ("x-amz-date", "20130524T000000Z"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
    ]
    http = HttpRequest("GET", "/test.txt", "", headers, b"")
    claim = signature.read(http, "s3")
    now_ms = signature_seconds("20130524T000000Z") * 1000
    signature.verify(claim, http, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", now_ms, service="s3")


def signature_seconds(date: str) -> int:
    from hostreeve.gateway.signature_claims import seconds_of

    return seconds_of(date)
