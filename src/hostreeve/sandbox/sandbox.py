"""Runs a script of somebody else's where it can do no harm: bubblewrap, namespaces of its own, nothing to
write to, no network but one relayed address, bounded memory, processes, time and output.

How it holds: docs/reference/script-sandbox.md.
"""

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path, PurePosixPath
from typing import Any

from hostreeve.sandbox import mounts
from hostreeve.sandbox.relay import relaying
from hostreeve.sandbox.runner import PORT
from hostreeve.sandbox.script import End, Limits, NoSandbox, Outcome, Script
from hostreeve.sandbox.watch import excess

BWRAP = "bwrap"
ISOLATION = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534"),
    *("--hostname", "script", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"),
)
DRAIN_S = 5.0
USUAL = Limits()
ENVELOPE = '{"result": }'


class Sandbox:
    """Runs scripts, at most `at_once` of them; the others wait. Their time counts from their start."""

    def __init__(self, at_once: int = 4) -> None:
        self._room = asyncio.Semaphore(at_once)

    async def run(self, script: Script, limits: Limits = USUAL) -> Outcome:
        """What became of `script`. Cancelling this kills it.

        Raises `NoSandbox` where the machine has no bubblewrap or does not let it make namespaces, and
        `ValueError` for a file name that leaves the folder.
        """
        program = shutil.which(BWRAP)
        if program is None:
            raise NoSandbox(
                "bubblewrap is not installed: install Debian's package bubblewrap (program bwrap)"
            )
        async with self._room:
            with tempfile.TemporaryDirectory(prefix="hostreeve-script-", dir="/tmp") as folder:
                home = Path(folder)
                _lay_out(script, home)
                async with relaying(script.endpoint, home / "endpoint"):
                    return await _run(program, script, limits, home)


def _lay_out(script: Script, home: Path) -> None:
    (home / "script").mkdir()
    (home / "etc").mkdir()
    host = script.endpoint.host if script.endpoint else "localhost"
    (home / "etc" / "hosts").write_text(f"127.0.0.1 localhost {host}\n")
    (home / "etc" / "passwd").write_text("nobody:x:65534:65534:nobody:/tmp:/usr/sbin/nologin\n")
    for name, content in script.files.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise ValueError(f"the file name {name!r} leaves the script's folder")
        path = home / "script" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


async def _run(program: str, script: Script, limits: Limits, home: Path) -> Outcome:
    began = time.monotonic()
    tell, told = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(program, *ISOLATION, *mounts.arguments(script, home, limits.files)),
            *("--", str(mounts.interpreter()), "-I", "-S", "-B", mounts.RUNNER, str(told)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(told,),
            start_new_session=True,
            env={},
        )
    except BaseException:
        os.close(tell)
        raise
    finally:
        os.close(told)
    try:
        return await _follow(process, tell, script, limits, began)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _follow(
    process: asyncio.subprocess.Process, tell: int, script: Script, limits: Limits, began: float
) -> Outcome:
    assert process.stdin and process.stdout
    answers = await _reader(tell)
    output = asyncio.create_task(_read(process.stdout, limits.output))
    answer = asyncio.create_task(_read(answers, limits.result + len(ENVELOPE)))
    try:
        stopped = await _wait(process, _request(script, limits), limits)
        async with asyncio.timeout(DRAIN_S):
            printed, cut = await output
            said, too_large = await answer
    finally:
        output.cancel()
        answer.cancel()
    ending = stopped or _ending(process.returncode, said, too_large, printed, limits)
    shown = printed.decode(errors="replace")
    return Outcome(**ending, output=shown, output_truncated=cut, seconds=time.monotonic() - began)


async def _wait(process: asyncio.subprocess.Process, request: bytes, limits: Limits) -> dict[str, Any] | None:
    """Until it ended by itself (None), or was ended, and why."""
    assert process.stdin
    work = asyncio.create_task(_finish(process, request))
    watch = asyncio.create_task(excess(process.pid, limits))
    try:
        done, _ = await asyncio.wait(
            [work, watch], timeout=limits.seconds, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        work.cancel()
        watch.cancel()
    if work in done:
        work.result()
        return None
    if process.returncode is None:
        process.kill()
        await process.wait()
    if watch in done:
        return {"end": End.KILLED, "error": watch.result()}
    return {"end": End.TIMED_OUT, "error": f"The script did not end within {limits.seconds:g} seconds."}


async def _finish(process: asyncio.subprocess.Process, request: bytes) -> None:
    assert process.stdin
    await _hand_over(process.stdin, request)
    await process.wait()


async def _hand_over(stdin: asyncio.StreamWriter, request: bytes) -> None:
    # It may have ended before it read anything: what it said tells why.
    with contextlib.suppress(OSError):
        stdin.write(request)
        await stdin.drain()
        stdin.close()


def _request(script: Script, limits: Limits) -> bytes:
    environment = {"HOME": "/tmp", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **script.environment}
    if script.endpoint is not None:
        environment |= {
            "AWS_ENDPOINT_URL": f"https://{script.endpoint.host}:{PORT}",
            "AWS_CA_BUNDLE": mounts.CA,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    request = {
        "handler": script.handler,
        "payload": script.payload,
        "context": dict(script.context),
        "environment": environment,
        "reaches": mounts.SOCKET if script.endpoint is not None else "",
        "limits": {"memory": limits.memory, "processes": limits.processes, "files": limits.files},
    }
    return json.dumps(request).encode()


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb"))
    return reader


async def _read(stream: asyncio.StreamReader, most: int) -> tuple[bytes, bool]:
    """The first `most` bytes, and whether there were more; all of it is read, so that nobody waits."""
    kept = bytearray()
    more = False
    while data := await stream.read(65536):
        more = more or len(kept) + len(data) > most
        kept += data[: most - len(kept)]
    return bytes(kept), more


def _ending(
    status: int | None, said: bytes, too_large: bool, printed: bytes, limits: Limits
) -> dict[str, Any]:
    if too_large:
        return {"end": End.RESULT_TOO_LARGE, "error": f"The script returned more than {limits.result} bytes."}
    if not said:
        if printed.startswith(b"bwrap:"):
            told = printed.decode(errors="replace")[:300]
            raise NoSandbox(f"scripts cannot be kept in on this machine: {told}")
        return {"end": End.KILLED, "error": f"The script's process ended with {status} before it returned."}
    answer = json.loads(said)
    if "error" in answer:
        return {"end": End.RAISED, "error": answer["error"]}
    return {"end": End.SUCCESS, "result": answer["result"]}
