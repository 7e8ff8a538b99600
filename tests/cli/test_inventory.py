"""`hostreeve inventory changes`: what became different, in lines and as one document."""

import json
from datetime import UTC, datetime

import pytest

from hostreeve.cli.inventory import moment_ms
from hostreeve.cli.trouble import UsageTrouble

NODE = "mi-0123456789abcdef0"
TUESDAY_MS = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp()) * 1000
NOW_MS = TUESDAY_MS + 5 * 86_400_000 + 9 * 3_600_000
CHANGE = {
    "Time": TUESDAY_MS / 1000,
    "CaptureTime": "2026-11-24T00:00:00Z",
    "TypeName": "AWS:Application",
    "First": False,
    "Added": [{"Name": "curl", "Version": "8", "Architecture": "x86_64"}],
    "Removed": [{"Name": "vim\x1b[2J", "Version": "9"}],
    "Changed": [
        {
            "Before": {"Name": "nginx", "Version": "1.2"},
            "After": {"Name": "nginx", "Version": "1.3", "Epoch": "1"},
        }
    ],
}


def test_every_entry_has_a_line(server, typed):
    first = {"Time": 1.0, "TypeName": "AWS:Service", "First": True}
    server.answers["Hostreeve.ListInventoryChanges"] = lambda request: {"Changes": [CHANGE, first]}
    status, out, _ = typed("inventory", "changes", NODE, "--since", "2026-11-24", "--type", "AWS:Application")
    assert status == 0
    lines = out.splitlines()
    assert lines[:2] == ["2026-11-24T00:00:00Z  AWS:Application", "  + curl (Version 8, Architecture x86_64)"]
    assert lines[2].startswith("  - vim") and "\x1b[2J" not in out
    assert lines[3] == "  ~ nginx Version: 1.2 -> 1.3, Epoch: (none) -> 1"
    assert lines[5] == "  told for the first time"
    (request,) = server.requests("Hostreeve.ListInventoryChanges")
    assert (request["InstanceId"], request["Since"]) == (NODE, TUESDAY_MS / 1000)
    assert request["TypeName"] == "AWS:Application" and "Until" not in request


def test_json_is_one_document_of_all_pages(server, typed):
    def answer(request):
        if "NextToken" in request:
            return {"Changes": [{**CHANGE, "Added": []}]}
        return {"Changes": [CHANGE], "NextToken": "t"}

    server.answers["Hostreeve.ListInventoryChanges"] = answer
    status, out, _ = typed(
        "inventory", "changes", NODE, "--since", "2026-11-24T00:00Z", "--until", "1d", "--json"
    )
    told = json.loads(out)
    assert (status, told["InstanceId"], told["Since"]) == (0, NODE, "2026-11-24T00:00:00Z")
    assert len(told["Changes"]) == 2
    assert "Until" in server.requests("Hostreeve.ListInventoryChanges")[0]


def test_nothing_is_said_to_be_nothing(server, typed):
    server.answers["Hostreeve.ListInventoryChanges"] = lambda request: {"Changes": []}
    status, out, err = typed("inventory", "changes", NODE)
    assert (status, out) == (0, "") and "Nothing became different" in err


@pytest.mark.parametrize(
    ("text", "since_ms"),
    [
        ("tuesday", TUESDAY_MS),
        ("Sunday", NOW_MS - 9 * 3_600_000),
        ("2026-11-24", TUESDAY_MS),
        ("2026-11-24T01:00+01:00", TUESDAY_MS),
        ("5d9h", TUESDAY_MS),
        ("90m", NOW_MS - 5_400_000),
    ],
)
def test_times_are_dates_weekdays_and_how_long_ago(text, since_ms):
    assert moment_ms(text, NOW_MS) == since_ms


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "5x", ""])
def test_what_is_no_time_is_said_to_be_none(text):
    with pytest.raises(UsageTrouble):
        moment_ms(text, NOW_MS)
