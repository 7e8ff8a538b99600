"""Calls made into records: of writes within their own transaction, of all else in the journal."""

import asyncio
from collections.abc import Mapping
from typing import Any

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import OperationModel, Service, service
from hostreeve.gateway.caller import NOBODY, Caller
from hostreeve.gateway.routing import KNOWN, Route, scoped_service
from hostreeve.kernel.dated import date_of, sibling
from hostreeve.kernel.scope import GLOBAL, Scope, asked_region
from hostreeve.persistence.database import Transaction
from hostreeve.platform.audit.actions.journal import SYNC_S, Journal
from hostreeve.platform.audit.model import naming, whose
from hostreeve.platform.audit.model.record import EVENT_VERSION, TEXT_CHARS_MAX, Record, moment, written
from hostreeve.platform.audit.model.redaction import answer_shown, request_shown
from hostreeve.platform.audit.model.resources import resources_of
from hostreeve.platform.audit.store import waiting

UNKNOWN = "Unknown"
"""The name of an operation that there is not."""


class Auditor:
    """The gateway's `Audit`. Without a journal, only what changes something is recorded."""

    def __init__(self, journal: Journal | None) -> None:
        self.journal = journal

    async def run(self) -> None:
        """Bring the journal to disk, again and again, until cancelled."""
        while self.journal is not None:
            await asyncio.sleep(SYNC_S)
            if self.journal.is_behind:
                await asyncio.to_thread(self.journal.sync)

    def close(self) -> None:
        """The process ends: what was heard comes to disk."""
        if self.journal is not None:
            self.journal.close()

    def admit(self) -> None:
        if self.journal is not None:
            self.journal.admit()

    def wrote(
        self, tx: Transaction, caller: Caller, model: OperationModel, answer: Mapping[str, Any]
    ) -> None:
        name = model.name
        record = _record(caller, model.service, name, request_shown(model, caller.request))
        if not record.read_only:
            record.response_elements = answer_shown(model, answer)
        scope = Scope(record.account, record.aws_region)
        waiting.insert(tx, scope, record.event_id, written(record))

    def answered(self, caller: Caller, route: Route | None, error: AwsError | None) -> None:
        if self.journal is None:
            return
        if route is None:
            self._keep(_record(caller, _meant(caller), UNKNOWN, None), error)
            return
        model = route.operation
        shown = request_shown(model, caller.request) if caller.request else None
        self._keep(_record(caller, route.service, model.name, shown), error)

    def opened(self, caller: Caller, service_name: str, name: str, error: AwsError | None) -> None:
        if self.journal is not None:
            self._keep(_record(caller, service(service_name), name, None), error)

    def _keep(self, record: Record, error: AwsError | None) -> None:
        assert self.journal is not None
        if error is not None:
            record.error_code = error.code
            record.error_message = error.message[:TEXT_CHARS_MAX]
            record.why = error.why
        self.journal.append(written(record))


def journal_of(call: Call) -> Journal | None:
    """The journal of the process that answers the call."""
    return call.audit.journal if isinstance(call.audit, Auditor) else None


def _record(caller: Caller, of: Service | None, name: str, shown: dict[str, Any] | None) -> Record:
    http, principal, request_id = caller.http, caller.principal, caller.request_id
    at_ms = date_of(request_id) or caller.now_ms
    service_name = of.name if of is not None else ""
    is_data = naming.is_data(service_name, name)
    if principal is not NOBODY:
        identity, account = whose.identity_of(principal), principal.account
    elif caller.claim is not None:
        account = caller.claimed.account
        identity = whose.unproven(caller.claim.access_key_id, account)
    else:
        account = caller.scope.account
        identity = whose.anonymous(account)
    return Record(
        EVENT_VERSION,
        identity,
        moment(at_ms // 1000),
        naming.source_of_model(of) if of is not None else UNKNOWN,
        name,
        _region(caller),
        http.client,
        (http.header("user-agent") or "")[:TEXT_CHARS_MAX],
        shown,
        None,
        request_id,
        sibling(request_id),
        naming.reads(service_name, name),
        "AwsApiCall",
        not is_data,
        account,
        "Data" if is_data else "Management",
        resources=resources_of(caller.asked) if caller.asked else None,
    )


def _region(caller: Caller) -> str:
    """Where it was asked. Global services are asked in the Region that clients sign for."""
    if caller.claim is not None:
        return caller.claim.region
    region = caller.scope.region
    return asked_region(region) if region == GLOBAL else region


def _meant(caller: Caller) -> Service | None:
    """The service that a call which means no operation was meant for, if there is one."""
    signed_for = scoped_service(caller.http)
    name = next((name for name, known in KNOWN.items() if known.signing_name == signed_for), None)
    return service(name) if name else None
