"""sourceType SSMDocument: a document's content as a JSON file."""

from __future__ import annotations

from hostreeve.agent.order import encoded
from hostreeve.agent.plugins.download_content.destination import keep
from hostreeve.agent.plugins.download_content.wanted import Wanted
from hostreeve.agent.plugins.run_document.source import get_document, name_and_version


def fetch(wanted: Wanted) -> None:
    """StepFailed when there is no such document for this node."""
    written = wanted.needed("name", "SSMDocument")
    answer = get_document(wanted.server, written)
    own_name = name_and_version(written)[0].rpartition("/")[2]
    keep(wanted.destination.file(f"{own_name}.json"), [encoded(str(answer.get("Content") or ""))])
