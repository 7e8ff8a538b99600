"""How an association stands on a node, as that node's compliance."""

from collections.abc import Mapping, Sequence

from hostreeve.capabilities import compliance
from hostreeve.capabilities.associations.lifecycle import ENDED, Status
from hostreeve.capabilities.associations.model.association import Association, NodeState
from hostreeve.capabilities.associations.store import associations as store
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

AUTO = "AUTO"
_SAYS_NOTHING = frozenset({Status.SKIPPED, Status.CANCELLED})
"""Ends of a run that did not get so far as to find out."""
COMMAND = "Command"


def sync_mode(one: Association) -> str:
    """AUTO: how it ran is its compliance. MANUAL: only PutComplianceItems says how it complies."""
    return str(one.wanted.get("SyncCompliance", AUTO))


def sync_modes(tx: Transaction, scope: Scope, association_ids: Sequence[str]) -> Mapping[str, str]:
    """`sync_mode` of those of the ids that are associations (`compliance.ask_about_associations`)."""
    found = store.find_many(tx, scope, association_ids)
    return {association_id: sync_mode(one) for association_id, one in found.items()}


def note(tx: Transaction, one: Association, state: NodeState, now_ms: int, *, command_id: str = "") -> None:
    """A run on a node has ended: in mode AUTO that is what its compliance is."""
    status = Status(state.status)
    if sync_mode(one) != AUTO or status not in ENDED or status in _SAYS_NOTHING:
        return
    details = {
        compliance.ASSOCIATION_ID: one.association_id,
        "DocumentName": one.name,
        "DocumentVersion": one.wanted.get("DocumentVersion", "$DEFAULT"),
        "DetailedStatus": state.detailed_status,
    }
    item = compliance.Item(
        id=one.association_id,
        title=one.wanted.get("AssociationName", ""),
        severity=one.wanted.get("ComplianceSeverity", "UNSPECIFIED"),
        status=compliance.COMPLIANT if status is Status.SUCCESS else compliance.NON_COMPLIANT,
        details=details,
    )
    compliance.put(
        tx,
        one.scope,
        state.node_id,
        compliance.ASSOCIATION,
        [item],
        execution=compliance.Execution(
            at_ms=now_ms, id=command_id or state.execution_id, type=COMMAND if command_id else ""
        ),
        now_ms=now_ms,
        part=one.association_id,
    )


def forget(tx: Transaction, scope: Scope, association_id: str, now_ms: int) -> None:
    """The association is gone, and what it demanded with it."""
    compliance.remove_everywhere(tx, scope, compliance.ASSOCIATION, association_id, now_ms)
