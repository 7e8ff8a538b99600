"""`hostreeve runbook run FILE --local`: a runbook carried out in the terminal, with the engine of the control
plane and the operator's own credentials."""

import asyncio
import sys
import tempfile
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hostreeve.api.call import Principal
from hostreeve.app.compose import SCHEMAS
from hostreeve.app.runbook.check import AUTOMATION, text_of
from hostreeve.app.runbook.remote import Remote
from hostreeve.capabilities import automations, documents
from hostreeve.capabilities.automations import worker
from hostreeve.cli.desk import Desk
from hostreeve.cli.trouble import EXIT_SOME_FAILED, EXIT_SUCCESS, UsageTrouble
from hostreeve.gateway.within import Within
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Database, open_database
from hostreeve.platform.keys import Keyring

REST_S = 0.1
STYLES = {"Success": "green", "Failed": "red", "TimedOut": "red", "Cancelled": "yellow"}


def run(desk: Desk, arguments: Namespace) -> int:
    """0 when it ended as Success, 1 when not, 2 for a runbook or parameters that are none."""
    if not arguments.local:
        raise UsageTrouble(
            "Say --local: the runbook is carried out here, not on the server.",
            "On the server: `aws ssm create-document` and `aws ssm start-automation-execution`.",
        )
    content = content_of(arguments.file)
    names = {step["name"] for step in content["mainSteps"]}
    unknown = [name for name in arguments.break_at if name not in names]
    if unknown:
        raise UsageTrouble(f"{arguments.file} has no step {unknown[0]} outside loops.", "See --break-at.")
    if content.get("assumeRole"):
        desk.screen.note("assumeRole is not assumed: the steps act with your own credentials.")
    caller = desk.client().caller()
    who = Principal(account=caller["Account"], arn=caller["Arn"], id=caller["UserId"], access_key_id="")
    automations.away.use(lambda question: ask(desk, question))
    given = parameters_of(arguments.parameters)
    local = Local(
        desk, Remote(desk.settings()), Scope(who.account, desk.client().region), set(arguments.break_at)
    )
    name = Path(arguments.file).stem if arguments.file != "-" else "runbook"
    shown = local.carry_out(name, content, given, who)
    if arguments.json:
        desk.screen.json(document(content, given, shown, who.account, desk.client().region))
    return EXIT_SUCCESS if shown.status == "Success" else EXIT_SOME_FAILED


def content_of(file: str) -> dict[str, Any]:
    """A runbook that CreateDocument would take. UsageTrouble with the line where it would not."""
    content = documents.read_file(text_of(file), AUTOMATION)
    if isinstance(content, documents.Problem):
        raise UsageTrouble(f"{file}:{content.line}: {content.reason}" if content.line else content.reason)
    return dict(content)


def parameters_of(words: list[str]) -> dict[str, list[str]]:
    """`Name=value`, or `Name=a,b` for lists; a name given again adds a value."""
    found: dict[str, list[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageTrouble(f"--parameters {word} is not NAME=VALUE.")
        found.setdefault(name, []).append(value)
    return found


def ask(desk: Desk, question: str) -> bool:
    """Whoever sits there says y or n; nobody there says no."""
    desk.screen.note(f"{question} [y/N]", "bold")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def document(
    content: Mapping[str, Any],
    given: Mapping[str, Any],
    shown: automations.away.Look,
    account: str,
    region: str,
) -> dict[str, Any]:
    """The whole run for programs; `hostreeve runbook replay` takes it too."""
    return {
        "Status": shown.status,
        "FailureMessage": shown.failure,
        "Outputs": shown.outputs,
        "Parameters": dict(given),
        "StepExecutions": shown.steps,
        "Account": account,
        "Region": region,
        "Content": dict(content),
    }


class Local:
    """An engine of its own over a database that is gone afterwards."""

    def __init__(self, desk: Desk, within: Within, scope: Scope, breaks: set[str]) -> None:
        self._desk = desk
        self._within = within
        self._scope = scope
        self._breaks = breaks
        self._told: dict[str, str] = {}
        self.is_quiet = False

    def carry_out(
        self,
        name: str,
        content: Mapping[str, Any],
        given: Mapping[str, list[str]],
        who: Principal,
    ) -> automations.away.Look:
        """How it ended. UsageTrouble for parameters that do not fit."""
        world = self._desk.world
        with tempfile.TemporaryDirectory(prefix="hostreeve-runbook-") as folder:
            database = open_database(f"sqlite:///{folder}/local.db", world, SCHEMAS)
            try:
                begun = database.write_sync(
                    lambda tx: automations.away.begin(
                        tx, self._scope, name, content, given, who=who, world=world
                    )
                )
                return asyncio.run(self._drive(database, begun))
            except ValueError as unfit:
                raise UsageTrouble(f"{str(unfit)[:1].upper()}{str(unfit)[1:]}.") from None
            finally:
                database.close()

    async def _drive(self, database: Database, begun: str) -> automations.away.Look:
        world = self._desk.world
        house = automations.House(world, Keyring(world.token(32), world), self._within)
        engine = worker.Engine(database, house)
        try:
            return await self._until_ended(database, engine, begun)
        except asyncio.CancelledError:
            # Ctrl-C: what runs is stopped, as by StopAutomationExecution. A second one ends all.
            self._desk.screen.note("Stopping ...", "yellow")
            await database.write(lambda tx: automations.away.stop(tx, self._scope, begun, world.now_ms()))
            return await self._until_ended(database, engine, begun)

    async def _until_ended(
        self, database: Database, engine: worker.Engine, begun: str
    ) -> automations.away.Look:
        world = self._desk.world
        while True:
            moved = await engine.tick() + await engine.errands()
            shown = await database.read(lambda tx: automations.away.look(tx, self._scope, begun))
            self._tell(shown)
            if shown.has_ended:
                return shown
            if shown.held:
                goes_on = self._goes_on(shown.held)
                let = automations.away.release if goes_on else automations.away.stop
                await database.write(lambda tx, let=let: let(tx, self._scope, begun, world.now_ms()))  # type: ignore[misc]
            elif not moved:
                await asyncio.sleep(REST_S)

    def _goes_on(self, name: str) -> bool:
        return name not in self._breaks or ask(self._desk, f"Before {name}: go on?")

    def _tell(self, shown: automations.away.Look) -> None:
        """A line for each step that stands otherwise than before."""
        for step in shown.steps:
            status, key = step["StepStatus"], step["StepExecutionId"]
            if status == "Pending" or self._told.get(key) == status or self.is_quiet:
                continue
            self._told[key] = status
            lasted = step.get("ExecutionEndTime", 0) - step.get("ExecutionStartTime", 0)
            turn = step.get("ParentStepDetails", {}).get("Iteration")
            where = f"{step['StepName']}[{turn}]" if turn else step["StepName"]
            spent = f"  {lasted:.1f} s" if lasted > 0 else ""
            self._desk.screen.note(f"{status:<10}  {where}  {step['Action']}{spent}", STYLES.get(status, ""))
            if step.get("FailureMessage"):
                self._desk.screen.note(f"            {step['FailureMessage']}", "red")
        if shown.has_ended and not self.is_quiet:
            self._desk.screen.note(f"{shown.status}", STYLES.get(shown.status, ""))
            for name, texts in shown.outputs.items():
                self._desk.screen.note(f"{name} = {', '.join(texts)}")
