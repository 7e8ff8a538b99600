"""What the agent gathers on real hosts: packages that a package manager has installed a moment ago."""

import json
import os
import sys
from pathlib import Path

import pytest
from tests.hosts import debian as apt
from tests.hosts import redhat as dnf
from tests.hosts.host import needs

SHARES_AGENT = True
pytestmark = pytest.mark.slow
GATHER = """import json
from hostreeve.agent.plugins.software_inventory import applications, details, network, services
from hostreeve.agent.plugins.software_inventory.root import Root
kinds = {"applications": applications, "details": details, "network": network, "services": services}
print(json.dumps({name: kind.gather(Root()) for name, kind in kinds.items()}))
"""


def gathered(host):
    """What the gatherers say, run on the host."""
    source = str(Path(__file__).parents[2] / "src")
    done = host.run(sys.executable, "-c", GATHER, env={**os.environ, "PYTHONPATH": source})
    return json.loads(done.stdout)


def packages(host):
    return {row["Name"]: row for row in gathered(host)["applications"]}


def test_packages_of_a_host_of_red_hats_family(tmp_path):
    needs("unshare", "nsenter", "rpmbuild", "createrepo_c", "dnf")
    old, new = dnf.Rpm("tiny-tool", "1.0"), dnf.Rpm("tiny-tool", "1.1")
    repository = dnf.YumRepository(tmp_path / "yum")
    repository.publish([old, new])
    host = dnf.redhat(tmp_path, repository)
    try:
        dnf.install(host, old)
        tiny = packages(host)["tiny-tool"]
        assert (tiny["Version"], tiny["Architecture"]) == ("1.0", "noarch")
        assert tiny["InstalledTime"].endswith("Z") and tiny["PackageId"].startswith("tiny-tool-1.0")
        dnf.install(host, new)
        assert packages(host)["tiny-tool"]["Version"] == "1.1"
        assert gathered(host)["details"][0]["CPUs"]
    finally:
        host.close()


def test_packages_of_a_debian(tmp_path):
    needs("unshare", "nsenter", "dpkg-deb", "apt-get")
    repository = apt.Repository(tmp_path / "apt")
    repository.suite("stable", [apt.Deb("editor", "2:1.0-3")])
    host = apt.debian(tmp_path, repository)
    try:
        apt.install(host, "editor")
        editor = packages(host)["editor"]
        assert (editor["Version"], editor["PackageId"].partition("_")[0]) == ("2:1.0-3", "editor")
        assert editor["InstalledTime"].endswith("Z")
        host.run("apt-get", "remove", "-y", "editor")
        assert "editor" not in packages(host)
    finally:
        host.close()
