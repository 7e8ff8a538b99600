"""Enrolment: a key, a fingerprint, one request, and the folder that makes this machine a node."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import List, NamedTuple, Optional

from hostreeve.agent import children
from hostreeve.agent.loop import Loop
from hostreeve.agent.machine import architecture
from hostreeve.agent.server import Answer, Denied, Server
from hostreeve.agent.state import Node, Refused, State, replace
from hostreeve.agent.stream import Unreachable, endpoint
from hostreeve.kernel.world import World

ATTEMPTS = 5
FALLBACK_REGION = "us-east-1"
NEXT_STEPS = {
    "InvalidActivation": "Check the activation id and code, or make a new activation: "
    "aws ssm create-activation --iam-role SSMServiceRole",
    "InvalidActivationId": "Check the activation id: aws ssm describe-activations",
    "InvalidActivationCode": "Check the activation code; it is shown only when the activation is created",
    "ActivationExpired": "Make a new activation: aws ssm create-activation --iam-role SSMServiceRole",
    "ActivationLimitExceeded": "Make a new activation with a larger --registration-limit",
}


class Invitation(NamedTuple):
    """What the operator gives to `enrol`. An empty Region means: as the server says. `as_instance`: the
    machine is to be an EC2 instance."""

    server: str
    ca_file: str
    activation_id: str
    activation_code: str
    region: str = ""
    as_instance: bool = False


def enrol(world: World, state: State, invitation: Invitation, *, force: bool = False) -> Node:
    """Register this machine and keep who it is. Refused, with what to do next, when that is not possible."""
    if state.is_enrolled and not force:
        kept = state.node()
        raise Refused(
            f"{state.folder} is already enrolled as {kept.node_id} at {kept.server}. "
            "Use another --state folder, or --force to enrol anew under a new node id"
        )
    try:
        server_endpoint = endpoint(invitation.server, invitation.ca_file)
    except ValueError as wrong:
        raise Refused(str(wrong)) from None
    state.create()
    loop = Loop(world)
    loop.listen_to_signals()
    server = Server(loop, server_endpoint, invitation.region or FALLBACK_REGION)
    with state.held():
        # The key in use stays until the server has accepted the new one.
        public_key = _new_key(loop, state)
        fingerprint = world.uuid()
        answer = _register(server, invitation, fingerprint, public_key)
        node = Node(
            server=invitation.server,
            node_id=str(answer["InstanceId"]),
            region=invitation.region or str(answer.get("Region") or FALLBACK_REGION),
            fingerprint=fingerprint,
            account=str(answer.get("AccountId") or ""),
        )
        _forget_former_node(state)
        replace(state.ca, Path(invitation.ca_file).read_bytes())
        state.new_key.replace(state.key)
        state.keep_node(node)
    return node


def _new_key(loop: Loop, state: State) -> str:
    outcome: List[object] = []
    argv = [*children.our_python("hostreeve.agent.machine_key"), "generate", str(state.new_key)]
    children.run(loop, argv, b"", lambda *finished: outcome.extend(finished))
    loop.run_until(lambda: bool(outcome))
    code, output, errors = outcome
    assert isinstance(output, bytes) and isinstance(errors, bytes), "a child ends with its output"
    if code != 0:
        raise Refused(f"cannot make a machine key: {errors.decode(errors='replace').strip()}")
    return output.decode("ascii")


def _register(
    server: Server, invitation: Invitation, fingerprint: str, public_key: str
) -> "dict[str, object]":
    members = {
        "ActivationCode": invitation.activation_code,
        "ActivationId": invitation.activation_id,
        "Fingerprint": fingerprint,
        "PublicKey": public_key,
        "PublicKeyType": "Rsa",
    }
    if invitation.as_instance:
        members.update({"ResourceType": "EC2Instance", "Architecture": architecture()})
    wait_s = 0.2
    for attempt in range(ATTEMPTS):
        answer = _ask(server, members)
        if isinstance(answer, dict):
            if not str(answer.get("InstanceId") or ""):
                raise Refused(
                    "the server registered this machine but named no node id; is it a Hostreeve server?"
                )
            return answer
        is_final = isinstance(answer, Denied) and not answer.is_temporary
        if is_final or attempt == ATTEMPTS - 1:
            raise Refused(_explained(answer, invitation))
        _pause(server.loop, wait_s)
        wait_s *= 2
    raise AssertionError("the last attempt answers or refuses")


def _ask(server: Server, members: "dict[str, str]") -> Answer:
    answers: List[Answer] = []
    server.call_anonymously("RegisterManagedInstance", members, answers.append)
    server.loop.run_until(lambda: bool(answers))
    return answers[0]


def _pause(loop: Loop, delay_s: float) -> None:
    timer = loop.after(delay_s, lambda: None)
    loop.run_until(lambda: not timer.pending)


def _explained(answer: Answer, invitation: Invitation) -> str:
    if isinstance(answer, Unreachable):
        return (
            f"cannot reach {invitation.server}: {answer}. Check the address, the port and the network; "
            "a certificate that is not trusted means that --ca is not this server's CA file"
        )
    assert isinstance(answer, Denied), "what is no success is a refusal"
    advice: Optional[str] = NEXT_STEPS.get(answer.code)
    return f"the server refused this machine: {answer}" + (f". {advice}" if advice else "")


def _forget_former_node(state: State) -> None:
    """With --force: jobs, credentials and status of the node that this folder was before."""
    for name in ("credentials.json", "status.json", "journal"):
        (state.folder / name).unlink(missing_ok=True)
    shutil.rmtree(state.steps, ignore_errors=True)
    state.steps.mkdir(mode=0o700, exist_ok=True)
