"""The node role's credentials: obtained with the machine key, renewed at half their life, kept over restarts.

Also where the machine key is replaced when the server asks for it. The new key is on disk before the server
hears of it, so after a crash in between either the old or the new key opens the door, and both are tried.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from hostreeve.agent import children
from hostreeve.agent.log import Log
from hostreeve.agent.loop import Timer
from hostreeve.agent.server import Answer, Denied, Server
from hostreeve.agent.state import Node, State, sync_folder
from hostreeve.agent.stream import Unreachable
from hostreeve.contract.sigv4 import Credentials

WAIT_FIRST_S = 0.5
WAIT_MAX_S = 30.0


class RoleCredentials:
    """Keeps `server.credentials` usable. `on_ready` is called once, when they first are."""

    def __init__(
        self, server: Server, state: State, node: Node, *, log: Log, on_ready: Callable[[], None]
    ) -> None:
        self._server, self._state, self._node, self._log = server, state, node, log
        self._on_ready = on_ready
        self._is_ready = self._is_asking = False
        self._wait_s = WAIT_FIRST_S
        self._renewal: Optional[Timer] = None
        self.trouble = ""

    def start(self) -> None:
        """Use what an earlier run has kept, if it is still good; ask for new ones otherwise."""
        kept = self._state.read("credentials.json") or {}
        try:
            left_ms = int(kept["expires_ms"]) - self._server.loop.world.now_ms()
            half_ms = (int(kept["expires_ms"]) - int(kept["obtained_ms"])) // 2
            credentials = Credentials(kept["access_key_id"], kept["secret_access_key"], kept["session_token"])
        except (KeyError, TypeError, ValueError):
            self.renew()
            return
        if left_ms <= 0 or self._state.new_key.exists():
            self.renew()
            return
        self._use(credentials, max(0.0, (left_ms - half_ms) / 1000))

    def renew(self) -> None:
        """Ask for new ones now; at most one question is under way."""
        if self._is_asking:
            return
        self._is_asking = True
        self._ask(is_new_key=False)

    def _ask(self, *, is_new_key: bool) -> None:
        key = self._state.new_key if is_new_key else self._state.key
        self._server.call_with_machine_key(
            "RequestManagedInstanceRoleToken",
            {"Fingerprint": self._node.fingerprint},
            lambda answer: self._answered(answer, is_new_key=is_new_key),
            key=(self._node.node_id, str(key)),
        )

    def _answered(self, answer: Answer, *, is_new_key: bool) -> None:
        is_refused = isinstance(answer, Denied) and not answer.is_temporary
        if is_refused and not is_new_key and self._state.new_key.exists():
            self._ask(is_new_key=True)
            return
        self._is_asking = False
        if isinstance(answer, (Denied, Unreachable)):
            self._retry(f"cannot get credentials: {answer}")
            return
        if is_new_key:
            self._switch_keys()
        elif self._state.new_key.exists():
            # The server still has the old key: the replacement never reached it.
            self._state.new_key.unlink()
        try:
            self._keep(answer)
        except (KeyError, TypeError, ValueError) as wrong:
            self._retry(f"cannot use the credentials that the server sent: {wrong!r}")
            return
        if answer.get("UpdateKeyPair") is True:
            self._replace_key()

    def _keep(self, answer: Dict[str, Any]) -> None:
        now_ms = self._server.loop.world.now_ms()
        expires_ms = round(float(answer["TokenExpirationDate"]) * 1000)
        credentials = Credentials(
            str(answer["AccessKeyId"]), str(answer["SecretAccessKey"]), str(answer["SessionToken"])
        )
        kept = {
            "access_key_id": credentials.access_key_id,
            "secret_access_key": credentials.secret_access_key,
            "session_token": credentials.session_token,
            "obtained_ms": now_ms,
            "expires_ms": expires_ms,
        }
        try:
            self._state.write("credentials.json", kept, durable=False)
        except OSError as wrong:
            self._log.warning(f"cannot keep the credentials for a restart: {wrong}")
        # A server that hands out credentials already past must not be asked in a tight loop.
        self._use(credentials, max(5.0, (expires_ms - now_ms) / 2000))

    def _use(self, credentials: Credentials, renew_after_s: float) -> None:
        self._server.credentials = credentials
        self._wait_s = WAIT_FIRST_S
        self.trouble = ""
        self._schedule(renew_after_s)
        if not self._is_ready:
            self._is_ready = True
            self._on_ready()

    def _retry(self, trouble: str) -> None:
        if trouble != self.trouble:
            self._log.warning(trouble)
        self.trouble = trouble
        jitter = 0.5 + self._server.loop.world.fraction()
        self._schedule(self._wait_s * jitter)
        self._wait_s = min(WAIT_MAX_S, self._wait_s * 2)

    def _schedule(self, delay_s: float) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        self._renewal = self._server.loop.after(delay_s, self.renew)

    def _replace_key(self) -> None:
        argv = [*children.our_python("hostreeve.agent.machine_key"), "generate", str(self._state.new_key)]

        def generated(code: int, output: bytes, errors: bytes) -> None:
            if code != 0:
                self._log.warning(f"cannot make a new machine key: {errors.decode(errors='replace').strip()}")
                return
            sync_folder(self._state.folder)
            self._announce_key(output.decode("ascii"))

        try:
            children.run(self._server.loop, argv, b"", generated)
        except OSError as wrong:
            self._log.warning(f"cannot make a new machine key: {wrong}")

    def _announce_key(self, public_key: str) -> None:
        def answered(answer: Answer) -> None:
            if isinstance(answer, (Denied, Unreachable)):
                # Which key the server has now is unknown; the next request for credentials finds out.
                self._log.warning(f"the machine key was not replaced: {answer}")
                self._schedule(self._wait_s)
                return
            self._switch_keys()

        self._server.call_with_machine_key(
            "UpdateManagedInstancePublicKey",
            {"NewPublicKey": public_key, "NewPublicKeyType": "Rsa"},
            answered,
            key=(self._node.node_id, str(self._state.key)),
        )

    def _switch_keys(self) -> None:
        self._state.new_key.replace(self._state.key)
        sync_folder(self._state.folder)
        self._log.info("the machine key was replaced, as the server asked")
