"""A script runs, and cannot get out: every way out that we know is tried."""

import asyncio
import contextlib
import itertools
import os
import shutil
from pathlib import Path

import pytest

from hostreeve.sandbox.sandbox import USUAL, Sandbox
from hostreeve.sandbox.script import End, Limits, NoSandbox, Script

MB = 1 << 20

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


def run(text, limits=USUAL, payload=None, handler="main.handler", **other):
    script = Script({"main.py": text.encode()}, handler, payload, **other)
    return asyncio.run(Sandbox().run(script, limits))


def body(*lines):
    return "import os\ndef handler(payload, context):\n" + "\n".join(f"    {line}" for line in lines)


def test_the_handler_gets_payload_and_context_and_its_result_comes_back():
    got = run(
        body(
            "print('seen', payload['a'])", "return {'sum': payload['a'] + context['b'], 'list': [None, 1.5]}"
        ),
        payload={"a": 1},
        context={"b": 2},
    )
    assert (got.end, got.result, got.output) == (End.SUCCESS, {"sum": 3, "list": [None, 1.5]}, "seen 1\n")


def test_a_script_of_several_files_imports_its_own():
    files = {"main.py": b"from lib.tool import double\ndef handler(p, c): return double(p)"}
    files |= {"lib/__init__.py": b"", "lib/tool.py": b"def double(x): return 2 * x"}
    assert asyncio.run(Sandbox().run(Script(files, "main.handler", 21))).result == 42


def test_what_it_raises_is_one_line_and_its_traceback_shows_only_the_script():
    got = run(body("return 1 / 0"))
    assert (got.end, got.error) == (End.RAISED, "ZeroDivisionError: division by zero")
    assert "/script/main.py" in got.output and "runner.py" not in got.output


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("def handler(:", "SyntaxError"),
        ("x = 1", "NameError: the script has no function 'handler'"),
        ("import requests_that_nobody_has", "ModuleNotFoundError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        (body("return object()"), "TypeError: Object of type object is not JSON serializable"),
        (body("return open('/etc/shadow').read()"), "FileNotFoundError"),
    ],
)
def test_a_script_that_is_wrong_says_how(text, error):
    got = run(text)
    assert got.end is End.RAISED
    assert error in got.error


def test_a_script_that_ends_its_own_process_is_not_taken_for_a_success():
    assert run("import os\nos._exit(0)").end is End.KILLED


def test_time_is_bounded_and_nothing_of_it_lives_on():
    marker = f"sleep-{os.getpid()}"
    lines = (f"os.fork() or os.execv('/bin/sleep', ['{marker}', '60'])", "while True: pass")
    got = run(body(*lines), Limits(seconds=0.5))
    assert got.end is End.TIMED_OUT and "0.5 seconds" in got.error
    assert got.seconds < 10
    assert not any(marker in command for command in _commands())


def test_a_cancelled_run_is_killed():
    marker = f"cancelled-{os.getpid()}"

    async def scenario():
        text = body(f"os.execv('/bin/sleep', ['{marker}', '60'])")
        task = asyncio.create_task(Sandbox().run(Script({"main.py": text.encode()}, "main.handler")))
        while not any(marker in command for command in _commands()):
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(scenario(), 20))
    assert not any(marker in command for command in _commands())


def test_memory_of_one_process_is_bounded():
    assert run(body("x = 'a' * 10**9"), Limits(memory=256 * MB)).error == "MemoryError"


def test_memory_of_all_its_processes_together_is_bounded():
    lines = (
        "for _ in range(8):",
        "    if os.fork() == 0:",
        "        x = os.urandom(60_000_000)",
        "        break",
    )
    got = run(body(*lines, "import time", "time.sleep(30)"), Limits(memory=150 * MB, seconds=20))
    assert got.end is End.KILLED and "memory" in got.error


def test_a_fork_bomb_ends_early():
    got = run(body("while True:", "    try: os.fork()", "    except OSError: pass"), Limits(seconds=30))
    assert got.end in (End.KILLED, End.RAISED)
    assert got.seconds < 20


def test_what_it_prints_and_returns_is_bounded():
    got = run(body("print('x' * 3_000_000)"), Limits(output=1000))
    assert got.end is End.SUCCESS
    assert (len(got.output), got.output_truncated) == (1000, True)
    assert run(body("return 'x' * 1000"), Limits(result=1002)).end is End.SUCCESS
    assert run(body("return 'x' * 1001"), Limits(result=1002)).end is End.RESULT_TOO_LARGE


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_what_it_writes_is_bounded(folder):
    lines = ("for i in range(9):", f"    open(f'{folder}/{{i}}', 'wb').write(bytes(4_000_000))")
    assert "No space left" in run(body(*lines), Limits(files=16 * MB)).error


@pytest.mark.parametrize("path", ["/x", "/usr/x", "/script/x", "/etc/x", "/dev/x", "/run/x", "/packages/x"])
def test_there_is_nothing_else_to_write_to(path):
    assert "Read-only file system" in run(body(f"open({path!r}, 'w')")).error


def test_it_sees_no_network_no_other_process_and_none_of_our_environment(monkeypatch):
    monkeypatch.setenv("A_SECRET_OF_THE_SERVER", "x")
    lines = (
        "import socket",
        "names = sorted(name for _, name in socket.if_nameindex())",
        "pids = [p for p in os.listdir('/proc') if p.isdigit()]",
        "return [names, len(pids), os.getuid(), dict(os.environ)]",
    )
    names, processes, user, environment = run(body(*lines), environment={"AWS_REGION": "eu-west-1"}).result
    assert names == ["lo"]
    assert processes <= 2
    assert user == 65534
    assert environment["AWS_REGION"] == "eu-west-1"
    assert "A_SECRET_OF_THE_SERVER" not in environment
    assert "Errno 101" in run("import socket\nsocket.create_connection(('192.0.2.1', 80), 2)").error


@pytest.mark.parametrize(
    "attempt",
    [
        "os.setuid(0)",
        "os.unshare(os.CLONE_NEWUSER) if hasattr(os, 'unshare') else ctypes_unshare()",
        "subprocess.run(['/bin/mount', '-t', 'tmpfs', 'x', '/tmp'], check=True, capture_output=True)",
        "os.mknod('/tmp/disk', 0o60600, os.makedev(254, 0))",
        "os.chroot('/tmp')",
        "os.kill(1, 9) or __import__('time').sleep(0.2) or os.stat('/proc/1/exe') and 1 / 0",
    ],
)
def test_it_gains_no_power(attempt):
    text = (
        "import ctypes, os, subprocess\n"
        "def ctypes_unshare():\n"
        "    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000): raise OSError(ctypes.get_errno())\n"
        f"def handler(payload, context):\n    {attempt}\n    return 'gained'\n"
    )
    assert run(text).result != "gained"


def test_secrets_of_its_environment_are_in_no_command_line():
    async def scenario():
        text = body("import time", "time.sleep(1)")
        script = Script({"main.py": text.encode()}, "main.handler", environment={"KEY": "very-secret-word"})
        task = asyncio.create_task(Sandbox().run(script))
        await asyncio.sleep(0.4)
        shown = "".join(_commands()) + "".join(_environments())
        await task
        return shown

    assert "very-secret-word" not in asyncio.run(scenario())


def test_a_file_name_that_leaves_its_folder_is_refused():
    for name in ("../x.py", "/x.py", "a/../../x.py"):
        with pytest.raises(ValueError, match="leaves the script's folder"):
            asyncio.run(Sandbox().run(Script({name: b""}, "main.handler")))


def test_a_machine_without_bubblewrap_runs_nothing(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoSandbox, match="install Debian's package bubblewrap"):
        run(body("return 1"))


def test_only_as_many_run_at_once_as_there_is_room_for():
    async def scenario():
        sandbox = Sandbox(at_once=1)
        text = body("import time", "began = time.time()", "time.sleep(0.2)", "return [began, time.time()]")
        script = Script({"main.py": text.encode()}, "main.handler")
        return sorted(
            (await asyncio.gather(*(sandbox.run(script) for _ in range(3)))), key=lambda o: o.result
        )

    spans = [outcome.result for outcome in asyncio.run(scenario())]
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans))


def _commands():
    return list(_proc("cmdline"))


def _environments():
    return list(_proc("environ"))


def _proc(name):
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                yield (process / name).read_bytes().decode(errors="replace")
