"""What AWS has and we have not: refused by name, so that nobody believes it was done."""

from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.platform.kms.model.refusals import unsupported
from hostreeve.platform.kms.operations.service import kms

ABSENT = {
    "custom key stores": (
        "ConnectCustomKeyStore",
        "CreateCustomKeyStore",
        "DeleteCustomKeyStore",
        "DescribeCustomKeyStores",
        "DisconnectCustomKeyStore",
        "UpdateCustomKeyStore",
    ),
    "imported key material": (
        "DeleteImportedKeyMaterial",
        "GetParametersForImport",
        "ImportKeyMaterial",
    ),
    "multi-Region keys": ("ReplicateKey", "UpdatePrimaryRegion"),
}
"""What there is not, and the operations on it. They are registered only to be refused."""


def _refuse(operation: str, what: str) -> None:
    @kms.writes(operation, on=anything)
    def refuse(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        raise unsupported(f"{what} ({operation})")


for _what, _operations in ABSENT.items():
    for _operation in _operations:
        _refuse(_operation, _what)
