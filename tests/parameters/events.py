"""What was told of a parameter."""

import json


def events(house, name):
    """(detail type, detail) of every event about it, in order."""

    def unit(tx):
        return tx.all(
            "SELECT detail_type, detail FROM outbox_event WHERE aggregate LIKE :about ORDER BY sequence",
            about=f"%:parameter{name}",
        )

    return [(row["detail_type"], json.loads(row["detail"])) for row in house.app.database.read_sync(unit)]
