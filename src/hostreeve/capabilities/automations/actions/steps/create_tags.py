"""aws:createTags: tags on instances, managed nodes, maintenance windows and parameters."""

from typing import Any

from hostreeve.capabilities.automations.actions.house import At, Momentary, text_of, texts_of
from hostreeve.capabilities.automations.model.outcome import Outcome, Succeeded, Unfit

EC2 = "EC2"
_SSM = ("ManagedInstance", "MaintenanceWindow", "Parameter")


class CreateTags(Momentary):
    """EC2's resources many at once, the others one by one, each by its own service's operation."""

    def start(self, at: At) -> Outcome:
        ids, kind = texts_of(at.inputs, "ResourceIds"), text_of(at.inputs, "ResourceType", EC2)
        tags = at.inputs.get("Tags")
        if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags) or not ids:
            raise Unfit("ResourceIds and Tags must be given, Tags as maps of Key and Value.")
        if kind == EC2:
            given = {"Resources": ids, "Tags": tags}
            at.house.within.call(at.tx, at.who(), at.one.region, "ec2", "CreateTags", given=given)
            return Succeeded()
        if kind not in _SSM:
            raise Unfit(f"ResourceType must be {EC2} or {', '.join(_SSM)}.")
        if len(ids) != 1:
            raise Unfit(f"ResourceIds takes exactly one id of a {kind}.")
        one: dict[str, Any] = {"ResourceType": kind, "ResourceId": ids[0], "Tags": tags}
        at.house.within.call(at.tx, at.who(), at.one.region, "ssm", "AddTagsToResource", given=one)
        return Succeeded()
