"""sourceType Git: the whole of a repository, by the git program; secrets never stand in its arguments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List

from hostreeve.agent.children import environment as inherited_environment
from hostreeve.agent.children import program
from hostreeve.agent.plugins.download_content.options import reference_in
from hostreeve.agent.plugins.download_content.wanted import Wanted
from hostreeve.agent.plugins.worker import StepFailed

_IS_HTTP = re.compile(r"https?://", re.IGNORECASE).match
_ASKPASS = """#!/bin/sh
case $1 in
Username*) printf '%s\\n' "$HOSTREEVE_GIT_USERNAME" ;;
*) printf '%s\\n' "$HOSTREEVE_GIT_PASSWORD" ;;
esac
"""


def fetch(wanted: Wanted) -> None:
    """StepFailed when git is missing, or the repository cannot be cloned or checked out."""
    repository = wanted.needed("repository", "Git")
    reference = reference_in(wanted.text("getOptions"))
    git = program("git")
    if git is None:
        raise StepFailed("the git program is not installed on this node")
    if repository.startswith("-"):
        raise StepFailed("Invalid repository url format")
    private = Path(wanted.folder) / "git"
    private.mkdir(mode=0o700, exist_ok=True)
    target = Path(wanted.destination.path)
    target.mkdir(parents=True, exist_ok=True)
    # Cloned aside, where the move into place is only a renaming.
    clone = target / f".clone-{os.getpid()}"
    try:
        environment = _environment(wanted, repository, private)
        _run([git, "clone", "--quiet", "--", repository, str(clone)], environment, "clone")
        if reference:
            _run([git, "-C", str(clone), "checkout", "--quiet", reference, "--"], environment, "check out")
        _move(clone, target)
    finally:
        shutil.rmtree(clone, ignore_errors=True)
        shutil.rmtree(private, ignore_errors=True)


def _environment(wanted: Wanted, repository: str, private: Path) -> Dict[str, str]:
    environment = {**inherited_environment(), "GIT_TERMINAL_PROMPT": "0"}
    environment.setdefault("HOME", str(Path("~").expanduser()))
    key = wanted.text("privateSSHKey")
    username, password = wanted.text("username"), wanted.text("password")
    if _IS_HTTP(repository):
        if key:
            raise StepFailed("a private SSH key is not for an HTTP repository: give username and password")
        if username or password:
            askpass = private / "askpass"
            _private_file(askpass, _ASKPASS, 0o700)
            environment["GIT_ASKPASS"] = str(askpass)
            environment["HOSTREEVE_GIT_USERNAME"] = wanted.secret("username")
            environment["HOSTREEVE_GIT_PASSWORD"] = wanted.secret("password")
        return environment
    if username or password:
        raise StepFailed("username and password are for HTTP repositories only: give a private SSH key")
    options = ["-o", "BatchMode=yes"]
    if wanted.flag("skipHostKeyChecking"):
        options += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    else:
        options += ["-o", "StrictHostKeyChecking=yes"]
    if key:
        file = private / "key"
        _private_file(file, wanted.secret("privateSSHKey").strip() + "\n", 0o600)
        options += ["-i", f"'{file}'", "-o", "IdentitiesOnly=yes"]
    environment["GIT_SSH_COMMAND"] = " ".join(["ssh", *options])
    return environment


def _private_file(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _run(argv: List[str], environment: Dict[str, str], what: str) -> None:
    done = subprocess.run(
        argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", errors="replace").strip()[-2000:]
        if "Host key verification failed" in said:
            said += (
                "\nUnknown host key: add it to the known_hosts file, or set skipHostKeyChecking to true in "
                "the sourceInfo to go without that check"
            )
        raise StepFailed(f"git cannot {what} the repository:\n{said}")


def _move(source: Path, target: Path) -> None:
    """Everything in `source` into `target`, over what has the same name there."""
    for entry in list(source.iterdir()):
        place = target / entry.name
        if entry.is_dir() and not entry.is_symlink() and place.is_dir() and not place.is_symlink():
            _move(entry, place)
        elif place.is_dir() and not place.is_symlink():
            raise StepFailed(f"{place} is a folder, and a file is to be put there")
        else:
            entry.replace(place)
