"""REST with XML bodies: S3, and the answers of services that take JSON and give XML."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import OperationModel, Service, Shape
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.protocols import errors, rest, xml

_S3_SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycle": "LifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
"""Root elements of S3's answers that the model does not name."""

_S3_CODES = {
    "AccessDeniedException": ("AccessDenied", 403),
    "InternalFailure": ("InternalError", 500),
    "ThrottlingException": ("SlowDown", 503),
}
"""What S3 calls the errors that all services have."""


def read(operation: OperationModel, http: HttpRequest, labels: Mapping[str, str]) -> dict[str, Any]:
    return rest.read(operation, http, labels, _read_body)


def _read_body(shape: Shape, body: bytes) -> Any:
    return xml.read(shape, xml.parse(body))


def write(operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
    shape = operation.output
    common = _headers(operation.service, request_id)
    if shape is None:
        return HttpResponse(operation.status, common, b"")
    status, headers = rest.write_located(shape, result)
    if "ContentRange" in result:
        status = 206
    stored = result.get(shape.payload) if shape.payload else None
    if isinstance(stored, tuple):
        return HttpResponse(status or operation.status, common + headers, files=stored)
    body, content_type = _body(operation, shape, result)
    if body and not rest.has_content_type(headers):
        headers.append(("content-type", content_type))
    return HttpResponse(status or operation.status, common + headers, body)


def _body(operation: OperationModel, shape: Shape, result: Mapping[str, Any]) -> tuple[bytes, str]:
    if shape.payload is not None:
        member = shape.members[shape.payload]
        value = result.get(shape.payload)
        if member.type in ("blob", "string"):
            return rest.raw_payload(value), "binary/octet-stream"
        return (b"" if value is None else _document(operation, member, member.name, value)), "application/xml"
    if len(shape.located) == len(shape.members):
        return b"", "application/xml"
    found = rest.body_members(shape, result)
    if operation.name == "GetBucketLocation":
        # S3 writes the one member as the root itself.
        text = xml.escaped(str(found.get("LocationConstraint", "")))
        return xml.document(
            [f'<LocationConstraint xmlns="{_S3_SPACE}">{text}</LocationConstraint>']
        ), "application/xml"
    return _document(
        operation, shape, _ROOTS.get(operation.name, f"{operation.name}Response"), found
    ), "application/xml"


def _document(operation: OperationModel, shape: Shape, name: str, value: Any) -> bytes:
    space = operation.service.metadata.get("xmlNamespace") or (
        _S3_SPACE if operation.service.name == "s3" else ""
    )
    out = [f"<{shape.wire_name or name}{xml.namespace(space)}>"]
    xml.write_members(out, shape, value)
    out.append(f"</{shape.wire_name or name}>")
    return xml.document(out)


def write_error(service: Service | None, error: AwsError, request_id: str) -> HttpResponse:
    if service is not None and service.name != "s3":
        return _write_named_error(service, error, request_id)
    if error.status == 304:
        # HTTP allows this one no body.
        return HttpResponse(304, _headers(service, request_id))
    code, status = error.code, error.status
    if service is not None:
        code, status = _S3_CODES.get(code, (code, status))
    out = [f"<Error><Code>{xml.escaped(code)}</Code><Message>{xml.escaped(error.message)}</Message>"]
    shape = errors.error_shape(service, error)
    declared = shape.members if shape else {}
    for name, value in error.members.items():
        if name in declared:
            xml.write(out, declared[name], declared[name].wire_name or name, value)
        elif value is not None:
            # S3 names the bucket, key or argument in elements that its model does not declare.
            out.append(f"<{name}>{xml.escaped(str(value))}</{name}>")
    out.append(
        f"<RequestId>{xml.escaped(request_id)}</RequestId><HostId>{_host_id(request_id)}</HostId></Error>"
    )
    headers = [*_headers(service, request_id), ("content-type", "application/xml")]
    return HttpResponse(status, headers, xml.document(out))


def _write_named_error(service: Service, error: AwsError, request_id: str) -> HttpResponse:
    """An error as an element of its code: what the official agent looks for in ssmmessages' answers."""
    code = xml.escaped(error.code)
    body = xml.document([f"<{code}><Message>{xml.escaped(error.message)}</Message></{code}>"])
    headers = [
        ("content-type", "text/xml"),
        ("x-amzn-requestid", request_id),
        ("x-amzn-errortype", error.code),
    ]
    return HttpResponse(error.status, headers, body)


def _headers(service: Service | None, request_id: str) -> list[tuple[str, str]]:
    if service is not None and service.name != "s3":
        return [("x-amzn-requestid", request_id)]
    return [("x-amz-request-id", request_id), ("x-amz-id-2", _host_id(request_id))]


def _host_id(request_id: str) -> str:
    """S3 answers a second id; ours says nothing that the first does not."""
    return base64.b64encode(hashlib.sha256(request_id.encode()).digest()).decode()
