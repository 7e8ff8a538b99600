"""How much there may be of automations: AWS's quotas, raisable."""

from collections.abc import Mapping

from hostreeve.api.quotas import Quota, Quotas

QUOTAS: Mapping[str, Quota] = {
    "automations-at-once": Quota("Concurrently executing automations", 100),
    "automations-at-once-adaptive": Quota("Concurrently executing automations, adaptive concurrency", 500),
    "automations-queued": Quota("Automation execution queue size", 1_000),
    "automation-history-days": Quota("Days that executions are remembered", 30),
}
"""Every quota of Automation by the key that raises it."""

quota = Quotas(QUOTAS)
set_quotas = quota.set
