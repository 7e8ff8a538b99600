"""What CloudTrail calls a service and an operation, and whether that operation only reads."""

from hostreeve.api.service_models import Service

UNKNOWN = "Unknown"
"""The name of an operation that there is not."""

READS = (
    "BatchGet",
    "Decode",
    "Describe",
    "Explain",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Preview",
    "Search",
    "Simulate",
    "Verify",
)
READS_TOO = frozenset(
    {
        ("hostreeve", "PlanCommand"),
        ("kms", "Decrypt"),
        ("kms", "DeriveSharedSecret"),
        ("kms", "Encrypt"),
        ("kms", "GenerateDataKey"),
        ("kms", "GenerateDataKeyPair"),
        ("kms", "GenerateDataKeyPairWithoutPlaintext"),
        ("kms", "GenerateDataKeyWithoutPlaintext"),
        ("kms", "GenerateMac"),
        ("kms", "GenerateRandom"),
        ("kms", "ReEncrypt"),
        ("kms", "Sign"),
        ("s3", "SelectObjectContent"),
        ("sts", "AssumeRole"),
        ("sts", "AssumeRoleWithSAML"),
        ("sts", "AssumeRoleWithWebIdentity"),
    }
)
"""Operations that AWS counts as reads, whatever their names say."""

DATA_SERVICES = frozenset({"ec2messages", "ssmmessages"})
"""All that nodes and the server say to one another."""
DATA_OF_S3 = ("Object", "Part", "MultipartUpload")


def source_of(service: str, signing_name: str) -> str:
    """`ssm.amazonaws.com`; our own service, which AWS has not, has no such name."""
    return service if service == "hostreeve" else f"{signing_name}.amazonaws.com"


def reads(service: str, operation: str) -> bool:
    """CloudTrail's `readOnly`."""
    return operation.startswith(READS) or (service, operation) in READS_TOO


def is_data(service: str, operation: str) -> bool:
    """Whether it is a data event: of the contents of a resource, not of the resource. LookupEvents does not
    show them, at AWS as here."""
    if service in DATA_SERVICES:
        return True
    return service == "s3" and any(word in operation for word in DATA_OF_S3)


_names: dict[tuple[int, str], tuple[str, bool, bool]] = {}


def names(service: Service | None, operation: str) -> tuple[str, bool, bool]:
    """Source, `reads` and `is_data` of an operation."""
    key = (id(service), operation)
    found = _names.get(key)
    if found is None:
        name = service.name if service is not None else ""
        source = source_of(name, service.signing_name) if service is not None else UNKNOWN
        # Services live as long as the process, and operations are those of their models.
        found = _names[key] = (source, reads(name, operation), is_data(name, operation))
    return found
