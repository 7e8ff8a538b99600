"""What an association may ask for: refuse what cannot be, before anything is kept."""

from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import calendars, commands, documents, nodes, parameters
from hostreeve.capabilities.associations.actions import automating
from hostreeve.capabilities.associations.model.association import WANTED
from hostreeve.kernel.scope import Scope
from hostreeve.platform import groups
from hostreeve.scheduling import rules
from hostreeve.scheduling.cron import Cron
from hostreeve.scheduling.expressions import Expression, parse
from hostreeve.scheduling.refusal import InvalidExpression

error = ServiceErrors(service("ssm"))

AUTOMATION = "Automation"
_NOT_WITH_INSTANCE_ID = (
    "AssociationName",
    "DocumentVersion",
    "MaxConcurrency",
    "MaxErrors",
    "OutputLocation",
    "ScheduleExpression",
)
_AUTOMATION_ONLY = ("AutomationTargetParameterName", "TargetLocations", "TargetMaps")


def checked(
    call: Call, request: Mapping[str, Any], *, is_new: bool = True
) -> tuple[dict[str, Any], list[str]]:
    """The wishes of a version, and the changes that apply it again (`Association.follows`).

    The caller must be allowed to read the parameters of Parameter Store that the association names.
    InvalidDocument, InvalidDocumentVersion, InvalidParameters, InvalidTarget, InvalidSchedule,
    InvalidOutputLocation, InvalidTargetMaps, UnsupportedPlatformType, ValidationException.
    """
    wanted = {member: request[member] for member in WANTED if member in request}
    _check_doors(request)
    document = documents.resolve(call.tx, call.scope, wanted["Name"], wanted.get("DocumentVersion"))
    if document.document_type not in (*documents.ON_NODES, AUTOMATION):
        raise error.InvalidDocument(
            f"Document {document.name} is of type {document.document_type}; associations take Command, "
            "Policy and Automation ones."
        )
    _check_targets(wanted, document, is_new=is_new)
    _check_schedule(wanted)
    _check_output(wanted)
    # Whether they are open matters when it runs; that they are there matters now.
    calendars.state_of(call.tx, call.scope, wanted.get("CalendarNames", []), call.now_ms)
    given = wanted.get("Parameters", {})
    if document.document_type == AUTOMATION:
        _check_automation(document, wanted, given)
        automating.check(call, document, given)
    else:
        documents.prepare(call, document, given)
    return wanted, _follows(call.scope, wanted, document)


def _check_automation(
    document: documents.DocumentVersion, wanted: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """The parameter that each target becomes need not be given; what is given is checked."""
    name = wanted.get("AutomationTargetParameterName", "")
    if name and name not in document.parameters:
        raise error.InvalidParameters(f"Document {document.name} has no parameter {name}.")
    documents.check_parameters(document, given, later=name)


def _check_doors(request: Mapping[str, Any]) -> None:
    if request.get("AlarmConfiguration"):
        # A safety gate that does nothing would be worse than none.
        raise error.InvalidParameters(
            "AlarmConfiguration needs the service CloudWatch, which this version does not have yet."
        )
    if request.get("AssociationDispatchAssumeRole"):
        raise error.InvalidParameters(
            "AssociationDispatchAssumeRole is not there in this version: associations run as Systems Manager."
        )


def _check_targets(wanted: Mapping[str, Any], document: documents.DocumentVersion, *, is_new: bool) -> None:
    ways = [member for member in ("InstanceId", "Targets", "TargetMaps") if wanted.get(member)]
    if len(ways) > 1:
        raise error.ValidationException(f"Give one of {' and '.join(ways)}.")
    is_automation = document.document_type == AUTOMATION
    if not is_automation:
        for member in _AUTOMATION_ONLY:
            if wanted.get(member):
                raise error.ValidationException(f"{member} is for associations of Automation documents.")
        # An edit that leaves the targets out means nobody from then on, as at AWS.
        if not ways and is_new:
            raise error.InvalidTarget("An association of a Command document needs Targets.")
    if "InstanceId" in wanted:
        _check_instance_id(wanted, document)
    for target in wanted.get("Targets", []):
        _check_target(target, is_automation=is_automation)
    if is_automation and wanted.get("Targets") and not wanted.get("AutomationTargetParameterName"):
        raise error.ValidationException(
            "Targets of an Automation document need AutomationTargetParameterName."
        )


def _check_instance_id(wanted: Mapping[str, Any], document: documents.DocumentVersion) -> None:
    beside = [member for member in _NOT_WITH_INSTANCE_ID if member in wanted]
    if beside:
        raise error.ValidationException(f"{beside[0]} does not go with InstanceId: use Targets.")
    if not document.schema_version.startswith("1."):
        raise error.ValidationException(
            f"InstanceId is for documents of schema 1.x, and {document.name} has {document.schema_version}: "
            "use Targets."
        )


def _check_target(target: Mapping[str, Any], *, is_automation: bool) -> None:
    key, values = str(target.get("Key", "")), list(target.get("Values", []))
    if key.lower() == "instanceids":
        if not values or (nodes.EVERY in values and len(values) > 1):
            raise error.InvalidTarget("InstanceIds takes node ids, or * alone for all nodes.")
    elif key in (nodes.GROUP, nodes.GROUP_TYPES) or (
        is_automation and key in ("ParameterValues", "ResourceGroup")
    ):
        if not values:
            raise error.InvalidTarget(f"The target {key} needs values.")
    elif key != "tag-key" and not (key.startswith("tag:") and len(key) > len("tag:")):
        raise error.InvalidTarget(
            f"{key} is no target: give InstanceIds, tag:<key>, tag-key or {nodes.GROUP}."
        )


def _check_schedule(wanted: Mapping[str, Any]) -> None:
    expression = _expression(wanted)
    waits = wanted.get("ApplyOnlyAtCronInterval", False)
    if waits and expression is None:
        raise error.InvalidSchedule("ApplyOnlyAtCronInterval needs a ScheduleExpression.")
    if "ScheduleOffset" in wanted and not (waits and isinstance(expression, Cron)):
        raise error.ValidationException("ScheduleOffset needs a cron expression and ApplyOnlyAtCronInterval.")
    if "Duration" in wanted and not waits:
        raise error.ValidationException("Duration needs ApplyOnlyAtCronInterval.")


def _expression(wanted: Mapping[str, Any]) -> Expression | None:
    if "ScheduleExpression" not in wanted:
        return None
    try:
        expression = parse(wanted["ScheduleExpression"])
        rules.check_association(expression)
    except InvalidExpression as wrong:
        raise error.InvalidSchedule(f"ScheduleExpression: {wrong}") from None
    return expression


def _check_output(wanted: Mapping[str, Any]) -> None:
    if "OutputLocation" in wanted and not wanted["OutputLocation"].get("S3Location", {}).get(
        "OutputS3BucketName"
    ):
        raise error.InvalidOutputLocation("OutputLocation needs S3Location with OutputS3BucketName.")


def _follows(scope: Scope, wanted: Mapping[str, Any], document: documents.DocumentVersion) -> list[str]:
    given = wanted.get("Parameters", {})
    named = [parameters.followed(scope, each) for each in documents.references(document, given)]
    found = [f"parameter:{each}" for each in dict.fromkeys(named) if each]
    kind = {"$DEFAULT": "document", "$LATEST": "latest"}.get(wanted.get("DocumentVersion", "$DEFAULT"))
    return [*found, f"{kind}:{document.bare_name}"] if kind else found


def require_targets(call: Call, action: str, wanted: Mapping[str, Any]) -> None:
    """The caller's right to bind a document, and to bind it to the nodes that are named."""
    ids = [wanted["InstanceId"]] if "InstanceId" in wanted else []
    for target in wanted.get("Targets", []):
        if target.get("Key", "").lower() == "instanceids":
            ids += [each for each in target.get("Values", []) if each != nodes.EVERY]
    call.require(action, [documents.arn(call.scope, wanted["Name"])])
    arns = [nodes.node_arn(call.scope, node_id) for node_id in dict.fromkeys(ids)]
    tags = groups.tags_of_many(call.tx, call.scope, arns) if arns else {}
    for arn in arns:
        call.require(action, [arn], commands.tag_context(tags.get(arn, {})))
