"""`nodes`, `activate` and `account` against the small server."""

import hashlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hostreeve.cli.screen import Screen, ago, visible
from hostreeve.contract.installer import one_liner

NODE = {
    "InstanceId": "mi-00000000000000001",
    "Name": "web-1",
    "PingStatus": "Online",
    "PlatformType": "Linux",
    "PlatformName": "Debian GNU/Linux",
    "PlatformVersion": "12",
    "IPAddress": "10.0.0.1",
    "AgentVersion": "0.1.0",
    "LastPingDateTime": 1_700_000_000.5,
}


def listed(server, count):
    nodes = [{**NODE, "InstanceId": f"mi-{n:017d}"} for n in range(count)]

    def answer(request):
        start = int(request.get("NextToken") or 0)
        page = {"InstanceInformationList": nodes[start : start + 50]}
        return {**page, "NextToken": str(start + 50)} if start + 50 < count else page

    server.answers["AmazonSSM.DescribeInstanceInformation"] = answer


def test_nodes_are_listed_whole_however_many_pages_they_take(server, typed):
    listed(server, 120)
    status, out, _ = typed("nodes")
    lines = out.splitlines()
    assert status == 0 and len(lines) == 121
    assert lines[0].split()[:3] == ["NODE", "NAME", "STATUS"]
    assert lines[1].startswith("mi-00000000000000000  web-1  Online  Debian GNU/Linux 12  10.0.0.1  0.1.0")


def test_filters_are_passed_on_and_json_has_times_in_words(server, typed):
    listed(server, 1)
    out = typed("nodes", "--filter", "PingStatus=Online", "tag:Role=web,db", "--json")[1]
    assert json.loads(out)[0]["LastPingDateTime"] == "2023-11-14T22:13:20Z"
    (request,) = server.requests("AmazonSSM.DescribeInstanceInformation")
    assert request["Filters"] == [
        {"Key": "PingStatus", "Values": ["Online"]},
        {"Key": "tag:Role", "Values": ["web", "db"]},
    ]


def test_no_nodes_leads_to_the_next_step(server, typed):
    listed(server, 0)
    status, out, err = typed("nodes")
    assert (status, out) == (0, "") and "hostreeve activate" in err


def test_a_narrow_terminal_drops_columns_and_never_the_node(server):
    rows = [["mi-00000000000000001", "web-1", "Online", "Debian GNU/Linux 12"]]
    paper = _Terminal()
    Screen(paper, paper, width=40).table(
        ("NODE", "NAME", "STATUS", "PLATFORM"), rows, spare=("PLATFORM", "NAME")
    )
    told = paper.getvalue()
    assert "mi-00000000000000001" in told and "Online" in told and "Debian" not in told
    assert all(len(visible_text) <= 40 for visible_text in _without_colours(told).splitlines())


def test_what_a_stranger_wrote_cannot_command_the_terminal():
    evil = "a\x1b]0;title\x07b\x1b[2Jc\x1b[31mred\x1b[0m\x1bPq\x07\x9b1md"
    assert visible(evil) == "abc\x1b[31mred\x1b[0mq1md"


def test_ago_takes_the_largest_unit():
    assert [ago(1000 - s, 1_000_000) for s in (5, 120, 7200)] == ["5s ago", "2m ago", "2h ago"]
    assert ago(None, 0) == "never"


@pytest.fixture
def activations(server):
    server.answers["AmazonSSM.CreateActivation"] = lambda request: {
        "ActivationId": "11111111-2222-4333-8444-555555555555",
        "ActivationCode": "Code+of/the=Activ1",
    }
    about = {"Urls": ["https://127.0.0.1:1", "https://10.9.8.7:8443"]}
    server.pages["/_hostreeve/about"] = lambda: json.dumps(about).encode()


def test_an_activation_prints_the_line_to_paste(server, typed, activations):
    status, out, _ = typed("activate", "--limit", "3", "--name", "edge", "--tag", "Role=edge", "Site=tokyo")
    assert status == 0
    install, enrol = out.splitlines()
    sha256 = hashlib.sha256(server.certificates.ca_pem_path.read_bytes()).hexdigest()
    assert sha256 in install and 'u="https://10.9.8.7:8443/_hostreeve/"' in install
    assert enrol.startswith("hostreeve agent enrol --server https://10.9.8.7:8443 --ca ")
    (request,) = server.requests("AmazonSSM.CreateActivation")
    assert request["Tags"] == [{"Key": "Role", "Value": "edge"}, {"Key": "Site", "Value": "tokyo"}]
    assert (request["IamRole"], request["RegistrationLimit"]) == ("SSMServiceRole", 3)


def test_an_activation_in_json(server, typed, activations):
    found = json.loads(typed("activate", "--json", "--server", "https://mine:1")[1])
    assert found["ActivationCode"] == "Code+of/the=Activ1" and found["Server"] == "https://mine:1"
    assert "https://mine:1" in found["InstallCommand"]


@pytest.mark.parametrize(
    "address", ["http://mine:1", "mine", "https://x';id", "https://$(id)", 'https://a"b']
)
def test_an_address_unfit_for_the_line_is_refused_before_anything_is_made(
    server, typed, activations, address
):
    status, out, err = typed("activate", "--server", address)
    assert status and not out and "no address for other machines" in err
    assert not server.requests("AmazonSSM.CreateActivation")


@pytest.mark.parametrize("fetcher", ["curl", "wget", "python3"])
def test_the_line_runs_the_installer_only_when_the_authority_is_the_right_one(server, tmp_path, fetcher):
    if not shutil.which(fetcher):
        pytest.skip(f"{fetcher} is not installed")
    script = b'#!/bin/sh\necho "installing $* beside $(ls)"\n'
    server.pages["/_hostreeve/install.sh"] = lambda: script
    right = hashlib.sha256(server.certificates.ca_pem_path.read_bytes()).hexdigest()
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "mktemp", "rm", "sha256sum", "ls", fetcher):
        real = sys.executable if name == "python3" else shutil.which(name)
        (programs / name).symlink_to(Path(real).resolve())
    (tmp_path / "some where").mkdir()
    environment = {"PATH": str(programs), "TMPDIR": str(tmp_path / "some where")}

    def pasted(url, sha256):
        line = one_liner(url, sha256, "an-id", "a 'code'")
        return subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=20)

    done = pasted(server.url, right)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "installing an-id a 'code' beside ca.pem\ninstall.sh\n"
    refused = pasted(server.url, "0" * 64)
    assert refused.returncode != 0 and "installing" not in refused.stdout
    # The right authority, but a connection that it does not vouch for.
    unproven = pasted(f"https://localhost:{server.port}", right)
    assert unproven.returncode != 0 and "installing" not in unproven.stdout
    assert not list((tmp_path / "some where").iterdir())


@pytest.mark.parametrize("url", ["http://a:1", "https://a b", "https://a'$(reboot)", 'https://"x'])
def test_a_line_is_not_made_of_what_a_shell_would_read(url):
    with pytest.raises(ValueError, match="not an https address"):
        one_liner(url, "0" * 64, "i", "c")


def test_accounts_are_printed_as_scripts_rely_on(server, typed):
    account = {"AccountId": "123456789012", "AccessKeyId": "AKIA", "SecretAccessKey": "s"}
    server.answers["Hostreeve.CreateAccounts"] = lambda request: {"Accounts": [{**account, "More": 1}]}
    status, out, _ = typed("account", "create", "--account-id", "123456789012", "--json")
    assert status == 0 and json.loads(out) == [account]
    assert server.requests("Hostreeve.CreateAccounts") == [{"AccountId": "123456789012"}]
    assert typed("account", "create", "--account-id", "12")[0] == 2


def test_missing_settings_are_told_with_the_next_step(typed):
    status, out, err = typed("nodes", AWS_DEFAULT_REGION=None)
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        "hostreeve: No Region is set.",
        "  next: export AWS_DEFAULT_REGION=us-east-1, or give --region.",
    ]


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def _without_colours(text):
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)
