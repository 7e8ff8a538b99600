"""Numbered, forward-only changes of the schema: each slice's `schema/NNNN_name.sql`, each once, all or none.

A twin `NNNN_name.sqlite.sql` or `NNNN_name.postgres.sql` takes the plain file's place on that engine.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from hostreeve.persistence.dialect import schema_for_postgresql
from hostreeve.persistence.errors import ChangedMigration, NewerSchema

OWN = "hostreeve.persistence"
_FILE = re.compile(r"(?P<number>\d{4})_(?P<name>\w+)(?:\.(?P<engine>sqlite|postgres))?\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of one slice, as one engine reads it."""

    slice: str
    number: int
    name: str
    sql: str
    checksum: str


class Ledger(Protocol):
    """The open transaction, already under the migration lock, that records and applies."""

    def recorded(self) -> dict[tuple[str, int], str]:
        """Checksums by slice and number; creates the table when there is none."""
        ...

    def apply(self, migration: Migration) -> None:
        """Run the statements and record them."""
        ...


def migrate(ledger: Ledger, schemas: Sequence[str], engine: str, place: str) -> int:
    """Apply what is missing; answers how many. NewerSchema or ChangedMigration when the store and we
    disagree.
    """
    known = {(m.slice, m.number): m for schema in (OWN, *schemas) for m in migrations_of(schema, engine)}
    recorded = ledger.recorded()
    _refuse_unknown(recorded, known, place)
    for key, checksum in recorded.items():
        if checksum != known[key].checksum:
            raise ChangedMigration(
                f"{place}: migration {key[1]:04d} of {key[0]} was changed after it was applied here. "
                "Run the version of Hostreeve that made this store, or restore a backup."
            )
    missing = [migration for key, migration in known.items() if key not in recorded]
    for migration in missing:
        ledger.apply(migration)
    return len(missing)


def _refuse_unknown(
    recorded: Iterable[tuple[str, int]], known: Iterable[tuple[str, int]], place: str
) -> None:
    unknown = sorted(set(recorded) - set(known))
    if unknown:
        listed = ", ".join(f"{number:04d} of {slice_}" for slice_, number in unknown[:3])
        raise NewerSchema(
            f"{place} has migrations that this version does not know ({listed}): a newer Hostreeve wrote it. "
            "Run that version or a later one; nothing was changed."
        )


@lru_cache(maxsize=256)
def migrations_of(schema: str, engine: str) -> tuple[Migration, ...]:
    """The migrations of a package, by number. A package without a `schema` folder has none."""
    spec = find_spec(schema)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"there is no package {schema} to take a schema from")
    own = "postgres" if engine == "postgresql" else engine
    chosen: dict[int, tuple[str, str | None, Path]] = {}
    for path in sorted((Path(spec.submodule_search_locations[0]) / "schema").glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path} is not named NNNN_name.sql")
        if match["engine"] not in (None, own):
            continue
        number, name = int(match["number"]), match["name"]
        before = chosen.get(number)
        if before and (before[0] != name or before[1] == match["engine"]):
            raise ValueError(f"{path} and {before[2]} have the same number")
        if not before or match["engine"]:
            chosen[number] = (name, match["engine"], path)
    return tuple(_read(schema, number, chosen[number][0], chosen[number][2]) for number in sorted(chosen))


def _read(schema: str, number: int, name: str, path: Path) -> Migration:
    text = path.read_text(encoding="utf-8")
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return Migration(schema, number, name, text, checksum)


def as_postgresql(migration: Migration) -> str:
    """The statements in PostgreSQL's words."""
    return schema_for_postgresql(migration.sql)
