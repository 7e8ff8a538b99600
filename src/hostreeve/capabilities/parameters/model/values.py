"""What a parameter may hold: values and their sizes, data types, tiers, labels."""

import re
from collections.abc import Iterable

from hostreeve.capabilities.parameters.model.parameter import ADVANCED, INTELLIGENT, SECURE, STANDARD, STRING
from hostreeve.platform.settings import Setting

PARAMETERS_MAX = 10_000_000
"""Parameters of an account in a Region. AWS stops at 10,000 standard and 100,000 advanced ones."""
VALUE_BYTES_MAX = {STANDARD: 4096, ADVANCED: 8192}
VERSIONS_MAX = 100
LABELS_MAX = 10
LABEL_CHARS_MAX = 100
IMAGE, INTEGRATION, TEXT = "aws:ec2:image", "aws:ssm:integration", "text"
INTEGRATIONS = "/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations/"
"""The tree in which the console keeps the parameters of integrations; AWS allows the type there only."""

DEFAULT_TIER = Setting(
    "/ssm/parameter-store/default-parameter-tier", (STANDARD, ADVANCED, INTELLIGENT), default=STANDARD
)
"""The tier of new parameters whose request names none."""
HIGH_THROUGHPUT = Setting("/ssm/parameter-store/high-throughput-enabled", ("true", "false"), default="false")
"""At AWS it lifts the limit of calls per second. There is none here to lift: kept and shown."""

_LABEL = re.compile(r"(?!\d)(?!aws)(?!ssm)[A-Za-z0-9_.\-]{1,100}", re.IGNORECASE)
_REFERENCE = re.compile(r"\{\{.*?\}\}", re.DOTALL)

TOO_LARGE = (
    f"Standard tier parameters support a maximum parameter value of {VALUE_BYTES_MAX[STANDARD]} characters. "
    "To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. "
    "For more information, see "
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
)
TOO_LARGE_FOR_ALL = (
    f"Advanced tier parameters support a maximum parameter value of {VALUE_BYTES_MAX[ADVANCED]} characters."
)
EMPTY = (
    "1 validation error detected: Value at 'value' failed to satisfy constraint: "
    "Member must have length greater than or equal to 1"
)


class Downgrade(ValueError):
    """An advanced parameter was to become a standard one."""


def tier_of(wanted: str | None, current: str | None, *, size_bytes: int, has_policies: bool) -> str:
    """The tier a value gets: `wanted` by the request, `current` of the parameter (None: there is none).

    Whatever is advanced stays so: AWS has no way back. Downgrade when a request asks for it in so many words.
    """
    if current == ADVANCED:
        if wanted == STANDARD:
            raise Downgrade
        return ADVANCED
    if wanted == INTELLIGENT:
        return ADVANCED if size_bytes > VALUE_BYTES_MAX[STANDARD] or has_policies else STANDARD
    return wanted or current or STANDARD


def wrong_with_value(value: bytes, text: str) -> str:
    """Why no tier takes the value, or nothing. Values are never part of the answer."""
    if not value:
        return EMPTY
    if len(value) > VALUE_BYTES_MAX[ADVANCED]:
        return TOO_LARGE_FOR_ALL
    if _REFERENCE.search(text):
        return "Parameter value: can't contain a reference in double brackets, {{}}."
    return ""


def wrong_with_data_type(data_type: str, type_: str, path: str) -> str:
    """Why the data type does not fit, or nothing. Whether there is such an image is looked up later."""
    if data_type not in (TEXT, IMAGE, INTEGRATION):
        return f"The following data type is not supported: {data_type} (Data type names are all lowercase.)"
    if data_type == IMAGE and type_ != STRING:
        return f"The data type {IMAGE} is for {STRING} parameters only."
    if data_type == INTEGRATION and (type_ != SECURE or not path.startswith(INTEGRATIONS)):
        return f"The data type {INTEGRATION} is for {SECURE} parameters below {INTEGRATIONS} only."
    return ""


def sorted_labels(labels: Iterable[str]) -> tuple[list[str], list[str]]:
    """The labels that may be attached, and those that may not; doubles once, in the order given."""
    given = list(dict.fromkeys(labels))
    good = [label for label in given if _LABEL.fullmatch(label)]
    return good, [label for label in given if label not in good]
