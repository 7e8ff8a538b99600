"""aws:runDockerAction: one action of the docker program, with the official agent's inputs and limits."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Tuple

from hostreeve.agent.children import program
from hostreeve.agent.order import InvalidInputs, Order, Place, handed_over
from hostreeve.agent.plugins.script import order_for
from hostreeve.agent.plugins.task import object_of, text_in

_ALLOWED = {
    "container": re.compile(r"[a-zA-Z0-9_\-\\/]*"),
    "image": re.compile(r"[a-zA-Z0-9.:_\-\\/@]*"),
    "user": re.compile(r"[a-zA-Z0-9_-]*"),
    "cpuShares": re.compile(r"/?[a-zA-Z0-9_-]*"),
    "memory": re.compile(r"[0-9]*[bkmg]?"),
    "publish": re.compile(r"[0-9a-zA-Z:\-/.]*"),
    "env": re.compile(r"[^;,&|]*", re.DOTALL),
    "cmd": re.compile(r"[^;,&|]*", re.DOTALL),
}
_VOLUME = re.compile(r"[\w\\/:\-.\"()^ ]*")


def prepare(inputs: Any, place: Place) -> Order:
    """InvalidInputs for unknown actions, missing or unfit inputs, and where docker is not installed."""
    members = object_of(inputs)
    action = text_in(members, "action")
    if action not in _ACTIONS:
        raise InvalidInputs(f"Docker Action is set to unsupported value: {action}")
    given = _checked(members)
    for name in _ACTIONS[action][0]:
        if not given[name]:
            raise InvalidInputs(f"Action {action} requires parameter {name}")
    arguments = _ACTIONS[action][1](given, _volumes(members))
    docker = program("docker")
    if docker is None:
        raise InvalidInputs("the docker program is not installed on this node (see aws:configureDocker)")
    return order_for(members, place, [docker, *arguments])


def _checked(members: Dict[str, Any]) -> Dict[str, str]:
    given: Dict[str, str] = {}
    for name, allowed in _ALLOWED.items():
        value = text_in(members, name)
        if not allowed.fullmatch(value):
            raise InvalidInputs(f"Validation error, invalid {name} value")
        # Only cmd may begin with a dash: it stands behind the container or the image.
        if value.startswith("-") and name != "cmd":
            raise InvalidInputs(f"Validation error, {name} may not begin with a dash")
        given[name] = handed_over(name, value)
    return given


def _volumes(members: Dict[str, Any]) -> List[str]:
    listed = members.get("volume") or []
    if isinstance(listed, str):
        listed = [listed]
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise InvalidInputs("volume must be a list of strings")
    for each in listed:
        if not _VOLUME.fullmatch(each) or each.startswith("-"):
            raise InvalidInputs("Validation error, invalid volume")
    return [each for each in listed if each]


def _new_container(verb: List[str]) -> "Callable[[Dict[str, str], List[str]], List[str]]":
    def arguments(given: Dict[str, str], volumes: List[str]) -> List[str]:
        built = list(verb)
        for volume in volumes:
            built += ["--volume", volume]
        for option, name in (
            ("--name", "container"),
            ("--memory", "memory"),
            ("--cpu-shares", "cpuShares"),
            ("--publish", "publish"),
            ("--env", "env"),
            ("--user", "user"),
        ):
            if given[name]:
                built += [option, given[name]]
        return [*built, given["image"], *_words(given["cmd"])]

    return arguments


def _exec(given: Dict[str, str], volumes: List[str]) -> List[str]:
    user = ["--user", given["user"]] if given["user"] else []
    return ["exec", *user, given["container"], *_words(given["cmd"])]


def _inspect(given: Dict[str, str], volumes: List[str]) -> List[str]:
    named = [each for each in (given["container"], given["image"]) if each]
    if not named:
        raise InvalidInputs("Action Inspect requires parameter container or image")
    return ["inspect", *named]


def _on(what: str, *verb: str) -> "Callable[[Dict[str, str], List[str]], List[str]]":
    return lambda given, volumes: [*verb, *([given[what]] if given[what] else [])]


def _words(command: str) -> List[str]:
    import shlex

    try:
        return shlex.split(command)
    except ValueError as wrong:
        raise InvalidInputs(f"Validation error, invalid cmd value: {wrong}") from None


_ACTIONS: Dict[str, Tuple[Tuple[str, ...], Callable[[Dict[str, str], List[str]], List[str]]]] = {
    "Create": (("image",), _new_container(["create"])),
    "Run": (("image",), _new_container(["run", "-d"])),
    "Start": (("container",), _on("container", "start")),
    "Stop": (("container",), _on("container", "stop")),
    "Rm": (("container",), _on("container", "rm")),
    "Exec": (("container", "cmd"), _exec),
    "Inspect": ((), _inspect),
    "Logs": (("container",), _on("container", "logs")),
    "Stats": ((), _on("container", "stats", "--no-stream")),
    "Pull": (("image",), _on("image", "pull")),
    "Images": ((), lambda given, volumes: ["images"]),
    "Rmi": (("image",), _on("image", "rmi")),
    "Ps": ((), lambda given, volumes: ["ps", "--all"]),
}
"""Action -> (inputs that it needs, the arguments of docker)."""
