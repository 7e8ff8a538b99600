"""Which operation of which service a request means: every service answers at one address."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from hostreeve.api.errors import AwsError, common
from hostreeve.api.service_models import OperationModel, Service, service
from hostreeve.gateway.http import HttpRequest, bucket_of_host
from hostreeve.gateway.protocols.bodies import unpacked
from hostreeve.gateway.protocols.cbor_rpc import NAME as CBOR
from hostreeve.gateway.protocols.refusals import UnreadableError, refusal, unreadable
from hostreeve.gateway.rest_routes import RestRoutes


@dataclass(frozen=True, slots=True)
class Known:
    """What tells a service apart, kept here so that its model loads on first use only (a test compares)."""

    signing_name: str
    target_prefix: str | None = None
    version: str | None = None
    """Of the query services: what they send as Version."""


KNOWN: Mapping[str, Known] = {
    "appconfig": Known("appconfig"),
    "appconfigdata": Known("appconfig"),
    "cloudformation": Known("cloudformation", version="2010-05-15"),
    "cloudtrail": Known("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"),
    "cloudwatch": Known("monitoring", "GraniteServiceVersion20100801", "2010-08-01"),
    "ec2": Known("ec2", version="2016-11-15"),
    "ec2messages": Known("ec2messages", "EC2WindowsMessageDeliveryService"),
    "events": Known("events", "AWSEvents"),
    "hostreeve": Known("hostreeve", "Hostreeve"),
    "iam": Known("iam", version="2010-05-08"),
    "kms": Known("kms", "TrentService"),
    "lambda": Known("lambda"),
    "logs": Known("logs", "Logs_20140328"),
    "organizations": Known("organizations", "AWSOrganizationsV20161128"),
    "resource-groups": Known("resource-groups"),
    "resourcegroupstaggingapi": Known("tagging", "ResourceGroupsTaggingAPI_20170126"),
    "s3": Known("s3"),
    "scheduler": Known("scheduler"),
    "sns": Known("sns", version="2010-03-31"),
    "ssm": Known("ssm", "AmazonSSM"),
    "ssm-contacts": Known("ssm-contacts", "SSMContacts"),
    "ssm-guiconnect": Known("ssm-guiconnect"),
    "ssm-incidents": Known("ssm-incidents"),
    "ssm-quicksetup": Known("ssm-quicksetup"),
    "ssmmessages": Known("ssmmessages"),
    "stepfunctions": Known("states", "AWSStepFunctions"),
    "sts": Known("sts", version="2011-06-15"),
}

_CREDENTIAL = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/,\s]*/([^/,\s]+)/aws4_request")
_PRESIGNED = re.compile(
    r"(?:^|&)X-Amz-Credential=[^&]*?(?:%2F|/)\d{8}(?:%2F|/)[^&/%]*(?:%2F|/)([^&/%]+)(?:%2F|/)aws4_request",
    re.I,
)
_ACTION = re.compile(r"(?:^|&)Action=([^&]*)")
_VERSION = re.compile(r"(?:^|&)Version=([^&]*)")
_RPC_PATH = re.compile(r"^(?:/.*)?/service/([^/]+)/operation/([^/]+)$")


@dataclass(frozen=True, slots=True)
class Route:
    """A request's operation, the decoded labels of its path, and the protocol that the client speaks."""

    service: Service
    operation: OperationModel
    labels: Mapping[str, str] = field(default_factory=dict)
    protocol: str = "json"


class Router:
    """Tells the services apart as AWS's clients send them to one endpoint.

    In this order: X-Amz-Target, the path of RPC with CBOR, the service of the signature's scope, Action and
    Version, the host name, S3. `names` are the services served (all known ones by default).
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self._names = tuple(KNOWN if names is None else names)
        known = {name: KNOWN[name] for name in self._names}
        self._by_prefix = {k.target_prefix: name for name, k in known.items() if k.target_prefix}
        self._by_signing_name: dict[str, list[str]] = {}
        for name, k in known.items():
            self._by_signing_name.setdefault(k.signing_name, []).append(name)
        self._by_version = {k.version: name for name, k in known.items() if k.version}
        self._by_target: dict[str, Route] = {}
        self._rest: dict[str, RestRoutes] = {}

    def route(self, http: HttpRequest) -> Route:
        """The route. Raises the AWS error when no operation is meant; `spoken` then tells the protocol."""
        target = http.header("x-amz-target")
        if target is not None:
            found = self._by_target.get(target)
            if found is not None and http.method == "POST":
                return found
            return self._by_target_name(http, target)
        if http.header("smithy-protocol") is not None:
            return self._by_rpc_path(http)
        signed_for = scoped_service(http)
        if signed_for is None:
            return self._unsigned(http)
        names = self._by_signing_name.get(signed_for)
        if names is None:
            raise common.UnknownOperationException(
                f"The service {signed_for[:100]} is not one that is served here."
            )
        for name in names:
            found = self._within(name, http)
            if found is not None:
                return found
        raise self._no_operation(names[0], http)

    def spoken(self, http: HttpRequest) -> tuple[Service | None, str]:
        """For a request without a route: the service it was meant for, if known, and its protocol."""
        target = http.header("x-amz-target")
        if target is not None:
            name = self._by_prefix.get(target.rpartition(".")[0])
            return (service(name) if name else None), "json"
        if http.header("smithy-protocol") is not None:
            path = _RPC_PATH.match(http.path)
            name = self._by_prefix.get(path[1]) if path else None
            return (service(name) if name else None), CBOR
        names = self._by_signing_name.get(scoped_service(http) or "")
        if names:
            model = service(names[0])
            return model, model.protocols[-1]
        if _action(http) is not None:
            name = self._by_version.get(_version(http))
            return (service(name), service(name).protocols[-1]) if name else (None, "query")
        if "s3" in self._names and _looks_like_s3(http):
            return service("s3"), "rest-xml"
        return None, "rest-json"

    def _by_target_name(self, http: HttpRequest, target: str) -> Route:
        prefix, _, operation = target.rpartition(".")
        name = self._by_prefix.get(prefix)
        if name is None or http.method != "POST":
            raise common.UnknownOperationException()
        found = Route(service(name), _operation(name, operation), {}, "json")
        self._by_target[target] = found
        return found

    def _by_rpc_path(self, http: HttpRequest) -> Route:
        path = _RPC_PATH.match(http.path)
        name = self._by_prefix.get(path[1]) if path else None
        if (
            path is None
            or name is None
            or http.method != "POST"
            or http.header("smithy-protocol") != "rpc-v2-cbor"
        ):
            raise common.UnknownOperationException()
        model = service(name)
        if CBOR not in model.protocols:
            raise common.UnknownOperationException(f"{name} does not speak {CBOR}.")
        return Route(model, _operation(name, path[2]), {}, CBOR)

    def _unsigned(self, http: HttpRequest) -> Route:
        """Anonymous calls: some of STS, public objects of S3."""
        if _action(http) is not None:
            name = self._by_version.get(_version(http))
            found = self._within(name, http) if name else None
            if found is not None:
                return found
            raise refusal("InvalidAction")(
                f"The action {(_action(http) or '')[:100]} is not valid for this endpoint."
            )
        names = self._by_signing_name.get((http.header("host") or "").partition(".")[0], [])
        for name in [*names, *(["s3"] if "s3" in self._names and _looks_like_s3(http) else [])]:
            found = self._within(name, http)
            if found is not None:
                return found
        raise common.MissingAuthenticationToken("Request is missing Authentication Token")

    def _within(self, name: str, http: HttpRequest) -> Route | None:
        """The route within one service, by path or by Action."""
        model = service(name)
        protocol = model.protocols[-1]
        if protocol.startswith("rest"):
            try:
                found = self._routes(name).find(http, _bucket_in_path(http) if name == "s3" else http.path)
            except UnreadableError as e:
                raise unreadable(protocol, str(e)) from None
            return Route(model, found[0], found[1], protocol) if found else None
        action = _action(http) if protocol in ("query", "ec2") else None
        if action is None or action not in model.operation_names:
            return None
        return Route(model, model.operation(action), {}, protocol)

    def _routes(self, name: str) -> RestRoutes:
        found = self._rest.get(name)
        if found is None:
            found = self._rest[name] = RestRoutes(service(name))
        return found

    def _no_operation(self, name: str, http: HttpRequest) -> AwsError:
        model = service(name)
        protocol = model.protocols[-1]
        if protocol in ("query", "ec2"):
            action = _action(http)
            if action is None:
                return refusal("MissingAction")("Could not find the action to perform: no Action was given.")
            version = _version(http) or model.metadata["apiVersion"]
            return refusal("InvalidAction")(
                f"Could not find operation {action[:100]} for version {version[:20]}"
            )
        if protocol == "rest-xml":
            return refusal("MethodNotAllowed", 405)(
                "The specified method is not allowed against this resource."
            )
        if protocol == "rest-json":
            return refusal("UnknownOperationException", 404)(
                f"There is no operation at {http.method} {http.path[:200]}"
            )
        return common.UnknownOperationException()  # type: ignore[no-any-return]


def scoped_service(http: HttpRequest) -> str | None:
    """The service that a request is signed for, by header or by query string."""
    authorization = http.header("authorization")
    found = _CREDENTIAL.search(authorization) if authorization else _PRESIGNED.search(http.query)
    return found[1] if found else None


def _operation(name: str, operation: str) -> OperationModel:
    try:
        return service(name).operation(operation)
    except KeyError:
        raise common.UnknownOperationException() from None


def _action(http: HttpRequest) -> str | None:
    return _parameter(_ACTION, http)


def _version(http: HttpRequest) -> str:
    return _parameter(_VERSION, http) or ""


def _parameter(pattern: re.Pattern[str], http: HttpRequest) -> str | None:
    found = pattern.search(http.query)
    if found is None and (http.header("content-type") or "").startswith("application/x-www-form-urlencoded"):
        found = pattern.search(_form(http))
    return unquote_plus(found[1]) if found else None


def _form(http: HttpRequest) -> str:
    try:
        return unpacked(http).decode("latin-1")
    except UnreadableError:
        return ""


def _looks_like_s3(http: HttpRequest) -> bool:
    host = (http.header("host") or "").lower()
    if "AWSAccessKeyId=" in http.query:
        # Presigned by Signature Version 2, which names no service.
        return True
    return bool(bucket_of_host(http)) or host.startswith(("s3.", "s3-")) or http.method in ("GET", "HEAD")


def _bucket_in_path(http: HttpRequest) -> str:
    """The path in path style, whichever way the client names the bucket."""
    bucket = bucket_of_host(http)
    return f"/{bucket}{http.path}" if bucket else http.path
