"""Which Region names clients may sign with: all of AWS's, and those the operator adds."""

from importlib.util import find_spec
from pathlib import Path

import msgspec

REGION_DEFAULT = "us-east-1"


def aws_regions() -> frozenset[str]:
    """Every Region of every partition in botocore's list of partitions and endpoints."""
    spec = find_spec("botocore")
    assert spec is not None and spec.submodule_search_locations, "botocore's data files are not installed"
    folder = Path(spec.submodule_search_locations[0]) / "data"
    found: set[str] = set()
    for name in ("partitions.json", "endpoints.json"):
        for partition in msgspec.json.decode((folder / name).read_bytes())["partitions"]:
            found.update(partition["regions"])
    return frozenset(found)
