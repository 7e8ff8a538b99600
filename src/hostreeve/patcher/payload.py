"""The payload as one file, for the server to hand out: standard library only, Python 3.6 and later."""

from hostreeve.contract.archive import archive, room

OF_THE_CONTRACT = ("__init__.py", "sigv4.py")


def payload_bytes() -> bytes:
    """The archive. Its bytes depend on the sources only."""
    ours = [file for file in room("patcher", "*.py") if file.name != "payload.py"]
    shared = [file for name in OF_THE_CONTRACT for file in room("contract", name)]
    return archive("hostreeve.patcher.main", [*ours, *shared], arguments="sys.argv[1:]")
