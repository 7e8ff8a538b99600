"""Writes docs/reference/coverage.md: which operations of AWS's services there are, and which not yet."""

from collections.abc import Mapping
from pathlib import Path

from hostreeve.api.operations import Operation
from hostreeve.api.service_models import service
from hostreeve.platform.kms.operations.refused import ABSENT

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "coverage.md"
SERVICES = {
    "ssm": "Systems Manager",
    "ssm-contacts": "Incident Manager contacts",
    "ssm-incidents": "Incident Manager",
    "ssm-quicksetup": "Quick Setup",
    "ssm-guiconnect": "GUI Connect",
    "appconfig": "AppConfig",
    "appconfigdata": "AppConfig data",
    "iam": "Identity and Access Management",
    "sts": "Security Token Service",
    "organizations": "Organizations",
    "kms": "Key Management Service",
    "s3": "Simple Storage Service",
    "sns": "Simple Notification Service",
    "events": "EventBridge",
    "scheduler": "EventBridge Scheduler",
    "logs": "CloudWatch Logs",
    "cloudwatch": "CloudWatch",
    "cloudtrail": "CloudTrail",
    "lambda": "Lambda",
    "cloudformation": "CloudFormation",
    "ec2": "EC2",
    "resource-groups": "Resource Groups",
    "resourcegroupstaggingapi": "Resource Groups Tagging",
    "stepfunctions": "Step Functions",
    "ec2messages": "Message delivery to nodes",
    "ssmmessages": "Node channels",
    "hostreeve": "Hostreeve's own extensions",
}
"""What this project serves or will serve, in the order of the page; the last three are in no public model."""

REFUSED = frozenset(("kms", name) for names in ABSENT.values() for name in names)
"""Registered only to answer that they are not there, in the service's own error."""

HEAD = """# Coverage

Every operation of the services that Hostreeve serves or will serve. Requests for all of them are understood
and checked against AWS's models; one that is not there yet answers `NotImplemented` and names itself.
`make docs` writes this page from the table of operations that the server itself uses.

"""


def page(operations: Mapping[tuple[str, str], Operation]) -> str:
    """The page's Markdown for a table `(service, operation name) -> Operation`."""
    rows = ["| service | operations | there | not yet |", "|---|---:|---:|---:|"]
    sections = []
    there_all = missing_all = 0
    for name, title in SERVICES.items():
        there, missing = _divided(name, operations)
        there_all, missing_all = there_all + len(there), missing_all + len(missing)
        rows.append(_row(f"[{title}](#{name}) (`{name}`)", len(there), len(missing)))
        sections.append(_section(name, title, there, missing))
    rows.append(_row("**all**", there_all, missing_all))
    return HEAD + "\n".join(rows) + "\n\n" + "\n".join(sections)


def write(operations: Mapping[tuple[str, str], Operation]) -> None:
    """Write the page to its place."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(operations))


def _divided(name: str, operations: Mapping[tuple[str, str], Operation]) -> tuple[list[str], list[str]]:
    names = sorted(service(name).operation_names)
    there = [n for n in names if (name, n) in operations and (name, n) not in REFUSED]
    return there, [n for n in names if n not in there]


def _row(title: str, there: int, missing: int) -> str:
    return f"| {title} | {there + missing} | {there} | {missing} |"


def _section(name: str, title: str, there: list[str], missing: list[str]) -> str:
    parts = [f'<a id="{name}"></a>', f"## {title}", ""]
    parts += [_list("There", there), ""] if there else ["Nothing yet.", ""]
    parts += [_list("Not yet", missing), ""] if missing else []
    return "\n".join(parts)


def _list(title: str, names: list[str]) -> str:
    return f"{title} ({len(names)}): " + ", ".join(f"`{name}`" for name in names) + "."


if __name__ == "__main__":
    from hostreeve.app.compose import OPERATIONS

    write(OPERATIONS)
