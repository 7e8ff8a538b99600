"""Buckets on the wire."""

import base64
import binascii
import re
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import common
from hostreeve.api.operations import anything
from hostreeve.kernel.scope import Scope
from hostreeve.platform.objects.actions import buckets
from hostreeve.platform.objects.model.names import bucket_arn, on_bucket, past
from hostreeve.platform.objects.model.refusals import refusal
from hostreeve.platform.objects.operations.service import owner, s3, understood
from hostreeve.platform.objects.store import buckets as store

BUCKETS_MAX = 10_000

_AWS_NAME = re.compile(r"[a-z]{2}(-[a-z]+){1,3}-\d").fullmatch


@s3.writes("CreateBucket", on=on_bucket)
def create_bucket(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    understood("CreateBucket", request, "CreateBucketConfiguration", "ObjectOwnership")
    wanted = request.get("CreateBucketConfiguration", {})
    if wanted.keys() - {"LocationConstraint"}:
        raise common.NotImplemented("CreateBucket supports no more than LocationConstraint here yet.")
    if request.get("ObjectOwnership", "BucketOwnerEnforced") != "BucketOwnerEnforced":
        raise common.NotImplemented("Only ObjectOwnership BucketOwnerEnforced exists here.")
    scope = Scope(call.scope.account, _region(call.scope.region, wanted.get("LocationConstraint", "")))
    made = buckets.create_bucket(call.tx, scope, request["Bucket"], call.now_ms)
    return {"Location": f"/{made.name}", "BucketArn": bucket_arn(made.name)}


@s3.reads("HeadBucket", on=on_bucket, action="s3:ListBucket")
def head_bucket(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = buckets.named(call.tx, call.scope, request)
    return {"BucketRegion": found.region, "BucketArn": bucket_arn(found.name), "AccessPointAlias": False}


@s3.writes("DeleteBucket", on=on_bucket)
def delete_bucket(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    buckets.delete_bucket(call.tx, buckets.named(call.tx, call.scope, request), call.now_ms)
    return {}


@s3.reads("GetBucketLocation", on=on_bucket)
def get_bucket_location(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    found = buckets.named(call.tx, call.scope, request)
    return {} if found.region == buckets.LOCATION_DEFAULT else {"LocationConstraint": found.region}


@s3.reads("GetBucketEncryption", on=on_bucket, action="s3:GetEncryptionConfiguration")
def get_bucket_encryption(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """There is no encryption of objects yet, so no bucket has a rule for it."""
    found = buckets.named(call.tx, call.scope, request)
    raise refusal("ServerSideEncryptionConfigurationNotFoundError", BucketName=found.name)


@s3.reads("GetBucketVersioning", on=on_bucket)
def get_bucket_versioning(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Empty is S3's word for a bucket that never had versions."""
    buckets.named(call.tx, call.scope, request)
    return {}


@s3.reads("ListBuckets", on=anything, action="s3:ListAllMyBuckets")
def list_buckets(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    prefix = request.get("Prefix", "")
    limit = min(request.get("MaxBuckets", BUCKETS_MAX), BUCKETS_MAX)
    found = store.select(
        call.tx,
        call.scope.account,
        prefix=prefix,
        last=past(prefix),
        region=request.get("BucketRegion", ""),
        after=_opened(request.get("ContinuationToken")),
        limit=limit + 1,
    )
    shown = found[:limit]
    token = base64.urlsafe_b64encode(shown[-1].name.encode()).decode() if len(found) > limit else None
    return {
        "Buckets": [
            {"Name": each.name, "CreationDate": each.created_ms // 1000, "BucketRegion": each.region}
            for each in shown
        ],
        "Owner": owner(call.scope.account),
        "Prefix": request.get("Prefix"),
        "ContinuationToken": token,
    }


def _region(signed: str, wanted: str) -> str:
    """The Region to create in. Only the first Region's endpoint creates elsewhere, as at AWS.

    A constraint may be left out in Regions of one's own, whose names AWS's clients do not know.
    """
    if not wanted:
        if signed != buckets.LOCATION_DEFAULT and _is_aws(signed):
            raise refusal(
                "IllegalLocationConstraintException",
                "The unspecified location constraint is incompatible for the region specific endpoint "
                "this request was sent to.",
            )
        return signed
    wanted = "eu-west-1" if wanted == "EU" else wanted
    if wanted == buckets.LOCATION_DEFAULT:
        raise refusal("InvalidLocationConstraint", LocationConstraint=wanted)
    if wanted == signed:
        return wanted
    if signed == buckets.LOCATION_DEFAULT and _is_aws(wanted):
        return wanted
    raise refusal(
        "IllegalLocationConstraintException",
        f"The {wanted[:64]} location constraint is incompatible for the region specific endpoint "
        "this request was sent to.",
    )


def _is_aws(region: str) -> bool:
    return _AWS_NAME(region) is not None


def _opened(token: str | None) -> str:
    try:
        return base64.b64decode(token or "", altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise refusal("InvalidArgument", "The continuation token provided is incorrect") from None
