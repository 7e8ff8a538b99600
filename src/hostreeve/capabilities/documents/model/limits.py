"""How large a document may be: AWS's quotas, raisable, and bounds that keep parsing cheap."""

from collections.abc import Mapping

from hostreeve.api.quotas import Quota, Quotas

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

quota = Quotas(QUOTAS)
set_quotas = quota.set


SIZE_BYTES_MAX = QUOTAS["document-size-bytes"].default
"""AWS's own value of the quota `document-size-bytes`; what holds now is `quota("document-size-bytes")`."""

DEPTH_MAX = 64
VALUES_MAX = 20_000
STEPS_MAX = 100
PARAMETERS_MAX = 200
PATTERN_CHARS_MAX = 512
