"""The content of Automation documents (schema 0.3) and of change templates: structure, names, ways."""

import re
from collections.abc import Iterator
from typing import Any

from hostreeve.capabilities.documents.model import places
from hostreeve.capabilities.documents.model.content import Refused
from hostreeve.capabilities.documents.model.limits import STEPS_MAX
from hostreeve.capabilities.documents.model.parameters import DECLARED_BY_RUNBOOKS, check_declared

REQUIRED_INPUTS = {
    "aws:approve": ("Approvers",),
    "aws:assertAwsResourceProperty": ("Service", "Api", "PropertySelector", "DesiredValues"),
    "aws:waitForAwsResourceProperty": ("Service", "Api", "PropertySelector", "DesiredValues"),
    "aws:branch": ("Choices",),
    "aws:changeInstanceState": ("InstanceIds", "DesiredState"),
    "aws:copyImage": ("SourceRegion", "SourceImageId", "ImageName"),
    "aws:createImage": ("InstanceId", "ImageName"),
    "aws:createStack": ("StackName",),
    "aws:createTags": ("ResourceIds", "Tags"),
    "aws:deleteImage": ("ImageId",),
    "aws:deleteStack": ("StackName",),
    "aws:executeAutomation": ("DocumentName",),
    "aws:executeAwsApi": ("Service", "Api"),
    "aws:executeScript": ("Runtime",),
    "aws:executeStateMachine": ("stateMachineArn",),
    "aws:invokeLambdaFunction": ("FunctionName",),
    "aws:invokeWebhook": ("IntegrationName",),
    "aws:loop": ("Steps",),
    "aws:pause": (),
    "aws:runCommand": ("DocumentName",),
    "aws:runInstances": ("ImageId",),
    "aws:sleep": (),
    "aws:updateVariable": ("Name", "Value"),
}
"""The actions of runbooks and the inputs without which none can be."""

OPERATORS = frozenset(
    {
        "StringEquals",
        "EqualsIgnoreCase",
        "StartsWith",
        "EndsWith",
        "Contains",
        "NumericEquals",
        "NumericGreater",
        "NumericLesser",
        "NumericGreaterOrEquals",
        "NumericLesserOrEquals",
        "BooleanEquals",
    }
)
_STEP_MEMBERS = frozenset(
    {
        "name",
        "action",
        "description",
        "inputs",
        "outputs",
        "maxAttempts",
        "timeoutSeconds",
        "onFailure",
        "onCancel",
        "isCritical",
        "isEnd",
        "nextStep",
    }
)
_OUTPUT_TYPES = frozenset({"String", "StringList", "Integer", "Boolean", "StringMap", "MapList"})
_NEVER_ON_CANCEL = frozenset(
    f"aws:{name}"
    for name in (
        "approve",
        "copyImage",
        "createImage",
        "createStack",
        "createTags",
        "pause",
        "runInstances",
        "sleep",
    )
)
_NO_ON_CANCEL = ("aws:loop", "aws:updateVariable")
_ITERATIONS_MAX = 100
_ITERATOR_TYPES = ("Boolean", "Integer", "String", "StringMap")
_PARAMETER_STORE = re.compile(r"\{\{\s*ssm:[^{}]*\}\}")
_NESTED = re.compile(r"\{\{[^{}]*\{\{")
_SYSTEM = ("global:", "automation:", "ssm:", "ssm-secure:", "variable:", "loop.")
_TIMEOUT_S_MAX = 31_536_000


def check(content: dict[str, Any], _version: str) -> None:
    """Refuse what is not a runbook: structure, names, references and circles, not the meaning of inputs."""
    check_declared(content.get("parameters", {}), DECLARED_BY_RUNBOOKS)
    check_declared(content.get("variables", {}), DECLARED_BY_RUNBOOKS, member="variables")
    assume_role = content.get("assumeRole")
    if assume_role is not None and _PARAMETER_STORE.search(places.a_text("assumeRole", assume_role)):
        raise Refused("assumeRole: must be an ARN or a parameter of the document, not of Parameter Store")
    listed = places.a_list("mainSteps", content.get("mainSteps"), most=STEPS_MAX)
    names: dict[str, str] = {}
    for place, step in _walked("mainSteps", listed):
        _check_step(place, step, names)
    _check_flow("mainSteps", listed)
    _check_references(content, names)
    for number, output in enumerate(places.a_list("outputs", content.get("outputs", []), least=0, most=200)):
        places.a_text(f"outputs[{number}]", output)
    for name, file in places.an_object("files", content.get("files", {})).items():
        places.an_object(f"files.{name}", file)


def check_template(content: dict[str, Any], version: str) -> None:
    """A change template: a runbook of approvals, and the runbooks that it may start."""
    check(content, version)
    for member in ("emergencyChange", "autoApprovable"):
        if not isinstance(content.get(member, False), bool):
            raise Refused(f"{member}: must be true or false")
    places.a_text_if_any("templateInformation", content.get("templateInformation"))
    runbooks = places.a_list("executableRunBooks", content.get("executableRunBooks", []), least=0, most=100)
    for number, runbook in enumerate(runbooks):
        place = f"executableRunBooks[{number}]"
        places.required(place, places.an_object(place, runbook), ("name",))
        places.a_text(f"{place}.name", runbook["name"])
    levels = content["mainSteps"]
    if len(levels) > 5:
        raise Refused("mainSteps: a change template has at most 5 levels of approval")
    for number, step in enumerate(levels):
        if step["action"] != "aws:approve":
            raise Refused(f"mainSteps[{number}].action: a change template consists of aws:approve steps")


def _walked(place: str, steps: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step, those inside loops too, with its place."""
    for number, step in enumerate(steps):
        here = f"{place}[{number}]"
        yield here, places.an_object(here, step)
        if step.get("action") == "aws:loop" and isinstance(step.get("inputs"), dict):
            inner = places.a_list(f"{here}.inputs.Steps", step["inputs"].get("Steps"), most=STEPS_MAX)
            yield from _walked(f"{here}.inputs.Steps", inner)


def _check_step(place: str, step: dict[str, Any], names: dict[str, str]) -> None:
    places.known_members(place, step, _STEP_MEMBERS)
    places.required(place, step, ("name", "action"))
    name = places.a_text(f"{place}.name", step["name"], "[a-zA-Z0-9_]{1,128}")
    if name in names:
        raise Refused(f"{place}.name: {name} is already the name of an earlier step")
    action = places.one_of(f"{place}.action", step["action"], REQUIRED_INPUTS)
    names[name] = action
    given = places.an_object(f"{place}.inputs", step.get("inputs") or {})
    # A change template names its approvers in EnhancedApprovals instead.
    needed = () if "EnhancedApprovals" in given else REQUIRED_INPUTS[action]
    places.required(f"{place}.inputs", given, needed)
    if "maxAttempts" in step:
        places.a_number(f"{place}.maxAttempts", step["maxAttempts"], 1, 100)
    if "timeoutSeconds" in step:
        places.a_number(f"{place}.timeoutSeconds", step["timeoutSeconds"], 1, _TIMEOUT_S_MAX)
    for flag in ("isCritical", "isEnd"):
        if flag in step:
            places.a_flag(f"{place}.{flag}", step[flag])
    if action == "aws:branch":
        _check_choices(f"{place}.inputs.Choices", given["Choices"])
    if action == "aws:sleep" and ("Duration" in given) == ("Timestamp" in given):
        raise Refused(f"{place}.inputs: give either Duration or Timestamp")
    if action == "aws:loop":
        _check_loop(f"{place}.inputs", given)
    _check_outputs(f"{place}.outputs", step.get("outputs", []))
    _check_store(place, action, given)


def _check_loop(place: str, given: dict[str, Any]) -> None:
    if ("Iterators" in given) == ("LoopCondition" in given):
        raise Refused(f"{place}: give either Iterators or LoopCondition")
    if "LoopCondition" in given:
        condition = places.an_object(f"{place}.LoopCondition", given["LoopCondition"])
        _check_condition(f"{place}.LoopCondition", condition)
    if "IteratorDataType" in given:
        places.one_of(f"{place}.IteratorDataType", given["IteratorDataType"], _ITERATOR_TYPES)
    if "MaxIterations" in given:
        places.a_number(f"{place}.MaxIterations", given["MaxIterations"], 1, _ITERATIONS_MAX)


def _check_store(place: str, action: str, given: dict[str, Any]) -> None:
    shallow = {name: value for name, value in given.items() if not (action == "aws:loop" and name == "Steps")}
    for text in _texts(shallow):
        if _PARAMETER_STORE.search(text):
            raise Refused(
                f"{place}.inputs: {{{{ssm:…}}}} can stand in defaults of parameters only, not in a step"
            )
        if _NESTED.search(text):
            raise Refused(f"{place}.inputs: {{{{ }}}} inside {{{{ }}}} is not filled in")


def _check_outputs(place: str, outputs: Any) -> None:
    for number, output in enumerate(places.a_list(place, outputs, least=0, most=100)):
        here = f"{place}[{number}]"
        places.required(here, places.an_object(here, output), ("Name", "Selector", "Type"))
        places.a_text(f"{here}.Name", output["Name"], r"[a-zA-Z0-9_\-.]{1,128}")
        places.a_text(f"{here}.Selector", output["Selector"])
        places.one_of(f"{here}.Type", output["Type"], _OUTPUT_TYPES)


def _check_choices(place: str, choices: Any) -> None:
    for number, choice in enumerate(places.a_list(place, choices, most=STEPS_MAX)):
        here = f"{place}[{number}]"
        places.required(here, places.an_object(here, choice), ("NextStep",))
        _check_condition(here, {name: value for name, value in choice.items() if name != "NextStep"})


def _check_condition(place: str, condition: dict[str, Any]) -> None:
    """Variable and one operator; or And, Or, Not over such. Depth is bounded where the text was parsed."""
    heap = [(place, condition)]
    while heap:
        here, one = heap.pop()
        joined = [name for name in ("And", "Or", "Not") if name in one]
        if joined:
            inner = one[joined[0]]
            listed = inner if isinstance(inner, list) else [inner]
            if not listed:
                raise Refused(f"{here}.{joined[0]}: must not be empty")
            heap.extend(
                (f"{here}.{joined[0]}", places.an_object(f"{here}.{joined[0]}", each)) for each in listed
            )
            continue
        operators = sorted(set(one) - {"Variable"})
        if "Variable" not in one or len(operators) != 1:
            raise Refused(f"{here}: must have Variable and one operator")
        places.one_of(f"{here}: the operator {operators[0]}", operators[0], OPERATORS)
        if not places.is_open(places.a_text(f"{here}.Variable", one["Variable"])):
            raise Refused(f"{here}.Variable: must be a reference such as {{{{ step.Output }}}}")


def _check_flow(place: str, steps: list[dict[str, Any]]) -> None:
    """Every step that another names is there, and no way leads back to where it came from."""
    order = [step["name"] for step in steps]
    actions = {step["name"]: step["action"] for step in steps}
    ways: dict[str, list[str]] = {}
    for number, step in enumerate(steps):
        here = f"{place}[{number}]"
        ways[step["name"]] = _ways(here, step, order[number + 1 : number + 2])
        for member in ("onFailure", "onCancel"):
            _check_after(f"{here}.{member}", step.get(member), member)
        for target in (*ways[step["name"]], *_named(step.get("onCancel"))):
            if target not in actions:
                raise Refused(f"{here}: there is no step {target[:80]!r}")
        if "onCancel" in step and step["action"] in _NO_ON_CANCEL:
            raise Refused(f"{here}.onCancel: {step['action']} has none")
        for target in _named(step.get("onCancel")):
            if actions[target] in _NEVER_ON_CANCEL:
                raise Refused(
                    f"{here}.onCancel: the step {target} does {actions[target]}, which cannot run then"
                )
        if step["action"] == "aws:loop":
            _check_flow(f"{here}.inputs.Steps", step["inputs"]["Steps"])
    circle = _circle(ways)
    if circle:
        raise Refused(f"{place}: the steps go round in a circle: {' -> '.join(circle)}")


def _check_after(place: str, value: Any, member: str) -> None:
    words = ("Abort", "Continue") if member == "onFailure" else ("Abort",)
    if value is None or value in words:
        return
    if not isinstance(value, str) or not value.startswith("step:"):
        raise Refused(f"{place}: must be {' or '.join(words)} or step:<name>")


def _ways(place: str, step: dict[str, Any], following: list[str]) -> list[str]:
    found = list(_named(step.get("onFailure")))
    if step["action"] == "aws:branch":
        choices = step["inputs"]["Choices"]
        found += [places.a_text(f"{place}.inputs.Choices.NextStep", choice["NextStep"]) for choice in choices]
        if "Default" in step["inputs"]:
            return [*found, places.a_text(f"{place}.inputs.Default", step["inputs"]["Default"])]
    if "nextStep" in step:
        return [*found, places.a_text(f"{place}.nextStep", step["nextStep"])]
    return found if step.get("isEnd") in (True, "true") else found + following


def _named(after: Any) -> list[str]:
    return [after.removeprefix("step:")] if isinstance(after, str) and after.startswith("step:") else []


def _circle(ways: dict[str, list[str]]) -> list[str]:
    """The names along the first circle there is, its first name repeated; [] when there is none."""
    done: set[str] = set()
    for start in ways:
        path: list[str] = []
        heap = [(start, False)]
        while heap:
            name, leaving = heap.pop()
            if leaving:
                done.add(path.pop())
            elif name in path:
                return [*path[path.index(name) :], name]
            elif name not in done:
                path.append(name)
                heap.append((name, True))
                heap.extend((target, False) for target in reversed(ways.get(name, [])))
    return []


def _check_references(content: dict[str, Any], names: dict[str, str]) -> None:
    """`{{ x }}` is a parameter, `{{ step.Output }}` an output of a step that there is."""
    declared = content.get("parameters", {})
    variables = content.get("variables", {})
    for name, text in ((n, t) for step in content["mainSteps"] for n, t in _placed(step)):
        for found in places.REFERENCE.finditer(text):
            reference = found["name"]
            if not reference[0].isalpha() and reference[0] != "_":
                # Templates of other programs have braces too: {{ .Names }}.
                continue
            step = reference.split(".")[0].split("[")[0]
            if reference.startswith("variable:"):
                if re.split(r"[.\[]", reference.removeprefix("variable:"))[0] not in variables:
                    raise Refused(f"{name}: there is no variable {reference[:80]!r}")
            elif (
                not reference.startswith(_SYSTEM)
                and reference not in declared
                and step not in (*names, *declared)
            ):
                raise Refused(f"{name}: there is no parameter or step {reference[:80]!r}")


def _placed(step: dict[str, Any]) -> list[tuple[str, str]]:
    # A script may hold braces of its own, which are nobody's references.
    given = {k: v for k, v in (step.get("inputs") or {}).items() if k not in ("Script", "TemplateBody")}
    return [(f"the step {step['name']}", text) for text in _texts(given)]


def _texts(value: Any) -> list[str]:
    found: list[str] = []
    heap = [value]
    while heap:
        item = heap.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            heap.extend(member for name, member in item.items() if name != "Script")
        elif isinstance(item, list):
            heap.extend(item)
    return found
