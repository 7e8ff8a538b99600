"""What the documentation shows is true: every ```console block is typed into a shell beside a running
Hostreeve."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("tutorial/*.md")),
    *sorted((ROOT / "docs").glob("howto/*.md")),
]
PROMPT = "$ "
CONTINUED = "> "
START_S = 60


@pytest.fixture(scope="module")
def shell_folder(tmp_path_factory):
    """A folder in which `.state` belongs to a served control plane with this machine enrolled."""
    folder = tmp_path_factory.mktemp("docs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "up.txt").open("w") as output:
        up = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "hostreeve",
                "up",
                "--state",
                ".state",
                "--port",
                str(port),
                "--listen",
                "127.0.0.1",
            ],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_S
        while "first node" not in (folder / "up.txt").read_text():
            assert up.poll() is None and time.monotonic() < deadline, (folder / "up.txt").read_text()
            time.sleep(0.1)
        yield folder
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(20)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_do_what_the_page_says(page, shell_folder):
    steps = [step for block in _blocks(page) for step in _steps(block)]
    if not steps:
        return
    told = _type(shell_folder, [command for command, _ in steps])
    for (command, expected), (status, output) in zip(steps, told, strict=True):
        assert status == 0, f"{command}\n{output}"
        assert _matches(expected, output), f"{command}\nexpected:\n{expected}\ngot:\n{output}"


def test_the_matcher_of_examples_can_fail():
    assert _matches("a\n...\nz", "a\nb\nc\nz") and _matches("x...z", "xyz")
    assert not _matches("Success\tLinux", "Failed\tLinux")


def _blocks(page):
    return re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)


def _steps(block):
    """(command, expected output) pairs."""
    steps = []
    for line in block.splitlines():
        if line.startswith(PROMPT):
            steps.append([line.removeprefix(PROMPT), []])
        elif line.startswith(CONTINUED):
            steps[-1][0] += "\n" + line.removeprefix(CONTINUED)
        else:
            steps[-1][1].append(line)
    return [(command, "\n".join(expected)) for command, expected in steps]


def _type(folder, commands):
    """Run the commands one after another in one shell; each one's exit status and output."""
    mark = "=-=-="
    script = "".join(f"{{ {command}\n}} 2>&1; echo; echo {mark}$?\n" for command in commands)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["NO_COLOR"] = "1"
    done = subprocess.run(
        ["bash", "-s"], input=script, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    parts = re.split(rf"{mark}(\d+)\n", done.stdout)
    return [(int(status), output.strip()) for output, status in zip(parts[0::2], parts[1::2], strict=False)]


def _matches(expected, output):
    """`...` stands for anything; no expectation means that nothing is promised about the output."""
    if not expected.strip():
        return True
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None
