"""All SQL about contents: which files hold them, and which files nothing holds any more."""

from collections.abc import Sequence
from typing import Any

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.objects.model.rows import Piece

_SCOPED = "account = :account AND region = :region"
_PIECE = "file, size_bytes, offset_bytes, part"


def insert(tx: Transaction, scope: Scope, content: str, pieces: Sequence[Piece]) -> None:
    """A content is made of these files, in this order."""
    tx.many(
        "INSERT INTO object_pieces (account, region, content, position, file, offset_bytes, size_bytes, part)"
        " VALUES (:account, :region, :content, :position, :file, :offset_bytes, :size_bytes, :part)",
        [
            {
                "account": scope.account,
                "region": scope.region,
                "content": content,
                "position": position,
                "file": piece.file,
                "offset_bytes": piece.offset_bytes,
                "size_bytes": piece.size_bytes,
                "part": piece.part,
            }
            for position, piece in enumerate(pieces)
        ],
    )


def pieces(tx: Transaction, scope: Scope, content: str) -> list[Piece]:
    """The files of a content, in order; none when it is empty."""
    rows = tx.all(
        f"SELECT {_PIECE} FROM object_pieces WHERE {_SCOPED} AND content = :content ORDER BY position",
        account=scope.account,
        region=scope.region,
        content=content,
    )
    return [_piece(row) for row in rows]


def pieces_of_many(tx: Transaction, scope: Scope, contents: Sequence[str]) -> dict[str, list[Piece]]:
    """The files of several contents at once; empty contents are missing."""
    rows = tx.all(
        f"SELECT content, {_PIECE} FROM object_pieces WHERE {_SCOPED} AND content IN :contents"
        " ORDER BY content, position",
        account=scope.account,
        region=scope.region,
        contents=list(contents),
    )
    found: dict[str, list[Piece]] = {}
    for row in rows:
        found.setdefault(row["content"], []).append(_piece(row))
    return found


def drop(tx: Transaction, scope: Scope, contents: Sequence[str], now_ms: int) -> None:
    """Contents are gone; the worker deletes their files after a while, unless others have them too."""
    if not contents:
        return
    which = {"account": scope.account, "region": scope.region, "contents": list(contents)}
    tx.run(
        "INSERT INTO object_dropped (file, dropped_ms)"
        f" SELECT DISTINCT file, CAST(:now_ms AS BIGINT) FROM object_pieces WHERE {_SCOPED}"
        " AND content IN :contents"
        " ON CONFLICT (file) DO UPDATE SET dropped_ms = excluded.dropped_ms",
        now_ms=now_ms,
        **which,
    )
    tx.run(f"DELETE FROM object_pieces WHERE {_SCOPED} AND content IN :contents", **which)


def dropped(tx: Transaction, before_ms: int, limit: int) -> list[str]:
    """Files that were dropped before a moment, the longest gone first."""
    rows = tx.all(
        "SELECT file FROM object_dropped WHERE dropped_ms < :before_ms ORDER BY dropped_ms LIMIT :limit",
        before_ms=before_ms,
        limit=limit,
    )
    return [row["file"] for row in rows]


def held(tx: Transaction, files: Sequence[str]) -> set[str]:
    """Those of the files that some content has, in any scope."""
    rows = tx.all("SELECT DISTINCT file FROM object_pieces WHERE file IN :files", files=list(files))
    return {row["file"] for row in rows}


def forget_dropped(tx: Transaction, files: Sequence[str], before_ms: int) -> int:
    """The files have been dealt with, except those that were dropped again since."""
    return tx.run(
        "DELETE FROM object_dropped WHERE file IN :files AND dropped_ms < :before_ms",
        files=list(files),
        before_ms=before_ms,
    )


def _piece(row: dict[str, Any]) -> Piece:
    return Piece(row["file"], row["size_bytes"], row["offset_bytes"], row["part"])
