"""How large a document may be: AWS's quotas, raisable, and bounds that keep parsing cheap."""

from collections.abc import Mapping
from typing import NamedTuple


class Quota(NamedTuple):
    """One row of the table of quotas: AWS's words for it, and its value unless somebody raised it."""

    name: str
    default: int


QUOTAS: Mapping[str, Quota] = {
    "documents": Quota("SSM documents per account and Region", 500),
    "document-versions": Quota("SSM document versions", 1000),
    "document-size-bytes": Quota("SSM document size", 64 * 1024),
    "document-attachments": Quota("Attachments per SSM document version", 20),
    "document-attachment-bytes": Quota("Size of one attachment", 1 << 30),
    "document-shares": Quota("Accounts that a SSM document is shared with", 1000),
    "public-documents": Quota("Publicly shared SSM documents", 5),
}
"""Every quota of documents by the key that raises it. Sizes are bytes; parameter values given at run time
count in a document's size too."""

_raised: dict[str, int] = {}


def quota(key: str) -> int:
    """What holds now. KeyError when there is no such quota."""
    return _raised.get(key, QUOTAS[key].default)


def set_quotas(values: Mapping[str, int]) -> None:
    """Let this process have other values than AWS's. All replicas must be told the same; {} is AWS's values.

    ValueError names a key that is not a quota of documents, or a value below 1.
    """
    for key, value in values.items():
        if key not in QUOTAS:
            raise ValueError(f"{key} is not one of: {', '.join(QUOTAS)}")
        if value < 1:
            raise ValueError(f"{key} must be at least 1")
    _raised.clear()
    _raised.update(values)


SIZE_BYTES_MAX = QUOTAS["document-size-bytes"].default
"""AWS's own value of the quota `document-size-bytes`; what holds now is `quota("document-size-bytes")`."""

DEPTH_MAX = 64
VALUES_MAX = 20_000
STEPS_MAX = 100
PARAMETERS_MAX = 200
PATTERN_CHARS_MAX = 512
