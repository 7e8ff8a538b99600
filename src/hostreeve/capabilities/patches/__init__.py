"""Patch Manager: baselines that say which patches are approved, and what nodes report of theirs.

A node patches by a snapshot of its baseline, which the server hands out (`opened`, `handed_out`), with a
payload that `script` fetches and runs. Its counts come as inventory (`SUMMARY`, `summary_reported`), its
patches as compliance.
"""

from hostreeve.capabilities.patches.actions.changing import exists
from hostreeve.capabilities.patches.actions.reporting import SUMMARY, node_left, summary_reported
from hostreeve.capabilities.patches.actions.snapshots import FOLDER as SNAPSHOTS
from hostreeve.capabilities.patches.actions.snapshots import handed_out, opened
from hostreeve.capabilities.patches.model.baseline import baseline_arn
from hostreeve.capabilities.patches.model.quotas import QUOTAS, set_quotas
from hostreeve.capabilities.patches.model.running import LINE, PAYLOADS, script
from hostreeve.platform import groups

TAGGABLE = groups.Taggable(
    "PatchBaseline", baseline_arn, exists, "AWS::SSM::PatchBaseline", "ssm:patchbaseline"
)

__all__ = [
    "LINE",
    "PAYLOADS",
    "QUOTAS",
    "SNAPSHOTS",
    "SUMMARY",
    "TAGGABLE",
    "handed_out",
    "node_left",
    "opened",
    "script",
    "set_quotas",
    "summary_reported",
]
