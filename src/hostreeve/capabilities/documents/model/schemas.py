"""What a document's content must look like, by type and schema version; wrong ones are told where and why."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hostreeve.capabilities.documents.model import (
    approvals,
    calendars,
    commands,
    manifests,
    places,
    runbooks,
    sessions,
    templates,
)
from hostreeve.capabilities.documents.model.commands import inputs, platforms, steps
from hostreeve.capabilities.documents.model.content import Refused

__all__ = ["SCHEMAS", "STEPS", "SchemaRefused", "check", "inputs", "platforms", "steps"]

STEPS = ("runtimeConfig", "mainSteps", "inputs", "properties")
"""Members that hold what is done: where references to parameters are replaced."""
STRUCTURED = ("JSON", "YAML")
ANY = ("JSON", "YAML", "TEXT")
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}")


class SchemaRefused(Refused):
    """The schema version is not one that this document type has."""


class Schema(NamedTuple):
    """How documents of one type are written. `versions` is empty where content names no schema version;
    `versioned` checks content of the versions, `plain` content without one."""

    formats: tuple[str, ...]
    versions: tuple[str, ...] = ()
    versioned: Callable[[dict[str, Any], str], None] | None = None
    plain: Callable[[Any], None] | None = None


SCHEMAS: Mapping[str, Schema] = {
    "Command": Schema(STRUCTURED, ("1.2", "2.0", "2.2"), commands.check),
    "Policy": Schema(STRUCTURED, ("2.0", "2.2"), commands.check),
    "Automation": Schema(STRUCTURED, ("0.3",), runbooks.check),
    "Automation.ChangeTemplate": Schema(STRUCTURED, ("0.3",), runbooks.check_template),
    "Session": Schema(STRUCTURED, ("1.0",), sessions.check),
    "Package": Schema(STRUCTURED, ("2.0",), manifests.check),
    "ApplicationConfiguration": Schema(ANY, plain=templates.check_nothing),
    "ApplicationConfigurationSchema": Schema(STRUCTURED, plain=templates.check_configuration_schema),
    "DeploymentStrategy": Schema(STRUCTURED, plain=templates.check_nothing),
    "ChangeCalendar": Schema(("TEXT",), plain=calendars.check),
    "ProblemAnalysis": Schema(STRUCTURED, plain=templates.check_nothing),
    "ProblemAnalysisTemplate": Schema(STRUCTURED, plain=templates.check_nothing),
    "CloudFormation": Schema(STRUCTURED, plain=templates.check_stack),
    "ConformancePackTemplate": Schema(STRUCTURED, plain=templates.check_conformance_pack),
    "QuickSetup": Schema(STRUCTURED, plain=templates.check_nothing),
    "ManualApprovalPolicy": Schema(STRUCTURED, plain=approvals.check_manual),
    "AutoApprovalPolicy": Schema(("TEXT",), plain=approvals.check_automatic),
}
"""Every document type, with how it is written."""

FREE = frozenset({"ApplicationConfiguration"})
"""Types whose content need not be an object."""


def check(document_type: str, format_: str, content: Any) -> str:
    """The schema version of a well-formed document, "" where its type has none. Refused otherwise."""
    schema = SCHEMAS[document_type]
    if format_ not in schema.formats:
        raise Refused(
            f"{document_type} documents are written in {' or '.join(schema.formats)}, not {format_}"
        )
    if format_ != "TEXT" and document_type not in FREE:
        places.an_object("the document", content)
    if schema.versioned is None:
        assert schema.plain is not None, f"{document_type} has no check at all"
        schema.plain(content)
        return _told(content)
    version = content.get("schemaVersion")
    if not isinstance(version, str):
        raise Refused(f'schemaVersion: must be a text, such as "{schema.versions[-1]}"')
    if version not in schema.versions:
        known = ", ".join(schema.versions)
        raise SchemaRefused(f"schemaVersion: {document_type} documents have {known}, not {version[:20]}")
    places.a_text_if_any("description", content.get("description"))
    schema.versioned(content, version)
    return version


def _told(content: Any) -> str:
    """A schema version that content tells although its type asks for none."""
    version = content.get("schemaVersion") if isinstance(content, dict) else None
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else ""
