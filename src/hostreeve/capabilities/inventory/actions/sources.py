"""What nodes have of each type: what was put, and what the server knows itself."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from hostreeve.api.errors import ServiceErrors
from hostreeve.api.service_models import service
from hostreeve.capabilities import compliance, nodes
from hostreeve.capabilities.inventory.actions import complying
from hostreeve.capabilities.inventory.model.conditions import (
    NOT_EQUAL,
    Condition,
    row_passes,
)
from hostreeve.capabilities.inventory.model.items import Row, joined
from hostreeve.capabilities.inventory.model.types import (
    AWS_TYPES,
    COMPLIANCE_ITEM,
    COMPLIANCE_SUMMARY,
    INSTANCE_INFORMATION,
    RESOURCE_GROUP,
    TAG,
    is_moment,
)
from hostreeve.capabilities.inventory.store import items as store
from hostreeve.capabilities.inventory.store import rows as row_store
from hostreeve.capabilities.inventory.store import types as type_store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import groups

error = ServiceErrors(service("ssm"))

NODES_AT_ONCE = 1_000
GROUP_MEMBERS_AT_ONCE = 1_000
STATUSES = {"Online": "Active", "ConnectionLost": "ConnectionLost"}
TERMINATED = "Terminated"


class Found(Struct, frozen=True, kw_only=True):
    """What a node has of a type, as it is shown. `content_hash` and `capture_time` may be empty."""

    type_name: str
    schema_version: str
    capture_time: str = ""
    content_hash: str = ""
    rows: list[Row]


class Estate:
    """Everything that is asked about the nodes of a scope within one call; what was looked up is kept."""

    def __init__(self, tx: Transaction, scope: Scope, now_ms: int) -> None:
        self.tx, self.scope, self.now_ms = tx, scope, now_ms
        self._information: dict[str, Row] | None = None
        self._left: dict[str, Row] | None = None

    def left(self) -> dict[str, Row]:
        """AWS:InstanceInformation of nodes that left while their inventory is kept."""
        if self._left is None:
            found = type_store.left(self.tx, self.scope).items()
            self._left = {node_id: row for node_id, (_, row) in found}
        return self._left

    def everyone(self) -> set[str]:
        """The ids of all nodes, those included that left."""
        return {*nodes.ids(self.tx, self.scope), *self.left()}

    def about(self, node_ids: Sequence[str]) -> dict[str, Row]:
        """AWS:InstanceInformation of those of the nodes that there are."""
        if self._information is not None:
            return {each: self._information[each] for each in node_ids if each in self._information}
        known = nodes.find_many(self.tx, self.scope, node_ids, self.now_ms)
        left = self.left()
        found = {each: left[each] for each in node_ids if each in left}
        return found | {node_id: described(node) for node_id, node in known.items()}

    def information(self) -> dict[str, Row]:
        """AWS:InstanceInformation of every node, those included that left while their inventory is kept."""
        if self._information is None:
            found = dict(self.left())
            after = ""
            while page := nodes.every(
                self.tx, self.scope, after=after, limit=NODES_AT_ONCE, now_ms=self.now_ms
            ):
                found |= {node.node_id: described(node) for node in page}
                after = page[-1].node_id
                if len(page) < NODES_AT_ONCE:
                    break
            self._information = found
        return self._information

    def having(self, type_name: str, conditions: Sequence[Condition]) -> set[str]:
        """The nodes with an entry of the type for which all these conditions hold."""
        if type_name == RESOURCE_GROUP:
            return set.intersection(*(self._in_groups(each) for each in conditions))
        if type_name == INSTANCE_INFORMATION and all(map(_is_simple, conditions)):
            return self._informed(conditions)
        if type_name == COMPLIANCE_ITEM:
            raise error.InvalidFilter(
                f"Nodes are not found by {COMPLIANCE_ITEM}: use {COMPLIANCE_SUMMARY}, or ListComplianceItems."
            )
        if self._is_ours(type_name) or any(is_moment(each.attribute) for each in conditions):
            by_node = self.rows_by_node(type_name)
            return {n for n, rows in by_node.items() if any(row_passes(conditions, row) for row in rows)}
        shared = row_store.of_type(self.tx, self.scope, type_name)
        fitting = {row_id for row_id, row in shared if row_passes(conditions, row)}
        if not fitting:
            return set()
        return {
            node_id
            for node_id, ids in store.ids_of_type(self.tx, self.scope, type_name)
            if not fitting.isdisjoint(ids)
        }

    def _informed(self, conditions: Sequence[Condition]) -> set[str]:
        """Asked of the database: nobody looks at every node."""
        found = {node_id for node_id, row in self.left().items() if row_passes(conditions, row)}
        there = [
            set(
                nodes.ids_with(
                    self.tx,
                    self.scope,
                    each.attribute,
                    each.values,
                    operator="BeginWith" if each.operator == "BeginWith" else "Equal",
                    now_ms=self.now_ms,
                )
            )
            for each in conditions
        ]
        return found | set.intersection(*there)

    def _is_ours(self, type_name: str) -> bool:
        return type_name in AWS_TYPES and AWS_TYPES[type_name].is_ours

    def having_types(self, type_names: Iterable[str]) -> set[str]:
        """The nodes that have any of these types."""
        found = store.nodes_with(self.tx, self.scope, type_names)
        for name in type_names:
            if name == INSTANCE_INFORMATION:
                found |= self.everyone()
            elif name in (COMPLIANCE_ITEM, COMPLIANCE_SUMMARY):
                found |= {node_id for node_id, _ in compliance.standings(self.tx, self.scope)}
            elif name == TAG:
                found |= set(self._tags(self.everyone()))
        return found

    def rows_by_node(self, type_name: str) -> Mapping[str, list[Row]]:
        """All entries of all nodes. What nobody has an overview of (AWS:ResourceGroup) is empty."""
        if type_name == INSTANCE_INFORMATION:
            return {node_id: [row] for node_id, row in self.information().items()}
        if type_name == TAG:
            return self._tags(self.everyone())
        if type_name == COMPLIANCE_SUMMARY:
            return self._standings(None)
        if type_name in (COMPLIANCE_ITEM, RESOURCE_GROUP):
            return {}
        kept = store.all_of_type(self.tx, self.scope, type_name)
        contents = dict(row_store.of_type(self.tx, self.scope, type_name))
        return {
            one.head.node_id: joined([contents[each] for each in one.row_ids], one.moments) for one in kept
        }

    def found(self, type_name: str, node_ids: Sequence[str]) -> dict[str, Found]:
        """What these nodes have of a type, by node; those that have nothing of it are left out."""
        if type_name == COMPLIANCE_ITEM:
            by_node: Mapping[str, list[Row]] = {
                each: complying.rows(self.tx, self.scope, each) for each in node_ids
            }
        elif type_name == COMPLIANCE_SUMMARY:
            by_node = self._standings(node_ids)
        elif type_name == TAG:
            by_node = self._tags(node_ids)
        elif type_name == RESOURCE_GROUP:
            by_node = {}
        elif type_name == INSTANCE_INFORMATION:
            by_node = {node_id: [row] for node_id, row in self.about(node_ids).items()}
        else:
            return self._stored(type_name, node_ids)
        version = AWS_TYPES[type_name].version
        now = compliance.zulu(self.now_ms)
        return {
            node_id: Found(type_name=type_name, schema_version=version, capture_time=now, rows=rows)
            for node_id, rows in by_node.items()
            if rows
        }

    def _stored(self, type_name: str, node_ids: Sequence[str]) -> dict[str, Found]:
        kept = store.find_many(self.tx, self.scope, node_ids, type_name)
        contents = row_store.contents(
            self.tx, self.scope, (each for one in kept.values() for each in one.row_ids)
        )
        return {
            node_id: Found(
                type_name=type_name,
                schema_version=one.head.schema_version,
                capture_time=one.head.capture_time,
                content_hash=one.head.content_hash,
                rows=joined([contents[each] for each in one.row_ids], one.moments),
            )
            for node_id, one in kept.items()
        }

    def _tags(self, node_ids: Iterable[str]) -> dict[str, list[Row]]:
        arns = {nodes.node_arn(self.scope, each): each for each in node_ids}
        tags = groups.tags_of_many(self.tx, self.scope, list(arns)) if arns else {}
        return {
            arns[arn]: [{"Key": key, "Value": value} for key, value in sorted(of_it.items())]
            for arn, of_it in tags.items()
            if of_it
        }

    def _standings(self, node_ids: Sequence[str] | None) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for (node_id, _), parts in compliance.standings(self.tx, self.scope, node_ids).items():
            found.setdefault(node_id, []).append(compliance.summary_row(parts))
        return found

    def _in_groups(self, condition: Condition) -> set[str]:
        """Groups are found by name or ARN only: what they have is looked up at use."""
        if condition.operator not in ("Equal", NOT_EQUAL) or condition.attribute not in ("Name", "Arn"):
            raise error.InvalidFilter(f"{RESOURCE_GROUP} goes with Name or Arn, and with Equal or NotEqual.")
        found: set[str] = set()
        for value in condition.values:
            group = groups.find_group(self.tx, self.scope, value)
            if group is None:
                continue
            targets = [{"Key": nodes.GROUP, "Values": [group.name]}]
            after = ""
            while page := nodes.targeted(self.tx, self.scope, targets, after, GROUP_MEMBERS_AT_ONCE):
                found |= {node.node_id for node in page}
                after = page[-1].node_id
                if len(page) < GROUP_MEMBERS_AT_ONCE:
                    break
        return found


def _is_simple(condition: Condition) -> bool:
    """Whether the database compares as we do."""
    return (
        condition.attribute in nodes.ATTRIBUTES
        and condition.attribute != "InstanceStatus"
        and condition.operator in ("Equal", NOT_EQUAL, "BeginWith")
    )


def described(node: nodes.Node) -> Row:
    """A node's entry of AWS:InstanceInformation; what its agent has not told is left out."""
    is_instance = node.node_id.startswith("i-")
    told = {
        "AgentStatus": node.agent_status,
        "AgentType": node.agent_name,
        "AgentVersion": node.agent_version,
        "ComputerName": node.computer_name,
        "IamRole": "" if is_instance else node.iam_role,
        "InstanceId": node.node_id,
        "InstanceStatus": STATUSES.get(node.ping_status.value, node.ping_status.value),
        "IpAddress": node.ip_address,
        "PlatformName": node.platform_name,
        "PlatformType": node.platform_type,
        "PlatformVersion": node.platform_version,
        "ResourceType": "EC2Instance" if is_instance else "ManagedInstance",
    }
    return {name: value for name, value in told.items() if value}
