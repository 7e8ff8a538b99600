"""`make bench`: every benchmark, or the named ones (`make bench B=fanout`)."""

import sys

from tools.bench import (
    api,
    audit,
    authorisation,
    automation,
    commands,
    footprint,
    history,
    identity,
    inventory,
    machine,
    parameters,
    patch_scan,
    patches,
    peers,
    schedules,
    volume,
)

BENCHMARKS = {
    "ready": footprint.ready,
    "api": api.run,
    "audit": audit.run,
    "authorisation": authorisation.run,
    "automation": automation.run,
    "latency": commands.latency,
    "agent": footprint.agent,
    "fanout": commands.fanout,
    "volume": volume.run,
    "history": history.run,
    "identity": identity.run,
    "inventory": inventory.run,
    "parameters": parameters.run,
    "patch_scan": patch_scan.run,
    "patches": patches.run,
    "schedules": schedules.run,
    "peers": peers.run,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
        return 2
    print(machine.facts(), flush=True)
    for name in names or BENCHMARKS:
        print(f"{name}:", flush=True)
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
