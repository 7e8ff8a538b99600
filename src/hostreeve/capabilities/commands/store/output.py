"""Whole output in the database: the bytes of each stream of each step, in the pieces in which they came."""

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

_STREAM = """account = :account AND region = :region AND command_id = :command_id AND node_id = :node_id
             AND step_id = :step_id AND stream = :stream"""


class Stream:
    """One stream of one step of one invocation: the columns that name it."""

    def __init__(self, scope: Scope, invocation: tuple[str, str], step_id: str, stream: str) -> None:
        self.key = {
            "account": scope.account,
            "region": scope.region,
            "command_id": invocation[0],
            "node_id": invocation[1],
            "step_id": step_id,
            "stream": stream,
        }


def size(tx: Transaction, stream: Stream) -> int:
    """Bytes stored of the stream, without a gap."""
    row = tx.one(
        f"""SELECT offset_bytes + length(chunk) AS size FROM command_output WHERE {_STREAM}
            ORDER BY offset_bytes DESC LIMIT 1""",
        **stream.key,
    )
    return int(row["size"]) if row else 0


def append(tx: Transaction, stream: Stream, offset_bytes: int, chunk: bytes) -> None:
    tx.run(
        """INSERT INTO command_output
               (account, region, command_id, node_id, step_id, stream, offset_bytes, chunk)
           VALUES (:account, :region, :command_id, :node_id, :step_id, :stream, :offset_bytes, :chunk)""",
        **stream.key,
        offset_bytes=offset_bytes,
        chunk=chunk,
    )


def read(tx: Transaction, stream: Stream, offset_bytes: int, length: int) -> bytes:
    """Up to `length` bytes from `offset_bytes` on."""
    first = tx.one(
        f"""SELECT offset_bytes FROM command_output WHERE {_STREAM} AND offset_bytes <= :start
            ORDER BY offset_bytes DESC LIMIT 1""",
        **stream.key,
        start=offset_bytes,
    )
    if first is None:
        return b""
    rows = tx.all(
        f"""SELECT chunk FROM command_output WHERE {_STREAM}
            AND offset_bytes >= :first AND offset_bytes < :end ORDER BY offset_bytes""",
        **stream.key,
        first=first["offset_bytes"],
        end=offset_bytes + length,
    )
    whole = b"".join(row["chunk"] for row in rows)
    skip = offset_bytes - int(first["offset_bytes"])
    return whole[skip : skip + length]
