"""The payload and the server mean the same by what a host runs."""

import pytest

from hostreeve.capabilities.patches.model.offer import FAMILIES
from hostreeve.capabilities.patches.model.systems import system_of
from hostreeve.patcher.machine import system


@pytest.mark.parametrize(
    ("identity", "name", "version"),
    [
        ("ubuntu", "Ubuntu", "22.04"),
        ("debian", "Debian GNU/Linux", "12"),
        ("raspbian", "Raspbian GNU/Linux", "11"),
        ("rhel", "Red Hat Enterprise Linux", "9.4"),
        ("rocky", "Rocky Linux", "9.4"),
        ("almalinux", "AlmaLinux", "9.4"),
        ("ol", "Oracle Linux Server", "9.4"),
        ("centos", "CentOS Stream", "9"),
        ("fedora", "Fedora Linux", "41"),
        ("amzn", "Amazon Linux", "2"),
        ("amzn", "Amazon Linux", "2023"),
        ("amzn", "Amazon Linux AMI", "2018.03"),
        ("sles", "SLES", "15.6"),
        ("opensuse-leap", "openSUSE Leap", "15.6"),
        ("alpine", "Alpine Linux", "3.20"),
    ],
)
def test_a_host_is_the_same_system_on_both_sides(identity, name, version):
    here = system(f'ID={identity}\nNAME="{name}"\nVERSION_ID="{version}"\n')
    there = system_of(name, version)
    assert here is not None and there is not None
    assert (here.operating_system, here.product) == there
    assert here.family == FAMILIES[there.operating_system]
