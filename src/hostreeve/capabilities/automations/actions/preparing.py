"""A step's inputs, limits and flags, with what they refer to put in, as an attempt begins."""

from typing import Any

import msgspec

from hostreeve.capabilities.automations.actions import masking
from hostreeve.capabilities.automations.actions.knowing import Knowledge
from hostreeve.capabilities.automations.actions.steps import registry
from hostreeve.capabilities.automations.model import references
from hostreeve.capabilities.automations.model.execution import Done
from hostreeve.capabilities.automations.model.outcome import Unfit
from hostreeve.capabilities.automations.model.references import Absent
from hostreeve.capabilities.automations.model.runbook import Step

INPUT_CHARS_MAX = 100_000


def prepared(step: Step, knowledge: Knowledge, attempt: int, now_ms: int) -> Done:
    """What is kept of an attempt that begins. Absent, TooLarge, Unfit for what cannot be filled in."""
    most = _number("maxAttempts", knowledge.fill(step.max_attempts), 100) or 1
    timeout_s = _number("timeoutSeconds", knowledge.fill(step.timeout_s), 31_536_000)
    critical = knowledge.fill(step.is_critical)
    fills = registry.fills(step.action)
    inputs = {n: _filled(knowledge, n, v) for n, v in step.inputs.items()} if fills else step.inputs
    return Done(
        inputs={n: _encoded(v)[:INPUT_CHARS_MAX] for n, v in masking.shown(step.action, inputs).items()},
        attempt=attempt,
        max_attempts=most,
        timeout_s=timeout_s,
        is_critical=step.counts(critical),
        deadline_ms=now_ms + timeout_s * 1000 if timeout_s else None,
        memory={"inputs": inputs},
    )


def _filled(knowledge: Knowledge, name: str, value: Any) -> Any:
    """A script has braces of its own: of those in it, only what names something of the runbook is put in."""
    if name not in references.WITH_BRACES or not isinstance(value, str):
        return knowledge.fill(value)
    return references.REFERENCE.sub(lambda found: _known(knowledge, found[1], found[0]), value)


def _known(knowledge: Knowledge, name: str, text: str) -> str:
    try:
        return references.written(knowledge(name))
    except Absent:
        return text


def _encoded(value: Any) -> str:
    """An input as AWS shows it: JSON, texts in quotes too."""
    return msgspec.json.encode(value).decode()


def _number(name: str, said: Any, most: int) -> int | None:
    if said is None:
        return None
    text = str(said)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise Unfit(f"{name} must be a whole number from 1 to {most}, not {text[:40]}.")
    return int(text)
