"""Labels: words for versions. One marks one version of a parameter, and moves when it is given to another."""

from collections.abc import Sequence

from hostreeve.api.call import Call
from hostreeve.capabilities.parameters.actions import following, reading, telling
from hostreeve.capabilities.parameters.actions.reaching import error, not_found, own
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.model.values import LABELS_MAX, sorted_labels
from hostreeve.capabilities.parameters.store import parameters as store


def label(call: Call, text: str, labels: Sequence[str], number: int | None) -> tuple[int, list[str]]:
    """Attach the labels to that version (None: the newest); its number, and the labels that are none."""
    chosen = _chosen(call, "ssm:LabelParameterVersion", text, number)
    good, bad = sorted_labels(labels)
    before = store.labels(call.tx, chosen.scope, chosen.path)
    there = {each for each, at in before.items() if at == chosen.version}
    if len(there | set(good)) > LABELS_MAX:
        raise error.ParameterVersionLabelLimitExceeded(
            f"A parameter version can have maximum {LABELS_MAX} labels."
            "Move one or more labels to another version and try again."
        )
    new = [each for each in good if each not in there]
    if new:
        store.set_labels(call.tx, chosen.scope, chosen.path, chosen.version, new)
        telling.changed(call.tx, chosen, "LabelParameterVersion", call.now_ms)
        for each in new:
            following.tell(call.tx, chosen, call.now_ms, label=each)
    return chosen.version, bad


def unlabel(call: Call, text: str, labels: Sequence[str], number: int) -> tuple[list[str], list[str]]:
    """Take labels off that version: those that were there, and those that were not."""
    chosen = _chosen(call, "ssm:UnlabelParameterVersion", text, number)
    there = store.labels(call.tx, chosen.scope, chosen.path)
    given = list(dict.fromkeys(labels))
    removed = [each for each in given if there.get(each) == chosen.version]
    store.remove_labels(call.tx, chosen.scope, chosen.path, removed)
    return removed, [each for each in given if each not in removed]


def _chosen(call: Call, action: str, text: str, number: int | None) -> Parameter:
    named = own(call, action, text)
    current = store.find(call.tx, named.scope, named.path) if named and not named.selector else None
    if current is None:
        raise not_found(text)
    if number is None:
        return current
    found = reading.version(call.tx, current, number)
    if found is None:
        raise reading.no_version(str(number), current.name)
    return found
