"""Baselines, the patch groups they are registered for, and the defaults of an account in a Region."""

from typing import Any, NamedTuple

import msgspec

from hostreeve.capabilities.patches.model.baseline import Baseline
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_SCOPED = "account = :account AND region = :region"
_KEY = f"{_SCOPED} AND baseline_id = :baseline_id"


class Registration(NamedTuple):
    """A baseline that counts for a patch group's nodes of its operating system."""

    patch_group: str
    operating_system: str
    baseline_id: str


def insert(tx: Transaction, scope: Scope, baseline: Baseline, *, token: str | None, asked: str) -> None:
    tx.run(
        "INSERT INTO patch_baselines"
        " (account, region, baseline_id, operating_system, body, client_token, asked)"
        " VALUES (:account, :region, :baseline_id, :operating_system, :body, :token, :asked)",
        **_of(scope, baseline.baseline_id),
        operating_system=baseline.operating_system,
        body=_body(baseline),
        token=token,
        asked=asked,
    )


def replace(tx: Transaction, scope: Scope, baseline: Baseline) -> None:
    tx.run(
        f"UPDATE patch_baselines SET body = :body WHERE {_KEY}",
        **_of(scope, baseline.baseline_id),
        body=_body(baseline),
    )


def delete(tx: Transaction, scope: Scope, baseline_id: str) -> bool:
    return bool(tx.run(f"DELETE FROM patch_baselines WHERE {_KEY}", **_of(scope, baseline_id)))


def find(tx: Transaction, scope: Scope, baseline_id: str) -> Baseline | None:
    row = tx.one(f"SELECT body FROM patch_baselines WHERE {_KEY}", **_of(scope, baseline_id))
    return msgspec.json.decode(row["body"], type=Baseline) if row else None


def made_with(tx: Transaction, scope: Scope, token: str) -> tuple[str, str] | None:
    """The id of the baseline that was made with this ClientToken, and the hash of what was asked."""
    row = tx.one(
        f"SELECT baseline_id, asked FROM patch_baselines WHERE {_SCOPED} AND client_token = :token",
        **_in(scope),
        token=token,
    )
    return (row["baseline_id"], row["asked"]) if row else None


def every(tx: Transaction, scope: Scope) -> list[Baseline]:
    """All that the account made in this Region, by id: there is a quota on them."""
    rows = tx.all(f"SELECT body FROM patch_baselines WHERE {_SCOPED} ORDER BY baseline_id", **_in(scope))
    return [msgspec.json.decode(row["body"], type=Baseline) for row in rows]


def defaults(tx: Transaction, scope: Scope) -> dict[str, str]:
    """Baseline ids by operating system, where the account registered one."""
    rows = tx.all(f"SELECT operating_system, baseline_id FROM patch_defaults WHERE {_SCOPED}", **_in(scope))
    return {row["operating_system"]: row["baseline_id"] for row in rows}


def set_default(tx: Transaction, scope: Scope, operating_system: str, baseline_id: str) -> None:
    tx.run(
        "INSERT INTO patch_defaults (account, region, operating_system, baseline_id)"
        " VALUES (:account, :region, :operating_system, :baseline_id)"
        " ON CONFLICT (account, region, operating_system) DO UPDATE SET baseline_id = excluded.baseline_id",
        **_of(scope, baseline_id),
        operating_system=operating_system,
    )


def register(tx: Transaction, scope: Scope, one: Registration) -> None:
    tx.run(
        "INSERT INTO patch_groups (account, region, patch_group, operating_system, baseline_id)"
        " VALUES (:account, :region, :patch_group, :operating_system, :baseline_id)",
        **_in(scope),
        **one._asdict(),
    )


def deregister(tx: Transaction, scope: Scope, patch_group: str, baseline_id: str) -> bool:
    return bool(
        tx.run(
            f"DELETE FROM patch_groups WHERE {_KEY} AND patch_group = :patch_group",
            **_of(scope, baseline_id),
            patch_group=patch_group,
        )
    )


def registered(tx: Transaction, scope: Scope, patch_group: str, operating_system: str) -> str | None:
    """The id of the baseline that counts for a group's nodes of an operating system."""
    row = tx.one(
        f"SELECT baseline_id FROM patch_groups WHERE {_SCOPED} AND patch_group = :patch_group"
        " AND operating_system = :operating_system",
        **_in(scope),
        patch_group=patch_group,
        operating_system=operating_system,
    )
    return row["baseline_id"] if row else None


def groups_of(tx: Transaction, scope: Scope, baseline_id: str) -> list[str]:
    """The patch groups that a baseline is registered for."""
    rows = tx.all(
        f"SELECT patch_group FROM patch_groups WHERE {_KEY} ORDER BY patch_group", **_of(scope, baseline_id)
    )
    return [row["patch_group"] for row in rows]


def registrations(
    tx: Transaction,
    scope: Scope,
    *,
    prefixes: list[str] | None = None,
    systems: list[str] | None = None,
    after: tuple[str, str] = ("", ""),
    limit: int,
) -> list[Registration]:
    """What is registered, behind `after` (group, operating system), narrowed by the beginnings of groups'
    names and by operating system."""
    begins = [
        f"substr(patch_group, 1, {len(prefix)}) = :prefix{i}" for i, prefix in enumerate(prefixes or [])
    ]
    where = f" AND ({' OR '.join(begins)})" if begins else ""
    where += " AND operating_system IN :systems" if systems is not None else ""
    rows = tx.all(
        f"SELECT patch_group, operating_system, baseline_id FROM patch_groups WHERE {_SCOPED}{where}"
        " AND (patch_group > :group OR (patch_group = :group AND operating_system > :system))"
        " ORDER BY patch_group, operating_system LIMIT :limit",
        **_in(scope),
        group=after[0],
        system=after[1],
        limit=limit,
        **{f"prefix{i}": prefix for i, prefix in enumerate(prefixes or [])},
        **({"systems": systems} if systems is not None else {}),
    )
    return [Registration(row["patch_group"], row["operating_system"], row["baseline_id"]) for row in rows]


def _body(baseline: Baseline) -> str:
    return msgspec.json.encode(baseline).decode()


def _in(scope: Scope) -> dict[str, Any]:
    return {"account": scope.account, "region": scope.region}


def _of(scope: Scope, baseline_id: str) -> dict[str, Any]:
    return {**_in(scope), "baseline_id": baseline_id}
