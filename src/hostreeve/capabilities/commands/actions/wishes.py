"""What a command is asked to do besides running: output to S3 and to logs, and word of how it goes.

Notifications and logs are services of their own. Until they are there, their doors are closed, and whoever
asks for what lies behind one is told so before anything is sent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.kernel.scope import PARTITION, Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity, objects

error = ServiceErrors(service("ssm"))

SERVICE_PRINCIPAL = "ssm.amazonaws.com"
EVENTS = ("All", "InProgress", "Success", "TimedOut", "Cancelled", "Failed")


@dataclass(slots=True)
class Doors:
    """What other services answer. None: the service is not there.

    `has_topic(tx, scope, arn)` tells whether a notification can be published there; `takes_logs(tx, scope)`
    whether the scope has a log service.
    """

    has_topic: Callable[[Transaction, Scope, str], bool] | None = None
    takes_logs: Callable[[Transaction, Scope], bool] | None = None


DOORS = Doors()
"""This process's doors, opened where the program is composed."""


def accepted(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """The members of `Command` that say what is asked for besides; each is refused if it cannot be done.

    InvalidOutputFolder, InvalidNotificationConfig, InvalidRole, InvalidParameters.
    """
    alarms = request.get("AlarmConfiguration")
    if alarms:
        # A safety gate that does nothing would be worse than none.
        raise error.InvalidParameters(
            "AlarmConfiguration needs the service CloudWatch, which this version does not have yet."
        )
    return {**_output(call, request), **_logs(call, request), **_notification(call, request)}


def _output(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    bucket, prefix = request.get("OutputS3BucketName", ""), request.get("OutputS3KeyPrefix", "")
    if not bucket:
        if prefix:
            raise error.InvalidOutputFolder("OutputS3KeyPrefix needs OutputS3BucketName.")
        return {}
    if "\x00" in bucket + prefix or not objects.exists_bucket(call.tx, call.scope, bucket):
        raise error.InvalidOutputFolder(f"The S3 bucket {bucket[:100]!r} does not exist.")
    # AWS ignores OutputS3Region as well: a bucket is where it is.
    return {
        "output_s3_bucket": bucket,
        "output_s3_prefix": prefix.strip("/"),
        "output_s3_region": call.scope.region,
    }


def _logs(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    config = request.get("CloudWatchOutputConfig") or {}
    group, enabled = config.get("CloudWatchLogGroupName", ""), config.get("CloudWatchOutputEnabled", False)
    if enabled and (DOORS.takes_logs is None or not DOORS.takes_logs(call.tx, call.scope)):
        raise error.InvalidParameters(
            "CloudWatchOutputConfig needs the service CloudWatch Logs, which this version does not have yet."
        )
    return {"log_group": group, "is_logged": enabled}


def _notification(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    config = request.get("NotificationConfig") or {}
    topic, role_arn = config.get("NotificationArn", ""), request.get("ServiceRoleArn", "")
    if config and not topic:
        raise error.InvalidNotificationConfig("NotificationConfig needs NotificationArn.")
    if topic and DOORS.has_topic is None:
        raise error.InvalidNotificationConfig(
            "NotificationConfig needs the service Simple Notification Service, which this version does not "
            "have yet."
        )
    if topic and DOORS.has_topic is not None and not DOORS.has_topic(call.tx, call.scope, topic):
        raise error.InvalidNotificationConfig(f"The topic {topic[:256]} does not exist.")
    if topic and not role_arn:
        raise error.InvalidRole(
            "NotificationConfig needs ServiceRoleArn, a role that may publish to the topic."
        )
    if role_arn:
        _check_role(call, role_arn)
    if not topic:
        return {"service_role": role_arn}
    notification = {
        "NotificationArn": topic,
        "NotificationEvents": list(config.get("NotificationEvents") or ["All"]),
        "NotificationType": config.get("NotificationType", "Command"),
    }
    return {"service_role": role_arn, "notification": notification}


def _check_role(call: Call, role_arn: str) -> None:
    prefix = f"arn:{PARTITION}:iam::{call.scope.account}:role/"
    role = None
    if role_arn.startswith(prefix) and "\x00" not in role_arn:
        role = identity.find_role(call.tx, call.scope.account, role_arn.removeprefix(prefix))
    if role is None or role.arn != role_arn or not identity.trusts(role, SERVICE_PRINCIPAL):
        raise error.InvalidRole(
            f"{role_arn[:256]} is not a role of this account that trusts {SERVICE_PRINCIPAL}."
        )
    call.require("iam:PassRole", [role_arn], {"iam:PassedToService": [SERVICE_PRINCIPAL]})
