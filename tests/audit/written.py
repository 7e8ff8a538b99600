"""All that the audit log of a house holds, wherever it lies."""

import json
from pathlib import Path

from hostreeve.platform import audit
from hostreeve.platform.audit.actions.searching import lines_of
from hostreeve.platform.audit.store.segments import frames_after


def exported(house, **wanted):
    """The records of an export, taken apart."""
    house.app.auditor.catch_up()
    house.app.auditor.journal.sync()
    found = audit.export(house.app.database.read_sync, Path(house.journal.name), audit.Wanted(**wanted))
    return [json.loads(record) for record in found]


def everything(house) -> str:
    """Every line of the journal and every row of the tables, unpacked."""
    house.app.auditor.catch_up()
    journal = house.app.auditor.journal
    journal.sync()
    lines = [
        line for frame in frames_after(journal.folder, 0, at_most=10**6) for line in lines_of(frame.packed)
    ]
    rows = house.app.database.read_sync(
        lambda tx: (tx.all("SELECT record FROM audit_event"), tx.all("SELECT frames FROM audit_part"))
    )
    lines += [row["record"] for row in rows[0]]
    lines += [line for row in rows[1] for line in lines_of(row["frames"])]
    return b"\n".join(lines).decode()
