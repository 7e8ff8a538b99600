"""Bodies that clients pack."""

import gzip

import pytest

from hostreeve.api.errors import AwsError
from hostreeve.gateway import protocols
from hostreeve.gateway.http import HttpRequest
from hostreeve.gateway.routing import Router
from tests.wire.test_routing import Wire

ROUTER = Router()


def read(http):
    route = ROUTER.route(http)
    return protocols.read_request(route.operation, http, route.labels, route.protocol)


def test_a_large_request_that_botocore_packs_is_read():
    metrics = [{"MetricName": f"m{i}", "Value": float(i)} for i in range(500)]
    http = Wire("cloudwatch").sent("put_metric_data", Namespace="n", MetricData=metrics)
    assert http.header("content-encoding") == "gzip"
    assert read(http) == {"Namespace": "n", "MetricData": metrics}


def packed_form(body):
    headers = [
        ("authorization", "Credential=A/20260101/r/monitoring/aws4_request"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-encoding", "gzip"),
    ]
    return HttpRequest("POST", "/", "", headers, body)


def test_a_packed_form_is_read():
    body = gzip.compress(
        b"Action=PutMetricData&Version=2010-08-01&Namespace=n&MetricData.member.1.MetricName=m"
    )
    assert read(packed_form(body)) == {"Namespace": "n", "MetricData": [{"MetricName": "m"}]}


@pytest.mark.parametrize(
    "body",
    [b"x", gzip.compress(bytes(17 << 20), 1), gzip.compress(b"Action=ListMetrics")[:-9]],
    ids=["no gzip", "unpacks to too much", "ends early"],
)
def test_a_packed_body_that_is_broken_or_unpacks_to_too_much_is_refused(body):
    with pytest.raises(AwsError) as raised:
        read(packed_form(body))
    assert raised.value.code == "MissingAction"
    http = HttpRequest(
        "POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "",
        [("smithy-protocol", "rpc-v2-cbor"), ("content-encoding", "gzip")], body,
    )  # fmt: skip
    with pytest.raises(AwsError) as raised:
        read(http)
    assert raised.value.code == "SerializationException"
