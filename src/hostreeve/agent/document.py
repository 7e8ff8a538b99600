"""What a command document means, decided without doing anything: its steps, which of them run, how each ends.

Rules as the official agent has them (version 3.3). Of a step only `action`, `name`, `inputs`, `settings` and
`precondition` count; flow control stands inside `inputs`.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, NamedTuple, Sequence, Tuple

from hostreeve.agent import preconditions
from hostreeve.agent.parameters import InvalidParameters, effective, substituted, variables
from hostreeve.contract import jobs

RUN, SKIP, FAIL = "run", "skip", "fail"

EXIT_SUCCESS_AND_STOP = 168
EXIT_FAILED_AND_STOP = 169
EXIT_REBOOT = 194
CODE_KILLED = 137

SCHEMAS_1 = frozenset(("1.0", "1.2"))
SCHEMAS_2 = frozenset(("2.0", "2.0.1", "2.0.2", "2.0.3", "2.2"))

ON_WINDOWS_ONLY = frozenset(
    ("aws:applications", "aws:psModule", "aws:cloudWatch", "aws:updateAgent", "aws:configureDaemon")
)
ON_LINUX_TOO = frozenset(
    (
        "aws:runShellScript",
        "aws:runPowerShellScript",
        "aws:downloadContent",
        "aws:runDocument",
        "aws:configurePackage",
        "aws:softwareInventory",
        "aws:refreshAssociation",
        "aws:updateSsmAgent",
        "aws:configureDocker",
        "aws:runDockerAction",
        "aws:domainJoin",
    )
)
KNOWN_ACTIONS = ON_WINDOWS_ONLY | ON_LINUX_TOO


_REST_IS_SKIPPED = "Further document steps will be skipped."


class InvalidDocument(ValueError):
    """A document that no step of can be run; the text says why."""


class Step(NamedTuple):
    """`parts` are the inputs of each run of the plugin: one in schema 2, one per property in 1.2."""

    step_id: str
    action: str
    parts: List[Any]
    precondition: Dict[str, List[preconditions.Argument]]

    def flag(self, name: str) -> Any:
        """A flow-control member of the inputs (`onFailure`, `onSuccess`, `finallyStep`)."""
        inputs = self.parts[0] if len(self.parts) == 1 else None
        return inputs.get(name) if isinstance(inputs, dict) else None


class Document(NamedTuple):
    """`environment`: the values of parameters that are interpolated as environment variables."""

    schema_version: str
    steps: List[Step]
    environment: Dict[str, str]

    @property
    def has_preconditions(self) -> bool:
        """Schema 2.2: preconditions count, and what this platform lacks is skipped instead of failed."""
        return self.schema_version == "2.2"


class Platform(NamedTuple):
    """Where steps would run: its type as AWS writes it, and the actions that can be done here."""

    platform_type: str
    available: FrozenSet[str]


class Decision(NamedTuple):
    """What to do with a step; `text` explains a SKIP or FAIL to the user."""

    verb: str
    text: str = ""


class Ended(NamedTuple):
    """How a step ended: its status and code, and what is appended to what it wrote."""

    status: str
    code: int = 0
    stdout_note: str = ""
    stderr_note: str = ""


def read(content: Any, supplied: Any) -> Document:
    """The document with its parameters filled in. InvalidDocument when it cannot be run at all."""
    if not isinstance(content, dict):
        raise InvalidDocument("the document is not a JSON object")
    version = str(content.get("schemaVersion"))
    try:
        parameters = effective(content.get("parameters"), supplied)
        filling = _Filling(parameters, variables(content.get("parameters"), parameters))
        if version in SCHEMAS_1:
            return Document(version, _steps_of_schema_1(content, filling), filling.environment)
        if version in SCHEMAS_2:
            return Document(version, _steps_of_schema_2(content, filling), filling.environment)
    except InvalidParameters as wrong:
        raise InvalidDocument(str(wrong)) from None
    raise InvalidDocument(f"Schema version {version} is not supported by this version of the agent")


def decide(document: Document, index: int, ended: Sequence[Ended], platform: Platform) -> Decision:
    """What to do with step `index`, given how those before it ended."""
    step = document.steps[index]
    if _is_stopped(document, index, ended):
        which = f"Plugin with name {step.action} and id {step.step_id}"
        return Decision(SKIP, f"{which} skipped due to prior step with an exit condition")
    if not document.has_preconditions:
        return _decide_before_2_2(step, platform)
    return _decide_2_2(step, platform)


def concluded(step: Step, status: str, code: int) -> Ended:
    """How a step counts that ended with `status` and `code`: exit codes 168 and 169, and onFailure."""
    if code == EXIT_SUCCESS_AND_STOP:
        note = f"\nStep exited with code 168. Therefore, marking step as succeeded. {_REST_IS_SKIPPED}"
        return Ended(jobs.SUCCESS, code, stdout_note=note)
    if code == EXIT_FAILED_AND_STOP:
        note = f"\nStep exited with code 169. Therefore, marking step as Failed. {_REST_IS_SKIPPED}"
        return Ended(jobs.FAILED, code, note, note)
    on_failure = step.flag("onFailure")
    if status == jobs.FAILED and on_failure in ("exit", "successAndExit"):
        note = f"\nStep was found to have onFailure property. {_REST_IS_SKIPPED}"
        if on_failure == "successAndExit":
            return Ended(jobs.SUCCESS, EXIT_SUCCESS_AND_STOP, note, note)
        return Ended(jobs.FAILED, code, note, note)
    return Ended(status, code)


def merged(parts: Sequence[Tuple[str, int]]) -> Tuple[str, int]:
    """Status and code of a step with several parts: the gravest status, the first code that is not zero."""
    gravest = max((status for status, _ in parts), key=_gravity)
    return gravest, next((code for _, code in parts if code != 0), 0)


def document_status(ended: Sequence[Ended], steps_total: int) -> str:
    """The document's status, final only when every step has ended or one asked for a restart."""
    statuses = {each.status for each in ended}
    if jobs.SUCCESS_AND_REBOOT in statuses:
        return jobs.SUCCESS_AND_REBOOT
    if len(ended) < steps_total:
        return jobs.IN_PROGRESS
    for status in (jobs.FAILED, jobs.TIMED_OUT, jobs.CANCELLED):
        if status in statuses:
            return status
    return jobs.SUCCESS


def status_of_exit(code: int) -> str:
    """The status of a script that came to its own end."""
    if code == 0:
        return jobs.SUCCESS
    return jobs.SUCCESS_AND_REBOOT if code == EXIT_REBOOT else jobs.FAILED


class _Filling:
    """How references are filled in. Those to environment variables only name them within a script's text."""

    def __init__(self, parameters: Dict[str, Any], as_variables: Dict[str, str]) -> None:
        self.parameters = parameters
        self.environment = {f"SSM_{name}": value for name, value in as_variables.items()}
        self._names = list(as_variables)

    def inputs(self, written: Any, action: str) -> Any:
        filled = substituted(written, self.parameters)
        if not self._names:
            return filled
        mark = "${env:SSM_%s}" if action == "aws:runPowerShellScript" else "${SSM_%s}"
        in_scripts = {**self.parameters, **{name: mark % name for name in self._names}}
        now = _parts(filled)
        for index, was in enumerate(_parts(written)):
            # A list that is the whole script stays the script.
            if isinstance(was, dict) and isinstance(was.get("runCommand"), list):
                now[index]["runCommand"] = substituted(was["runCommand"], in_scripts)
        return filled


def _steps_of_schema_1(content: Dict[str, Any], filling: _Filling) -> List[Step]:
    plugins = content.get("runtimeConfig")
    if not isinstance(plugins, dict) or not plugins:
        raise InvalidDocument("Unsupported schema format: runtimeConfig is missing or empty")
    steps: List[Step] = []
    for action, plugin in plugins.items():
        properties = filling.inputs(plugin.get("properties"), action) if isinstance(plugin, dict) else None
        steps.append(Step(action, action, _parts(properties), {}))
    return steps


def _steps_of_schema_2(content: Dict[str, Any], filling: _Filling) -> List[Step]:
    main_steps = content.get("mainSteps")
    if not isinstance(main_steps, list) or not main_steps:
        raise InvalidDocument("Unsupported schema format: mainSteps is missing or empty")
    steps: List[Step] = []
    names: set[str] = set()
    for written in main_steps:
        if not isinstance(written, dict):
            raise InvalidDocument("every one of mainSteps must be an object")
        name, action = str(written.get("name") or ""), str(written.get("action") or "")
        if name in names:
            raise InvalidDocument(f"two steps are named {name}")
        names.add(name)
        steps.append(
            Step(
                step_id=name,
                action=action,
                parts=_parts(filling.inputs(written.get("inputs"), action)),
                precondition=preconditions.read(written.get("precondition"), filling.parameters),
            )
        )
    return steps


def _parts(inputs: Any) -> List[Any]:
    return list(inputs) if isinstance(inputs, list) and inputs else [inputs]


def _is_stopped(document: Document, index: int, ended: Sequence[Ended]) -> bool:
    is_last = index == len(document.steps) - 1
    if is_last and document.steps[index].flag("finallyStep") in (True, "true"):
        return False
    for step, end in ((document.steps[each], ended[each]) for each in range(index)):
        if end.code in (EXIT_SUCCESS_AND_STOP, EXIT_FAILED_AND_STOP):
            return True
        if end.status == jobs.FAILED and step.flag("onFailure") in ("exit", "successAndExit"):
            return True
        if end.status == jobs.SUCCESS and step.flag("onSuccess") == "exit":
            return True
    return False


def _decide_before_2_2(step: Step, platform: Platform) -> Decision:
    if step.action not in KNOWN_ACTIONS:
        return _unknown(step)
    if step.action in ON_WINDOWS_ONLY:
        text = (
            f"Plugin with name {step.action} is not supported in current platform. Step name: {step.step_id}"
        )
        return Decision(FAIL, text)
    if step.precondition:
        text = "Precondition is not supported for document schema version prior to 2.2."
        return Decision(FAIL, f"{text} Step name: {step.step_id}")
    if step.action not in platform.available:
        return _not_here(step)
    return Decision(RUN)


def _decide_2_2(step: Step, platform: Platform) -> Decision:
    problems = preconditions.evaluate(step.precondition, platform.platform_type)
    if problems.is_allowed and step.action not in KNOWN_ACTIONS:
        return _unknown(step)
    if step.action not in KNOWN_ACTIONS or _is_for_another_platform(step, platform):
        text = f"Step execution skipped due to unsupported plugin: {step.action}. Step name: {step.step_id}"
        return Decision(SKIP, text)
    if not problems.is_allowed:
        text = (
            f"Step execution skipped due to unsatisfied preconditions: '{', '.join(problems.texts)}'. "
            f"Step name: {step.step_id}"
        )
        return Decision(SKIP, text)
    if problems.texts:
        which = f"Unrecognized precondition(s): '{', '.join(problems.texts)}'"
        text = f"{which}, please update agent to latest version. Step name: {step.step_id}"
        return Decision(FAIL, text)
    if step.action not in platform.available:
        return _not_here(step)
    return Decision(RUN)


def _is_for_another_platform(step: Step, platform: Platform) -> bool:
    # PowerShell counts as a platform: where it is not installed, its steps are skipped.
    if step.action == "aws:runPowerShellScript":
        return step.action not in platform.available
    return step.action in ON_WINDOWS_ONLY


def _unknown(step: Step) -> Decision:
    return Decision(
        FAIL,
        f"Plugin with name {step.action} is not supported by this version of ssm agent, "
        f"please update to latest version. Step name: {step.step_id}",
    )


def _not_here(step: Step) -> Decision:
    # Never skipped: a skipped step counts as a success, and this one was not done.
    return Decision(FAIL, f"Plugin with name {step.action} not found. Step name: {step.step_id}")


_GRAVITY = (
    jobs.SKIPPED,
    jobs.SUCCESS,
    jobs.SUCCESS_AND_REBOOT,
    jobs.CANCELLED,
    jobs.TIMED_OUT,
    jobs.FAILED,
)


def _gravity(status: str) -> int:
    return _GRAVITY.index(status)
