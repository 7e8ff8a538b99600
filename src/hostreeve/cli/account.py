"""`hostreeve account`: member accounts, each with an administrator's access key, and the tree they are in."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from hostreeve.cli.desk import Desk

MEMBERS = ("AccountId", "AccessKeyId", "SecretAccessKey")


def create(desk: Desk, arguments: Namespace) -> int:
    """Create accounts, or for an id that exists answer what is known of it."""
    answer = desk.client().call(
        "hostreeve", "CreateAccounts", AccountId=arguments.account_id, Count=arguments.count
    )
    accounts = [{member: account[member] for member in MEMBERS} for account in answer["Accounts"]]
    if arguments.json:
        desk.screen.json(accounts)
    else:
        rows = [list(account.values()) for account in accounts]
        desk.screen.table(("ACCOUNT", "ACCESS KEY ID", "SECRET ACCESS KEY"), rows)
        desk.screen.note("Each key belongs to an administrator of its account. Keep the secrets safe.")
    return 0


def list_accounts(desk: Desk, arguments: Namespace) -> int:
    """The accounts of this installation, without secrets."""
    accounts = list(desk.client().pages("hostreeve", "ListAccounts", "Accounts"))
    if arguments.json:
        desk.screen.json(accounts)
    else:
        members = ("AccountId", "Name", "Status")
        rows = [[str(account.get(member) or "-") for member in members] for account in accounts]
        desk.screen.table(("ACCOUNT", "NAME", "STATUS"), rows)
    return 0


def tree(desk: Desk, arguments: Namespace) -> int:
    """The organization from its root down. The caller's account manages it, or is a delegated administrator
    of it."""
    client = desk.client()
    organization = client.call("organizations", "DescribeOrganization")["Organization"]
    below: dict[str, list[dict[str, Any]]] = {}
    for account in client.pages("organizations", "ListAccounts", "Accounts"):
        below.setdefault(account["Paths"][0].split("/")[-3], []).append(_leaf(account, organization))
    (root,) = client.pages("organizations", "ListRoots", "Roots")
    found = {"Organization": organization["Id"], **_node(desk, root, below)}
    if arguments.json:
        desk.screen.json(found)
    else:
        desk.screen.line(f"{found['Organization']}")
        _draw(desk, found, "")
    return 0


def _leaf(account: dict[str, Any], organization: dict[str, Any]) -> dict[str, Any]:
    is_management = account["Id"] == organization["MasterAccountId"]
    shown = {member: account[member] for member in ("Id", "Name", "Status")}
    return shown | ({"ManagementAccount": True} if is_management else {})


def _node(desk: Desk, node: dict[str, Any], below: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """A root or unit with all that is in it."""
    units = desk.client().pages(
        "organizations", "ListOrganizationalUnitsForParent", "OrganizationalUnits", ParentId=node["Id"]
    )
    return {
        "Id": node["Id"],
        "Name": node["Name"],
        "OrganizationalUnits": [_node(desk, unit, below) for unit in sorted(units, key=_name)],
        "Accounts": sorted(below.get(node["Id"], []), key=_name),
    }


def _name(node: dict[str, Any]) -> str:
    return str(node["Name"])


def _draw(desk: Desk, node: dict[str, Any], before: str) -> None:
    desk.screen.line(f"{before}{node['Name']} ({node['Id']})", "bold")
    for unit in node["OrganizationalUnits"]:
        _draw(desk, unit, before + "  ")
    for account in node["Accounts"]:
        more = "  management account" if account.get("ManagementAccount") else ""
        more += "" if account["Status"] == "ACTIVE" else f"  {account['Status']}"
        desk.screen.line(f"{before}  {account['Id']}  {account['Name']}{more}")
