"""Compute: EC2's instances. Until they can be launched, each is a machine that enrolled as one.

Managed nodes make them (`adopt`), tell what their agents say (`report`), look them up (`find_many`), and
answer for them (`report_to`). Tags of instances are in groups, under the instances' ARNs.
"""

from hostreeve.platform.compute.actions.instances import adopt, find_many, report
from hostreeve.platform.compute.actions.machines import report_to
from hostreeve.platform.compute.actions.regions import serve, served
from hostreeve.platform.compute.actions.tagging import KIND
from hostreeve.platform.compute.model.instance import ARCHITECTURES, Instance

__all__ = [
    "ARCHITECTURES",
    "KIND",
    "Instance",
    "adopt",
    "find_many",
    "report",
    "report_to",
    "serve",
    "served",
]
