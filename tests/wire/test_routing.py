"""Services are told apart as AWS's own clients send their requests to one address."""

import random

import boto3
import pytest
from botocore.config import Config
from botocore.session import Session

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import service
from hostreeve.gateway import protocols
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.routing import KNOWN, Router
from tests.wire.made import CannotMakeError, Maker, for_botocore
from tests.wire.test_oracle import STREAMS

ROUTER = Router()
OURS = {"ec2messages", "ssmmessages", "hostreeve"}
BOTO = boto3.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret", region_name="us-east-1")


class Wire:
    """A client's requests, as our server sees them."""

    def __init__(self, name, **config):
        config = {"retries": {"max_attempts": 0}, "inject_host_prefix": False, **config}
        self.client = BOTO.client(name, endpoint_url="https://localhost:8443", config=Config(**config))
        self.seen = []
        self.client.meta.events.register("before-send", self._send)

    def _send(self, request, **_):
        url = request.url.partition("://")[2]
        host, _, rest = url.partition("/")
        path, _, query = ("/" + rest).partition("?")
        headers = [(k.lower(), v.decode() if isinstance(v, bytes) else v) for k, v in request.headers.items()]
        body = request.body if isinstance(request.body, bytes) else (request.body or "")
        body = body if isinstance(body, bytes) else (body.encode() if isinstance(body, str) else body.read())
        self.seen.append(HttpRequest(request.method, path, query, [("host", host), *headers], body))
        raise SentError

    def sent(self, call, **arguments):
        with pytest.raises(SentError):
            getattr(self.client, call)(**arguments)
        return self.seen[-1]


class SentError(Exception):
    """The request is on its way: nobody waits for an answer."""


@pytest.mark.parametrize("name", [n for n in KNOWN if n not in OURS])
def test_a_real_clients_requests_find_their_operation(name):
    wire = Wire(name, signature_version="v4" if name != "s3" else "s3v4")
    model = service(name)
    chance = random.Random(name)
    names = {model_name: call for call, model_name in wire.client.meta.method_to_api_mapping.items()}
    tried = 0
    for operation in chance.sample(model.operation_names, min(12, len(model.operation_names))):
        if operation in STREAMS or operation not in names:
            continue
        shape = model.operation(operation).input
        try:
            request = (
                Maker(chance, full=False, answer=False, protocol="rest-xml").make(shape) if shape else {}
            )
        except CannotMakeError:
            continue
        if name == "s3":
            request = {k: v for k, v in request.items() if not k.endswith(("Algorithm", "Key", "KeyMD5"))}
            request |= {k: "my-bucket" for k in ("Bucket", "Key") if k in shape.required}
        http = wire.sent(names[operation], **(for_botocore(shape, request) if shape else {}))
        route = ROUTER.route(http)
        assert (route.service.name, route.operation.name) == (name, operation)
        protocols.read_request(route.operation, http, route.labels, route.protocol)
        tried += 1
    assert tried >= min(2, len(model.operation_names))


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_s3_names_its_bucket_in_the_path_or_in_the_host(style):
    wire = Wire("s3", s3={"addressing_style": style}, signature_version="s3v4")
    http = wire.sent("get_object", Bucket="my.bucket" if style == "path" else "my-bucket", Key="a b//c?d")
    if style == "virtual":
        http.headers[0] = ("host", "my-bucket.s3.us-east-1.amazonaws.com")
        http.path = http.path.removeprefix("/my-bucket")
    route = ROUTER.route(http)
    assert route.operation.name == "GetObject"
    assert route.labels == {"Bucket": "my.bucket" if style == "path" else "my-bucket", "Key": "a b//c?d"}


def test_presigned_requests_are_told_by_their_query_string():
    client = Session().create_client(
        "s3", "us-east-1", endpoint_url="https://localhost", aws_access_key_id="A", aws_secret_access_key="s",
        config=Config(signature_version="s3v4"),
    )  # fmt: skip
    url = client.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "key"})
    path, _, query = url.removeprefix("https://localhost").partition("?")
    route = ROUTER.route(HttpRequest("GET", path, query, [("host", "localhost")]))
    assert (route.service.name, route.operation.name) == ("s3", "GetObject")
    sts = BOTO.client("sts", endpoint_url="https://localhost")
    path, _, query = (
        sts.generate_presigned_url("get_caller_identity").removeprefix("https://localhost").partition("?")
    )
    route = ROUTER.route(HttpRequest("GET", path, query, [("host", "localhost")]))
    assert (route.service.name, route.operation.name) == ("sts", "GetCallerIdentity")


def test_a_signed_request_is_not_taken_for_another_service_of_the_same_path():
    path = "/configuration"
    assert routed("appconfig", "GET", path) == ("appconfigdata", "GetLatestConfiguration")
    assert routed("appconfig", "GET", "/applications") == ("appconfig", "ListApplications")
    assert routed("s3", "GET", path) == ("s3", "ListObjects")


def routed(signing_name, method, path):
    scope = f"Credential=AKID/20260101/us-east-1/{signing_name}/aws4_request"
    route = ROUTER.route(HttpRequest(method, path, "", [("authorization", scope)]))
    return route.service.name, route.operation.name


def test_anonymous_requests_that_aws_takes():
    form = [("content-type", "application/x-www-form-urlencoded"), ("host", "localhost")]
    body = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=a"
    route = ROUTER.route(HttpRequest("POST", "/", "", form, body))
    assert (route.service.name, route.operation.name) == ("sts", "AssumeRoleWithWebIdentity")
    route = ROUTER.route(HttpRequest("GET", "/bucket/key", "", [("host", "localhost")]))
    assert (route.service.name, route.operation.name) == ("s3", "GetObject")
    target = [("x-amz-target", "AmazonSSM.RegisterManagedInstance"), ("host", "localhost")]
    assert (
        ROUTER.route(HttpRequest("POST", "/", "", target, b"{}")).operation.name == "RegisterManagedInstance"
    )


def test_the_host_names_the_service_of_an_unsigned_rest_request():
    host = [("host", "ssmmessages.us-east-1.localhost")]
    route = ROUTER.route(HttpRequest("POST", "/v1/control-channel/mi-01234567890123456", "", host, b"{}"))
    assert route.operation.name == "CreateControlChannel"


def test_a_router_of_few_services_knows_no_others():
    router = Router(["ssm", "sts"])
    with pytest.raises(AwsError) as raised:
        router.route(HttpRequest("POST", "/", "", [("x-amz-target", "TrentService.Encrypt")], b"{}"))
    assert raised.value.code == "UnknownOperationException"
    with pytest.raises(AwsError):
        router.route(HttpRequest("GET", "/bucket/key", "", [("host", "localhost")]))


def test_the_answer_to_a_request_without_a_route_is_in_its_own_protocol():
    form = [("content-type", "application/x-www-form-urlencoded")]
    cases = [
        (HttpRequest("POST", "/", "", [("x-amz-target", "AmazonSSM.Nope")]), ("ssm", "json")),
        (HttpRequest("POST", "/", "", [("x-amz-target", "Nope.Nope")]), (None, "json")),
        (
            HttpRequest("POST", "/service/X/operation/Y", "", [("smithy-protocol", "rpc-v2-cbor")]),
            (None, "smithy-rpc-v2-cbor"),
        ),
        (HttpRequest("POST", "/", "", form, b"Action=Nope&Version=2010-05-08"), ("iam", "query")),
        (HttpRequest("POST", "/", "", form, b"Action=Nope"), (None, "query")),
        (HttpRequest("GET", "/b/k", "", [("host", "localhost")]), ("s3", "rest-xml")),
        (HttpRequest("POST", "/x", "", [("host", "localhost")]), (None, "rest-json")),
    ]
    for http, (name, protocol) in cases:
        found, spoken = ROUTER.spoken(http)
        assert (found and found.name, spoken) == (name, protocol)
        assert protocols.write_error(found, AwsError("x"), "r", spoken).status == 500
