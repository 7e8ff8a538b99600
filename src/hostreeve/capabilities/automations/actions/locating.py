"""An execution across accounts and Regions: in each location it becomes the execution role there and has the
runbook begun as that role, so many locations at once as each entry says."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from hostreeve.api.call import Call, Principal
from hostreeve.api.errors import AwsError
from hostreeve.capabilities import documents
from hostreeve.capabilities.automations import lifecycle
from hostreeve.capabilities.automations.actions import acting, ending, placing, starting, stopping, telling
from hostreeve.capabilities.automations.actions.doing import Stumble
from hostreeve.capabilities.automations.actions.house import House
from hostreeve.capabilities.automations.actions.laying import layout
from hostreeve.capabilities.automations.lifecycle import Spread
from hostreeve.capabilities.automations.model import locations, references
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model.execution import Done, Execution, Failure, StepRow
from hostreeve.capabilities.automations.model.status import Status, Verdict
from hostreeve.capabilities.automations.store import executions as rows
from hostreeve.capabilities.automations.store import located, narrowing
from hostreeve.capabilities.automations.store import steps as step_rows
from hostreeve.kernel.scope import PARTITION, Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform import identity, settings

OWNER = "location"
EXPANDING = -1
"""The number of no step: what came to nothing was finding the locations."""
TOO_MANY = "TargetLocationMaxErrors was exceeded: {errors} of {begun} locations that were begun failed."
NOWHERE = "TargetLocations mean no account: their units have none that is active and not excluded."
TOO_FAR = f"TargetLocations mean more than {locations.LOCATIONS_MAX} pairs of an account and a Region."
NEEDS_ROLE = (
    f"More than {locations.WITHOUT_ROLE_MAX} locations need the administration role as AutomationAssumeRole."
)
CANCELLED_AT_ONCE = 200
_PAGE = 20


def advance(
    tx: Transaction, one: Execution, *, house: House, now_ms: int, stumble: Stumble | None = None
) -> bool:
    """Find the locations, begin one more, or end. False when it now waits for them.

    Stumble: begin again in another transaction, and say so. One location is begun at a time, since what
    it is refused lets all that was done with it come to nothing.
    """
    return Journey(tx, one, house, now_ms).go(stumble)


def child_ended(tx: Transaction, scope: Scope, reference: str, now_ms: int) -> None:
    """What was begun in a location (`scope`) has ended: its step ends so."""
    account, region, execution_id, number = reference.split("/")
    central = Scope(account, region)
    one = rows.find(tx, central, execution_id)
    row = step_rows.find(tx, central, execution_id, int(number))
    if one is None or row is None:
        return
    child = rows.find(tx, scope, row.body.outputs["ExecutionId"])
    assert child is not None, "it has just ended"
    listed = [text for texts in child.state.outputs.values() for text in texts]
    outputs = {**row.body.outputs, "Status": str(child.status), "Output": listed or [child.execution_id]}
    failure = None
    if child.status is not Status.SUCCESS:
        why = f"The execution {child.execution_id} in {scope.account}, {scope.region} ended as {child.status}"
        failure = outcomes.unverified(f"{why}: {child.state.failure}" if child.state.failure else why)
    body = replace(row.body, outputs=outputs, failure=failure)
    _end(tx, one, row, body, child.status, now_ms)


def _end(tx: Transaction, one: Execution, row: StepRow, body: Done, status: Status, now_ms: int) -> None:
    started_ms = row.started_ms if row.started_ms is not None else now_ms
    after = replace(row, status=status, body=body, started_ms=started_ms, ended_ms=now_ms)
    if step_rows.save(tx, one.scope, one.execution_id, row, after):
        rows.count(tx, one.scope, one.execution_id, ending.COUNTED[status], 1, now_ms)
        telling.step(tx, one, after, now_ms)
        tx.wake(ending.CHANNEL)


class Journey:
    """A located execution in the hands of one transaction."""

    def __init__(self, tx: Transaction, one: Execution, house: House, now_ms: int) -> None:
        self.tx, self.one, self.house, self.now_ms = tx, one, house, now_ms

    def go(self, stumble: Stumble | None) -> bool:
        if stumble is not None:
            return self._failed(stumble)
        if not self.one.state.spans:
            if self.one.state.stop:
                return self._conclude(Status.CANCELLED, "")
            return self._expand()
        if self.one.state.stop:
            self._stop()
        plans = self._plans()
        begins = next((entry for entry, plan in plans if plan.begin), None)
        if begins is not None:
            self._begin(self._next_of(begins))
            return True
        if any(plan.conclude is None for _, plan in plans):
            rows.make_due(self.tx, self.one.scope, self.one.execution_id, None)
            return False
        return self._over([plan.conclude for _, plan in plans])

    def _plans(self) -> list[tuple[int, Spread]]:
        """What each entry does next."""
        found = []
        for number, entry in enumerate(self.one.asked.locations):
            since, until = self._span(number)
            tally = located.tally(self.tx, self.one.scope, self.one.execution_id, since, until)
            plan = lifecycle.spread(
                tally,
                max_concurrency=entry.get("TargetLocationMaxConcurrency") or locations.MAX_CONCURRENCY,
                max_errors=entry.get("TargetLocationMaxErrors") or locations.MAX_ERRORS,
                is_stopping=bool(self.one.state.stop),
            )
            found.append((number, plan))
        return found

    def _span(self, entry: int) -> tuple[int, int]:
        spans = self.one.state.spans
        return (spans[entry - 1] if entry else 0), spans[entry]

    def _next_of(self, entry: int) -> StepRow:
        one = self.one
        number = located.next_pending(self.tx, one.scope, one.execution_id, *self._span(entry))
        assert number is not None, "an entry that begins a location has one"
        return self._row(number)

    def _row(self, number: int) -> StepRow:
        row = step_rows.find(self.tx, self.one.scope, self.one.execution_id, number)
        assert row is not None, "a location has no row"
        return row

    def _over(self, verdicts: list[Verdict | None]) -> bool:
        if self.one.state.stop and not self.one.state.failure:
            return self._conclude(Status.CANCELLED, "")
        if all(verdict is Verdict.SUCCESS for verdict in verdicts) and not self.one.state.failure:
            return self._conclude(Status.SUCCESS, "")
        tally = self.one.tally
        return self._conclude(
            Status.FAILED, self.one.state.failure or TOO_MANY.format(errors=tally.errors, begun=tally.begun)
        )

    def _conclude(self, status: Status, failure: str) -> bool:
        after = replace(self.one, status=status, state=replace(self.one.state, failure=failure))
        ending.ended(self.tx, self.one, after, None, self.now_ms)
        return True

    def _failed(self, stumble: Stumble) -> bool:
        """What was refused, in a transaction that has done nothing else."""
        if stumble.number == EXPANDING:
            return self._conclude(Status.FAILED, stumble.failure.message)
        row = self._row(stumble.number)
        if row.status is Status.PENDING:
            rows.count(self.tx, self.one.scope, self.one.execution_id, "begun", 1, self.now_ms)
            body = replace(row.body, failure=stumble.failure)
            _end(self.tx, self.one, row, body, Status.FAILED, self.now_ms)
        return True

    def _stop(self) -> None:
        """What runs in the locations is cancelled there."""
        running = [narrowing.among("status", [str(Status.IN_PROGRESS)])]
        one = self.one
        for row in step_rows.listed(self.tx, one.scope, one.execution_id, running, limit=CANCELLED_AT_ONCE):
            place = row.body.memory["location"]
            scope = Scope(place["Accounts"][0], place["Regions"][0])
            child = rows.find(self.tx, scope, row.body.outputs["ExecutionId"])
            if child is not None:
                stopping.cancel(self.tx, child, self.now_ms)

    def _expand(self) -> bool:
        """Write a step per location. Refused, the execution has failed."""
        found: list[StepRow] = []
        spans: list[int] = []
        try:
            for entry in self.one.asked.locations:
                for account, region in self._places(entry):
                    found.append(self._laid(len(found), entry, account, region))
                spans.append(len(found))
        except AwsError as refused:
            failure = Failure(message=f"{refused.code}: {refused.message}")
            raise Stumble(EXPANDING, 1, failure) from refused
        why = self._unfit(len(found))
        if why:
            return self._conclude(Status.FAILED, why)
        one = self.one
        step_rows.insert(self.tx, one.scope, one.execution_id, found)
        state = replace(one.state, spans=tuple(spans), next_number=len(found))
        rows.save(self.tx, one, replace(one, state=state, due_ms=self.now_ms))
        rows.count(self.tx, one.scope, one.execution_id, "total", len(found), self.now_ms)
        return True

    def _unfit(self, count: int) -> str:
        if count == 0:
            return NOWHERE
        if count > locations.LOCATIONS_MAX:
            return TOO_FAR
        return NEEDS_ROLE if count > locations.WITHOUT_ROLE_MAX and not self.one.asked.assume_role else ""

    def _places(self, entry: Mapping[str, Any]) -> list[tuple[str, str]]:
        deep = bool(entry.get("IncludeChildOrganizationUnits"))
        inside = {unit: self._inside(unit, deep) for unit in locations.units_of(entry["Accounts"])}
        excluded = set(entry.get("ExcludeAccounts") or [])
        for unit in locations.units_of(sorted(excluded)):
            excluded |= set(self._inside(unit, True))
        return locations.placed(entry, inside, excluded)

    def _inside(self, unit: str, deep: bool) -> list[str]:
        """The active accounts of a unit, with `deep` those of the units below, too."""
        listed = self._listed("ListAccountsForParent", unit, "Accounts")
        found = [each["Id"] for each in listed if each["Status"] == "ACTIVE"]
        if deep:
            for below in self._listed("ListOrganizationalUnitsForParent", unit, "OrganizationalUnits"):
                found += self._inside(below["Id"], True)
        return found

    def _listed(self, api: str, unit: str, member: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        given: dict[str, Any] = {"ParentId": unit, "MaxResults": _PAGE}
        while True:
            answer = self._ask("organizations", api, given)
            found += answer.get(member, [])
            if not answer.get("NextToken"):
                return found
            given = {**given, "NextToken": answer["NextToken"]}

    def _ask(self, service: str, api: str, given: dict[str, Any]) -> dict[str, Any]:
        return self.house.within.call(self.tx, self._who(), self.one.region, service, api, given=given)

    def _who(self) -> Principal:
        return acting.who_acts(self.tx, self.one, self.now_ms)

    def _laid(self, number: int, entry: Mapping[str, Any], account: str, region: str) -> StepRow:
        return StepRow(
            number=number,
            step_execution_id=self.house.world.uuid(),
            name=locations.step_name(account, region, number),
            action=locations.ACTION,
            body=Done(memory={"location": locations.shown(entry, account, region)}),
        )

    def _begin(self, row: StepRow) -> None:
        place = row.body.memory["location"]
        scope = Scope(place["Accounts"][0], place["Regions"][0])
        role_arn = f"arn:{PARTITION}:iam::{scope.account}:role/{place['ExecutionRoleName']}"
        request = self._request(place, role_arn)
        try:
            call = self._call_there(scope, role_arn)
            child = starting.start(call, request, self._origin(row, scope, role_arn))
        except AwsError as refused:
            raise Stumble(row.number, 1, _refused(refused)) from refused
        one = self.one
        body = replace(
            row.body,
            inputs={name: msgspec.json.encode(value).decode() for name, value in request.items()},
            outputs={"ExecutionId": child.execution_id, "Status": str(child.status)},
            attempt=1,
        )
        begun = replace(row, status=Status.IN_PROGRESS, body=body, started_ms=self.now_ms)
        step_rows.save(self.tx, one.scope, one.execution_id, row, begun)
        rows.count(self.tx, one.scope, one.execution_id, "begun", 1, self.now_ms)
        telling.step(self.tx, one, begun, self.now_ms)

    def _call_there(self, scope: Scope, role_arn: str) -> Call:
        """Become the execution role: by the rights of who acts here, and the trust of the role there."""
        session = f"Automation-{self.one.execution_id}"
        self._ask("sts", "AssumeRole", {"RoleArn": role_arn, "RoleSessionName": session})
        role = acting.role_of(self.tx, scope.account, role_arn)
        assert role is not None, "it has just been assumed"
        who = identity.session_of(role, session)
        world, keys = self.house.world, self.house.keys
        return identity.act_for(
            self.tx, scope, who, service=acting.SERVICE, world=world, keys=keys, now_ms=self.now_ms
        )

    def _request(self, place: Mapping[str, Any], role_arn: str) -> dict[str, Any]:
        """What is asked for there. The runbook's role is the execution role, never the one of here."""
        asked = self.one.asked
        named = references.REFERENCE.fullmatch(layout(self.tx, self.one).assume_role.strip())
        parameters = asked.parameters | ({named[1]: [role_arn]} if named else {})
        whole = {
            "Targets": asked.targets,
            "TargetMaps": asked.target_maps,
            "TargetParameterName": asked.target_parameter,
            "MaxConcurrency": asked.max_concurrency,
            "MaxErrors": asked.max_errors,
        }
        made = locations.request(place, whole, parameters)
        name = asked.document_name if self._is_amazons() else asked.document_arn
        return {"DocumentName": name, "DocumentVersion": asked.document_version, **made}

    def _is_amazons(self) -> bool:
        return self.one.asked.document_arn.split(":")[4] == ""

    def _origin(self, row: StepRow, scope: Scope, role_arn: str) -> starting.Origin:
        one = self.one
        return starting.Origin(
            owner=f"{OWNER}:{one.account}/{one.region}/{one.execution_id}/{row.number}",
            parent=one,
            parent_step=row.step_execution_id,
            document=None if self._is_amazons() else self._carried(scope),
            assume_role=role_arn,
        )

    def _carried(self, scope: Scope) -> placing.Carried:
        """The runbook, which need not be there. InvalidDocument where it must be shared and is not."""
        asked = self.one.asked
        if settings.value_of(self.tx, self.one.scope, placing.SHARED) == "True":
            there = Scope(scope.account, self.one.region)
            documents.resolve(self.tx, there, asked.document_arn, asked.document_version)
        return placing.Carried(
            name=asked.document_arn,
            arn=asked.document_arn,
            version=int(asked.document_version),
            body=rows.runbook(self.tx, self.one.scope, asked.hash),
            parameters=layout(self.tx, self.one).parameters,
            target_type=asked.target_type or None,
        )


def _refused(refused: AwsError) -> Failure:
    return outcomes.refused(refused.code, refused.message)
