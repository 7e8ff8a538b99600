"""`hostreeve account create` and `list`: member accounts, each with an administrator's access key."""

from __future__ import annotations

from argparse import Namespace

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
