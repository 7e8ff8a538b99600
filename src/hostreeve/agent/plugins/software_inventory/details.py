"""AWS:InstanceDetailedInformation: the processors and the kernel."""

from __future__ import annotations

import os
from typing import List

from hostreeve.agent.plugins.software_inventory.root import Root, Row, blocks, told


def gather(root: Root) -> List[Row]:
    """One entry. Where the kernel tells nothing of sockets and cores (some processors), each is one."""
    processors = blocks("\n".join(line.replace("\t", "") for line in root.text("/proc/cpuinfo").splitlines()))
    processors = [each for each in processors if "processor" in each]
    first = processors[0] if processors else {}
    sockets = {each.get("physical id", "0") for each in processors} or {"0"}
    cores = {(each.get("physical id", "0"), each.get("core id", each["processor"])) for each in processors}
    count = len(processors) or os.cpu_count() or 1
    release = dict(line.partition("=")[::2] for line in root.text("/etc/os-release").splitlines())
    is_suse = "suse" in release.get("ID", "") or "sles" in release.get("ID", "")
    pack = release.get("VERSION_ID", "").strip('"').partition(".")[2]
    return [
        told(
            CPUModel=first.get("model name") or first.get("Hardware") or os.uname().machine,
            CPUSpeedMHz=first.get("cpu MHz", "").partition(".")[0],
            CPUs=count,
            CPUSockets=len(sockets),
            CPUCores=len(cores) or count,
            CPUHyperThreadEnabled="true" if count > (len(cores) or count) else "false",
            OSServicePack=pack if is_suse else "",
            KernelVersion=os.uname().release,
        )
    ]
