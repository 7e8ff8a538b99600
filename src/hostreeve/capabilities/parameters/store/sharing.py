"""What an account lets others read: the policy of a parameter, and whom it names."""

import msgspec

from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.store.parameters import COLUMNS, parameter
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_ONE = "account = :account AND region = :region AND path = :path"


class Sharing(msgspec.Struct, frozen=True):
    """The resource policy of one parameter."""

    policy_id: str
    policy_hash: str
    policy: str


def find(tx: Transaction, scope: Scope, path: str) -> Sharing | None:
    row = tx.one(
        f"SELECT policy_id, policy_hash, policy FROM parameter_sharing WHERE {_ONE}",
        account=scope.account,
        region=scope.region,
        path=path,
    )
    return Sharing(**row) if row else None


def put(tx: Transaction, scope: Scope, path: str, sharing: Sharing, *, guests: frozenset[str]) -> None:
    """Keep the policy, in place of the one before it. `guests`: the other accounts that it names."""
    delete(tx, scope, path)
    tx.run(
        """INSERT INTO parameter_sharing (account, region, path, policy_id, policy_hash, policy)
           VALUES (:account, :region, :path, :policy_id, :policy_hash, :policy)""",
        account=scope.account,
        region=scope.region,
        path=path,
        **msgspec.structs.asdict(sharing),
    )
    tx.many(
        """INSERT INTO parameter_guests (guest, region, account, path)
           VALUES (:guest, :region, :account, :path)""",
        [
            {"guest": guest, "region": scope.region, "account": scope.account, "path": path}
            for guest in sorted(guests)
        ],
    )


def delete(tx: Transaction, scope: Scope, path: str) -> None:
    for table in ("parameter_sharing", "parameter_guests"):
        tx.run(f"DELETE FROM {table} WHERE {_ONE}", account=scope.account, region=scope.region, path=path)


def shared_with(
    tx: Transaction, guest: Scope, *, after: tuple[str, str], limit: int
) -> list[tuple[Parameter, str]]:
    """Others' parameters that name the guest's account, by owner and path, each with its sharing policy."""
    columns = ", ".join(f"p.{column.strip()}" for column in COLUMNS.split(","))
    rows = tx.all(
        f"""SELECT {columns}, s.policy AS sharing
            FROM parameter_guests g
            JOIN parameters p ON p.account = g.account AND p.region = g.region AND p.path = g.path
            JOIN parameter_sharing s ON s.account = g.account AND s.region = g.region AND s.path = g.path
            WHERE g.guest = :guest AND g.region = :region
              AND (g.account > :owner OR (g.account = :owner AND g.path > :path))
            ORDER BY g.account, g.path LIMIT :limit""",
        guest=guest.account,
        region=guest.region,
        owner=after[0],
        path=after[1],
        limit=limit,
    )
    return [(parameter(row), text) for row in rows for text in [row.pop("sharing")]]
