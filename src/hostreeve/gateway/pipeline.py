"""From a request's bytes to an answer's bytes: the order of things, in one place.

route, authenticate, parse and validate, authorise, run in a transaction, serialise. The meaning (which
operations
exist, whose key is whose, who may do what) arrives by argument; this room imports no slice.
"""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from hostreeve.api.call import Call, Principal, Sealer
from hostreeve.api.errors import AwsError, common
from hostreeve.api.operations import Operation
from hostreeve.api.service_models import Service, service
from hostreeve.gateway import protocols, signature
from hostreeve.gateway.asks import Asks
from hostreeve.gateway.audit import Audit
from hostreeve.gateway.caller import Authority, Caller, Credential
from hostreeve.gateway.failures import as_aws_error, error_answer
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.record import Record
from hostreeve.gateway.routing import Route, Router
from hostreeve.gateway.signature_claims import Claim
from hostreeve.gateway.signature_claims import read as read_claim
from hostreeve.kernel.dated import dated
from hostreeve.kernel.scope import GLOBAL, Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction

INSIDE = "ssm.amazonaws.com"
"""The user agent of what the house does for somebody."""
_scope_of = lru_cache(maxsize=4096)(Scope)
"""One object for all requests of an account and Region."""


class Pipeline:
    """`await pipeline.answer(http)` never raises: whatever goes wrong is an answer in the service's own
    protocol."""

    def __init__(
        self,
        *,
        database: Database,
        world: World,
        router: Router,
        operations: Mapping[tuple[str, str], Operation],
        authority: Authority,
        keys: Sealer,
        regions: frozenset[str],
        global_services: frozenset[str],
        record: Record,
        audit: Audit,
    ) -> None:
        self._database = database
        self._world = world
        self._router = router
        self._operations = operations
        self._authority = authority
        self._keys = keys
        self._regions = regions
        self._global = global_services
        self._record = record
        self._audit = audit
        self._polls: set[asyncio.Event] = set()
        self._drains = False

    def drain(self) -> None:
        """The server stops: long polls answer now with what they have, so that nobody waits for them."""
        self._drains = True
        for awake in self._polls:
            awake.set()

    async def answer(self, http: HttpRequest) -> HttpResponse:
        caller = self._caller(http)
        started = self._world.monotonic()
        route: Route | None = None
        error: AwsError | None = None
        try:
            self._audit.admit()
            route = self._router.route(http)
            response = await self._answer(caller, route)
        except Exception as wrong:  # noqa: BLE001 - whatever it is becomes the answer
            error = as_aws_error(wrong, caller.request_id)
            response = error_answer(route, self._router, error, caller.http, caller.request_id)
        seconds = self._world.monotonic() - started
        self._record.answered(caller, route, response, error.code if error else "", seconds)
        if not caller.is_recorded:
            self._audit.answered(caller, route, error)
        return response

    async def against(self, http: HttpRequest) -> HttpResponse | None:
        """Why a request whose body is still on its way will be refused: nothing here knows the key that is
        said to have signed it. None when there is such a key; only the whole request proves the signature.
        """
        caller = self._caller(http)
        model, _ = self._router.spoken(http)
        try:
            claim = read_claim(http, protocols.family(model) if model else "json")
            await self._database.read(lambda tx: self._known(tx, claim, caller.now_ms))
        except Exception as wrong:  # noqa: BLE001 - whatever it is becomes the answer
            return self._refused(caller, as_aws_error(wrong, caller.request_id))
        return None

    def crowded(self, http: HttpRequest) -> HttpResponse:
        """The answer when there is no memory left for a body: clients of AWS try again by themselves."""
        caller = self._caller(http)
        error = common.ThrottlingException(
            "Too many large requests are under way. Send this one again in a moment."
        )
        answer = self._refused(caller, error)
        answer.headers.append(("retry-after", "1"))
        return answer

    async def authenticate(
        self, http: HttpRequest, service_name: str, operation: str
    ) -> tuple[Principal, Scope]:
        """Who signed this request (used for WebSocket upgrades, which no operation stands behind)."""
        caller = self._caller(http)
        model = service(service_name)
        error: AwsError | None = None
        try:
            self._audit.admit()
            claim = read_claim(http, protocols.family(model))
            await self._database.read(lambda tx: self._verify(tx, caller, claim, model))
        except AwsError as refused:
            error = refused
            raise
        finally:
            self._audit.opened(caller, service_name, operation, error)
        return caller.principal, caller.scope

    def _caller(self, http: HttpRequest) -> Caller:
        now_ms = self._world.now_ms()
        return Caller(http, dated(self._world.uuid(), now_ms), now_ms, began_ms=now_ms)

    async def _answer(self, caller: Caller, route: Route) -> HttpResponse:
        operation = self._operations.get((route.service.name, route.operation.name))
        signer = operation.signer if operation else "credentials"
        claim = None if signer == "nobody" else read_claim(caller.http, protocols.family(route.service))
        if operation is not None and not (operation.writes or operation.waits or operation.prepares):
            read = self._database.read_long if operation.long else self._database.read
            result = await read(lambda tx: self._read(tx, caller, route, operation, claim))
        else:
            result = await self._write(caller, route, operation, claim)
        return protocols.write_response(route.operation, result, caller.request_id, route.protocol)

    def _read(
        self,
        tx: Transaction,
        caller: Caller,
        route: Route,
        operation: Operation,
        claim: Claim | None,
    ) -> dict[str, Any]:
        """A read is one snapshot: the key, the policies and the rows that it sees belong together."""
        self._identify(tx, caller, route, operation, claim)
        request = caller.request = protocols.read_request(
            route.operation, caller.http, route.labels, route.protocol
        )
        return self._run(tx, caller, operation, request)

    async def _write(
        self, caller: Caller, route: Route, operation: Operation | None, claim: Claim | None
    ) -> dict[str, Any]:
        """A write checks its signature in a read, off the single writer; authorisation stands in its
        transaction."""
        await self._database.read(lambda tx: self._identify(tx, caller, route, operation, claim))
        if operation is None:
            raise common.NotImplemented(
                f"{route.operation.name} is an operation of AWS that Hostreeve does not have yet; "
                "docs/reference/coverage.md lists what there is."
            )
        request = caller.request = protocols.read_request(
            route.operation, caller.http, route.labels, route.protocol
        )
        if operation.waits:
            return await self._long_poll(caller, operation, request)
        if operation.prepares:
            asked = request
            request = await self._database.read(lambda tx: self._begun(tx, caller, operation, asked))
            request = await asyncio.to_thread(operation.prepares, self._world, request)
        return await self._execute(caller, operation, request)

    async def _execute(self, caller: Caller, operation: Operation, request: dict[str, Any]) -> dict[str, Any]:
        if not operation.writes:
            read = self._database.read_long if operation.long else self._database.read
            return await read(lambda tx: self._run(tx, caller, operation, request))
        answer = await self._database.write(lambda tx: self._written(tx, caller, operation, request))
        caller.is_recorded = not _is_idle(operation, answer)
        return answer

    async def _long_poll(
        self, caller: Caller, operation: Operation, request: dict[str, Any]
    ) -> dict[str, Any]:
        waits = operation.waits
        assert waits is not None
        deadline = self._world.monotonic() + waits.timeout_s
        awake = asyncio.Event()
        wanted = waits.key(request)
        stop = self._database.bus.listen(waits.channel, lambda key: awake.set() if key == wanted else None)
        self._polls.add(awake)
        try:
            while True:
                awake.clear()
                idle = await self._database.read(lambda tx: self._idle(tx, caller, operation, request))
                result = idle or await self._execute(caller, operation, request)
                left = deadline - self._world.monotonic()
                if left <= 0 or self._drains or not waits.empty(result):
                    return result
                # A hint on the bus may be lost, so the wait is cut into seconds. No timeout scope: up to here
                # this may run outside a task.
                waiting = asyncio.ensure_future(awake.wait())
                await asyncio.wait([waiting], timeout=min(left, 1.0))
                if not waiting.done():
                    waiting.cancel()
                    caller.now_ms = self._world.now_ms()
        finally:
            self._polls.discard(awake)
            stop()

    def _refused(self, caller: Caller, error: AwsError) -> HttpResponse:
        """The answer to a request that is not looked at any further, recorded like every other."""
        response = error_answer(None, self._router, error, caller.http, caller.request_id)
        self._record.answered(caller, None, response, error.code, 0.0)
        self._audit.answered(caller, None, error)
        return response

    def _known(self, tx: Transaction, claim: Claim, now_ms: int) -> None:
        """The AWS error when no key of that id is good here."""
        if claim.access_key_id.startswith("mi-"):
            self._authority.machine_key(tx, claim.access_key_id)
            return
        self._credential(tx, claim, now_ms)

    def _credential(self, tx: Transaction, claim: Claim, now_ms: int) -> Credential:
        try:
            return self._authority.credential(tx, claim.access_key_id, claim.session_token, now_ms)
        except AwsError as refused:
            raise signature.in_words_of(claim.family, refused) from None

    def _identify(
        self,
        tx: Transaction,
        caller: Caller,
        route: Route,
        operation: Operation | None,
        claim: Claim | None,
    ) -> None:
        if claim is None:
            caller.scope = Scope("", _region_of(caller.http))
            return
        caller.claim = claim
        if operation is not None and operation.signer == "machine-key":
            key, caller.principal = self._authority.machine_key(tx, claim.access_key_id)
            signature.verify_machine_key(claim, caller.http, key, caller.now_ms)
            caller.scope = self._scope(claim, route.service, caller.principal)
            return
        self._verify(tx, caller, claim, route.service)

    def _verify(self, tx: Transaction, caller: Caller, claim: Claim, model: Service) -> None:
        caller.claim = claim
        credential = self._credential(tx, claim, caller.now_ms)
        caller.claimed = credential.principal
        signature.verify(claim, caller.http, credential.secret, caller.now_ms, service=model.signing_name)
        caller.principal = credential.principal
        caller.scope = self._scope(claim, model, credential.principal)

    def _scope(self, claim: Claim, model: Service, principal: Principal) -> Scope:
        if claim.region not in self._regions:
            raise common.UnrecognizedClientException(
                f"The Region {claim.region} is not served here; `hostreeve serve --region` adds one."
            )
        return _scope_of(principal.account, GLOBAL if model.name in self._global else claim.region)

    def _run(
        self, tx: Transaction, caller: Caller, operation: Operation, request: dict[str, Any]
    ) -> dict[str, Any]:
        call, asks = self._call(tx, caller, request)
        if operation.on is not None:
            asks.leave(operation.action, operation.on(caller.scope, request))
        answer: dict[str, Any] = operation.handler(call, request)
        # An operation that says it asks, and does not, would be open to everybody: nothing of it is kept.
        assert asks.asked or operation.signer != "credentials", f"{operation.action} asked nobody's leave"
        return answer

    def _written(
        self, tx: Transaction, caller: Caller, operation: Operation, request: dict[str, Any]
    ) -> dict[str, Any]:
        """The call and its record, in one transaction."""
        answer = self._run(tx, caller, operation, request)
        if not _is_idle(operation, answer):
            self._audit.wrote(tx, caller, operation.model, answer)
        return answer

    def within(
        self, tx: Transaction, who: Principal, region: str, operation: Operation, request: dict[str, Any]
    ) -> dict[str, Any]:
        """What a part of the house does for somebody, in its own transaction: leave is asked for it and it is
        recorded, as if they had called themselves. AwsError; then the transaction must come to nothing."""
        caller = self._caller(HttpRequest("POST", "/", "", [("user-agent", INSIDE)]))
        model = operation.model.service
        caller.principal, caller.request = who, request
        caller.scope = _scope_of(who.account, GLOBAL if model.name in self._global else region)
        try:
            answer = self._run(tx, caller, operation, request)
        except AwsError as refused:
            self._audit.answered(caller, Route(model, operation.model), refused)
            raise
        self._audit.wrote(tx, caller, operation.model, answer)
        return answer

    def operation(self, service_name: str, name: str) -> Operation | None:
        """The operation, if it is one that callers with credentials may ask for."""
        found = self._operations.get((service_name, name))
        return found if found is not None and found.signer == "credentials" else None

    def _idle(
        self, tx: Transaction, caller: Caller, operation: Operation, request: dict[str, Any]
    ) -> dict[str, Any] | None:
        """What a poll answers where nothing waits: most of them find nothing, and need no write to see it."""
        assert operation.waits is not None
        call, asks = self._call(tx, caller, request)
        if operation.on is not None:
            asks.leave(operation.action, operation.on(caller.scope, request))
        return operation.waits.idle(call, request)

    def _begun(
        self, tx: Transaction, caller: Caller, operation: Operation, request: dict[str, Any]
    ) -> dict[str, Any]:
        """The request to prepare. Nobody's work is who is refused on what the request alone names."""
        call, asks = self._call(tx, caller, request)
        if operation.on is not None:
            asks.leave(operation.action, operation.on(caller.scope, request))
        found = operation.begins(call, request) if operation.begins else None
        return request | found if found else request

    def _call(self, tx: Transaction, caller: Caller, request: Mapping[str, Any]) -> tuple[Call, Asks]:
        caller.asked = []
        asks = Asks(self._authority, tx, caller, request)
        call = Call(
            tx=tx,
            scope=caller.scope,
            principal=caller.principal,
            world=self._world,
            now_ms=caller.now_ms,
            request_id=caller.request_id,
            require=asks.leave,
            emit=asks.emit,
            keys=self._keys,
            source_ip=caller.http.client,
            host=caller.http.header("host") or "",
            audit=self._audit,
        )
        return call, asks


def _is_idle(operation: Operation, answer: dict[str, Any]) -> bool:
    """A poll that nothing waited for has changed nothing, and may look again."""
    return operation.waits is not None and operation.waits.empty(answer)


def _region_of(http: HttpRequest) -> str:
    return http.header("x-hostreeve-region") or ""
