"""Runs the host's package managers: no questions asked, English, bounded waits for locks."""

import os
import shutil
import subprocess
import sys
import time
from collections import deque
from typing import Callable, Deque, Dict, List, NamedTuple, Optional, Tuple

from hostreeve.patcher import trouble

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LINES_KEPT = 400
LOCK_PAUSE_S = 2.0
QUESTION_S_MAX = 600.0
"""So long may a question (not an installation) take: a repository that hangs, a database that is locked."""


class Ran(NamedTuple):
    """How a program ended, and what it said (the last lines of it, when it was followed)."""

    code: int
    said: str
    errors: str = ""


def environment() -> Dict[str, str]:
    """Nothing asks, everything speaks English, no prompt of a service restarter."""
    known = dict(os.environ)
    known.setdefault("PATH", PATH)
    known.update(
        LC_ALL="C",
        LANGUAGE="C",
        DEBIAN_FRONTEND="noninteractive",
        APT_LISTCHANGES_FRONTEND="none",
        NEEDRESTART_SUSPEND="1",
        UCF_FORCE_CONFFOLD="1",
        ZYPP_LOCK_TIMEOUT="0",
    )
    return known


def found(*names: str) -> Optional[str]:
    """The first of these programs that the host has."""
    path = os.environ.get("PATH", PATH) + ":" + PATH
    return next((where for where in (shutil.which(name, path=path) for name in names) if where), None)


def ask(argv: List[str], timeout_s: float = QUESTION_S_MAX) -> Ran:
    """Run it silently and keep all it says. Trouble when it cannot be started or takes too long."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
    except OSError as wrong:
        raise trouble.Trouble(trouble.OTHER, "cannot start %s: %s" % (argv[0], wrong)) from None
    try:
        said, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        sentence = "%s did not answer within %d s" % (argv[0], timeout_s)
        raise trouble.Trouble(trouble.OTHER, sentence) from None
    return Ran(process.returncode, said.decode("utf-8", "replace"), errors.decode("utf-8", "replace"))


def answer(argv: List[str], timeout_s: float = QUESTION_S_MAX) -> str:
    """What it says on standard output. Trouble when it fails."""
    ran = ask(argv, timeout_s)
    if ran.code != 0:
        raise trouble.read(argv[0], ran.code, ran.said + ran.errors)
    return ran.said


def follow(argv: List[str]) -> Ran:
    """Run it and show what it says as it says it; the end of it is kept."""
    print("+ " + " ".join(argv), flush=True)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
        )
    except OSError as wrong:
        raise trouble.Trouble(trouble.OTHER, "cannot start %s: %s" % (argv[0], wrong)) from None
    assert process.stdout is not None, "it was asked for"
    kept: Deque[str] = deque(maxlen=LINES_KEPT)
    for raw in process.stdout:
        line = raw.decode("utf-8", "replace")
        kept.append(line)
        sys.stdout.write(line)
        sys.stdout.flush()
    return Ran(process.wait(), "".join(kept))


def patiently(
    attempt: Callable[[], Ran], program: str, wait_s: float, content: Tuple[int, ...] = (0,)
) -> Ran:
    """Attempt until no lock is in the way, for at most `wait_s`. Trouble of kind LOCKED after that.
    `content`: the exit codes that are no failure."""
    begun = time.monotonic()
    while True:
        ran = attempt()
        if ran.code in content:
            return ran
        wrong = trouble.read(program, ran.code, ran.said + ran.errors)
        if wrong.kind != trouble.LOCKED:
            return ran
        waited = time.monotonic() - begun
        if waited >= wait_s:
            raise trouble.Trouble(
                trouble.LOCKED, "another process held the package database for %d s: %s" % (waited, wrong)
            )
        print("waiting for another package manager: %s" % wrong, flush=True)
        time.sleep(LOCK_PAUSE_S)
