"""What the operator sees on a real (pseudo) terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time

from tests.cli.fleet import Fleet, FleetNode

A, B = "mi-00000000000000001", "mi-00000000000000002"


def typed_at_a_terminal(server, *words, columns=100, stdout=None, **environ):
    """The program's whole output on a terminal, and its exit status."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH")}
    program = subprocess.Popen(
        [sys.executable, "-c", "import sys; from hostreeve.cli.main import main; sys.exit(main())", *words],
        stdin=slave,
        stdout=stdout or slave,
        stderr=slave,
        env={**kept, "TERM": "xterm-256color", **server.environ(**environ)},
    )
    os.close(slave)
    seen = b""
    while True:
        try:
            part = os.read(master, 65_536)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(master)
    return program.wait(20), seen.decode()


def plain(text):
    """What is left on the terminal: erased lines are gone, and so are colours."""
    kept = re.sub(r"[^\n]*\r\x1b\[2K", "", text.replace("\r\n", "\n"))
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", kept)


def slow_fleet(server):
    class Slow(Fleet):
        def commands(self, request):
            time.sleep(0.04)
            return super().commands(request)

    running = [("InProgress", "tick\n" * n, "") for n in range(1, 15)]
    return Slow(
        server,
        [
            FleetNode(A, *running, ("Success", "tick\n" * 14, ""), name="web-1"),
            FleetNode(B, *running, ("Failed", "tick\n" * 14, "\x1b]0;evil\x07no\n"), name="web-2", code=9),
        ],
    )


def test_a_live_line_comes_and_goes_and_output_stays(server):
    slow_fleet(server)
    status, seen = typed_at_a_terminal(server, "run", "x", "--targets", "tag:Role=web")
    assert status == 1
    assert "\x1b[?25l" in seen and "\x1b[?25h" in seen and "/2 nodes" in seen
    lines = plain(seen).splitlines()
    assert lines.count("web-1 | tick") + lines.count("web-2 | tick") == 28
    assert f"✗ web-2 ({B}) Failed, exit code 9 after 1.5 s" in plain(seen)
    assert "web-2 | no" in lines and "evil" not in seen


def test_output_into_a_pipe_stays_clean_while_progress_is_on_the_terminal(server, tmp_path):
    slow_fleet(server)
    with (tmp_path / "out").open("wb") as out:
        _, seen = typed_at_a_terminal(server, "run", "x", "--targets", "tag:Role=web", stdout=out)
    told = (tmp_path / "out").read_text()
    assert sorted(set(told.splitlines())) == [f"{A} | tick", f"{B} | tick"]
    assert "\x1b" not in told and "/2 nodes" in seen


def test_no_color_is_respected(server):
    slow_fleet(server)
    _, seen = typed_at_a_terminal(server, "run", "x", "--targets", "tag:Role=web", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[1-7]m", seen)


def test_a_dumb_terminal_gets_lines_only(server):
    slow_fleet(server)
    _, seen = typed_at_a_terminal(server, "run", "x", "--targets", "tag:Role=web", TERM="dumb")
    assert "\x1b" not in seen.replace("\x1b]0;evil\x07", "") and "web-1 | tick" in seen


def test_a_narrow_terminal_is_not_overrun_by_the_live_line(server):
    slow_fleet(server)
    _, seen = typed_at_a_terminal(server, "run", "x", "--targets", "tag:Role=web", columns=30)
    bars = [line for line in plain(seen.replace("\r", "\n")).splitlines() if "━" in line]
    assert bars and all(len(line) <= 30 for line in bars)
