"""How much there may be of patching: AWS's quotas, raisable."""

from collections.abc import Mapping

from hostreeve.api.quotas import Quota, Quotas

QUOTAS: Mapping[str, Quota] = {
    "patch-baselines": Quota("Patch baselines per account and Region", 50),
    "patch-groups-per-baseline": Quota("Patch groups per patch baseline", 25),
}
"""Every quota of patching by the key that raises it."""

quota = Quotas(QUOTAS)
set_quotas = quota.set
