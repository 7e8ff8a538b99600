"""What machine the figures come from, and how figures are printed."""

import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path


def facts() -> str:
    """Processor, memory, kernel, Python and load: one line to stand above figures."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((x.split(":", 1)[1].strip() for x in lines if "model name" in x), platform.processor())
    kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    kernel = platform.release().split("-")[0]
    return (
        f"{cpu}, {os.cpu_count()} cores, {kilobytes // 1_000_000} GB, Linux {kernel}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}, commit {commit.stdout.strip()}"
    )


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def row(name: str, figure: str, budget: str = "", remark: str = "") -> None:
    """One figure, aligned: name, what was measured, the budget of it, a remark."""
    print(f"  {name:<58} {figure:>22}  {budget:<28} {remark}", flush=True)


def spread(values_ms: Sequence[float]) -> str:
    return f"p50 {statistics.median(values_ms):.1f} ms, p99 {percentile(values_ms, 0.99):.1f} ms"


def resident_kb(process_id: int) -> int:
    """Proportional set size where the kernel tells it: shared pages count once."""
    for line in Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise LookupError(f"no Pss of {process_id}")


def cpu_seconds(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
