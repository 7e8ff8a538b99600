"""Calls made into records: of writes within their own transaction, of all else in the journal."""

import asyncio
import threading
from collections.abc import Container, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from hostreeve.api.call import Call
from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import OperationModel, Service, service
from hostreeve.gateway.caller import NOBODY, Caller
from hostreeve.gateway.routing import KNOWN, Route, scoped_service
from hostreeve.kernel.dated import sibling
from hostreeve.kernel.scope import Scope, asked_region
from hostreeve.persistence.database import Transaction
from hostreeve.platform.audit.actions.journal import SYNC_S, Journal
from hostreeve.platform.audit.model import naming, whose
from hostreeve.platform.audit.model.parts import OWN, Line
from hostreeve.platform.audit.model.record import EVENT_VERSION, TEXT_CHARS_MAX, Record, moment, written
from hostreeve.platform.audit.model.redaction import answer_shown, request_shown
from hostreeve.platform.audit.model.resources import resources_of, told
from hostreeve.platform.audit.model.seen import Facts
from hostreeve.platform.audit.store import waiting

TOGETHER = 64
"""So many calls wait to be made records, at most."""
BODY_BYTES_HELD = 16 * 1024
"""What is larger is not held until then."""
REGION_CHARS_MAX = 64


class Auditor:
    """The gateway's `Audit`. Without a journal, only what changes something is recorded."""

    def __init__(self, journal: Journal | None, regions: Container[str]) -> None:
        self.journal = journal
        self._regions = regions
        self._heard: list[tuple[Caller, Route | None, AwsError | None]] = []
        self._making = threading.Lock()

    async def run(self) -> None:
        """Bring the journal to disk, again and again, until cancelled."""
        while self.journal is not None:
            await asyncio.sleep(SYNC_S)
            self.catch_up()
            if self.journal.is_behind:
                await asyncio.to_thread(self.journal.sync)

    def close(self) -> None:
        """The process ends: what was heard comes to disk."""
        if self.journal is not None:
            self.catch_up()
            self.journal.close()

    def waiting_bytes(self) -> float:
        """What is not handed to the disk yet."""
        return self.journal.waiting_bytes if self.journal is not None else 0

    def admit(self) -> None:
        if self.journal is not None:
            self.journal.admit()

    def wrote(
        self, tx: Transaction, caller: Caller, model: OperationModel, answer: Mapping[str, Any]
    ) -> None:
        name = model.name
        record, _ = _record(caller, model.service, name, request_shown(model, caller.request))
        if not record.read_only:
            record.response_elements = answer_shown(model, answer)
        scope = _scope_of(record.account, record.aws_region)
        waiting.insert(tx, scope, caller.began_ms, written(record))

    def answered(self, caller: Caller, route: Route | None, error: AwsError | None) -> None:
        if self.journal is None:
            return
        self._heard.append((caller, route, error))
        if len(self._heard) >= TOGETHER or len(caller.http.body) > BODY_BYTES_HELD:
            self.catch_up()

    def catch_up(self) -> None:
        """Make records of what was heard. One after another costs half of what each costs at once: it stays
        in the processor's caches."""
        with self._making:
            # The event loop goes on adding, whoever does this.
            count = len(self._heard)
            heard = self._heard[:count]
            del self._heard[:count]
            for caller, route, error in heard:
                if route is None:
                    self._keep(caller, _record(caller, _meant(caller), naming.UNKNOWN, None), error)
                    continue
                model = route.operation
                shown = request_shown(model, caller.request) if caller.request else None
                self._keep(caller, _record(caller, route.service, model.name, shown), error)

    def opened(self, caller: Caller, service_name: str, name: str, error: AwsError | None) -> None:
        if self.journal is not None:
            with self._making:
                self._keep(caller, _record(caller, service(service_name), name, None), error)

    def _keep(self, caller: Caller, made: tuple[Record, Facts], error: AwsError | None) -> None:
        assert self.journal is not None
        record, facts = made
        if error is not None:
            record.error_code = error.code
            record.error_message = error.message[:TEXT_CHARS_MAX]
            record.why = _why(error)
        # What callers only say of themselves makes no place of its own: strangers would fill the index.
        is_somewhere = record.account and record.aws_region in self._regions
        scope = _scope_of(record.account, record.aws_region) if is_somewhere else OWN
        self.journal.append(Line(scope, written(record), caller.began_ms, facts))


_scope_of = lru_cache(maxsize=4096)(Scope)


def journal_of(call: Call) -> Journal | None:
    """The journal of the process that answers the call, with all that was heard before."""
    if not isinstance(call.audit, Auditor):
        return None
    call.audit.catch_up()
    return call.audit.journal


def _record(
    caller: Caller, of: Service | None, name: str, shown: dict[str, Any] | None
) -> tuple[Record, Facts]:
    http, request_id = caller.http, caller.request_id
    source, reads, is_data = naming.names(of, name)
    identity, account, username, key = _whose(caller)
    claim = caller.claim
    arns = resources_of(caller.asked) if caller.asked else ()
    facts = Facts(name, source, reads, username, key, arns)
    record = Record(
        EVENT_VERSION,
        identity,
        moment(caller.began_ms // 1000),
        source,
        name,
        # Global services are asked in the Region that clients sign for.
        claim.region[:REGION_CHARS_MAX] if claim is not None else asked_region(caller.scope.region),
        http.client,
        (http.header("user-agent") or "")[:TEXT_CHARS_MAX],
        shown,
        None,
        request_id,
        sibling(request_id),
        reads,
        "AwsApiCall",
        not is_data,
        account,
        "Data" if is_data else "Management",
        resources=[told(arn) for arn in arns] if arns else None,
    )
    return record, facts


def _whose(caller: Caller) -> tuple[msgspec.Raw, str, str, str]:
    """The identity, its account, its name and its key."""
    principal = caller.principal
    if principal is not NOBODY:
        identity, name = whose.identity_of(principal)
        return identity, principal.account, name, principal.access_key_id
    if caller.claim is not None:
        account, key = caller.claimed.account, caller.claim.access_key_id
        return whose.unproven(key, account), account, "", key
    return whose.anonymous(caller.scope.account), caller.scope.account, "", ""


def _why(error: BaseException | None) -> Mapping[str, object] | None:
    """What was heard for and against it; also where another error says it in its own words."""
    while error is not None:
        if isinstance(error, AwsError) and error.why is not None:
            return error.why
        error = error.__cause__ or error.__context__
    return None


def _meant(caller: Caller) -> Service | None:
    """The service that a call which means no operation was meant for, if there is one."""
    signed_for = scoped_service(caller.http)
    name = next((name for name, known in KNOWN.items() if known.signing_name == signed_for), None)
    return service(name) if name else None
