"""Many writers of one document: no version is lost, none doubled, whatever the engine."""

import json
from concurrent.futures import ThreadPoolExecutor

from hostreeve.api.errors import AwsError
from tests.documents.test_operations import SCHEMAS, Library, text

__all__ = ["SCHEMAS"]
WRITERS, EACH = 8, 5


def test_concurrent_updates_give_every_accepted_text_one_version_of_its_own(database, world):
    library = Library(database, world)
    library("CreateDocument", Name="Mine", Content=text("first"))

    def write(writer):
        made = {}
        for number in range(EACH):
            line = f"{writer}-{number}"
            answer = library("UpdateDocument", Name="Mine", Content=text(line))
            made[answer["DocumentDescription"]["DocumentVersion"]] = line
        return made

    with ThreadPoolExecutor(WRITERS) as pool:
        each = list(pool.map(write, range(WRITERS)))
    told = {version: line for made in each for version, line in made.items()}
    assert len(told) == WRITERS * EACH, "two writers were told the same version"
    assert sorted(map(int, told)) == list(range(2, WRITERS * EACH + 2))
    for version, line in told.items():
        kept = json.loads(library("GetDocument", Name="Mine", DocumentVersion=version)["Content"])
        assert kept["mainSteps"][0]["inputs"]["runCommand"] == [line]


def test_of_editors_who_start_from_the_same_version_one_wins(database, world):
    library = Library(database, world)
    library("CreateDocument", Name="Mine", Content=text("first"))

    def edit(writer):
        try:
            library("UpdateDocument", Name="Mine", Content=text(str(writer)), DocumentVersion="1")
        except AwsError as refused:
            return refused.code
        return "won"

    with ThreadPoolExecutor(WRITERS) as pool:
        ends = sorted(pool.map(edit, range(WRITERS)))
    assert ends == ["InvalidDocumentVersion"] * (WRITERS - 1) + ["won"]
    assert len(library("ListDocumentVersions", Name="Mine")["DocumentVersions"]) == 2
