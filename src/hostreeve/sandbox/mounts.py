"""What the sandbox's file system is made of: Debian's /usr, this Python, the listed packages, the script. All
read-only but /tmp."""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from hostreeve.sandbox import runner
from hostreeve.sandbox.script import Script

PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3", "yaml")
"""What a script may import beside Python's own library; by the names that are imported."""
DISTRIBUTIONS = {"dateutil": "python-dateutil", "yaml": "PyYAML"}
SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
SOCKET = "/run/hostreeve/endpoint"
CA = "/run/hostreeve/ca.pem"
RUNNER = "/run/hostreeve/runner.py"


def installed_dependencies() -> dict[str, str]:
    """The packages that scripts may import, with their versions."""
    names = (DISTRIBUTIONS.get(name, name) for name in PACKAGES)
    return {name: importlib.metadata.version(name) for name in names}


def interpreter() -> Path:
    """The Python that this program runs on, without its virtual environment."""
    base = Path(sys.base_prefix)
    return base / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def arguments(script: Script, home: Path, files: int) -> list[str]:
    """bwrap's arguments for `script`, laid out in `home`; /tmp and /dev/shm hold `files` bytes each."""
    return [
        *("--ro-bind", "/usr", "/usr"),
        *_system(),
        *_python(),
        *("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"),
        *("--size", str(files), "--tmpfs", "/tmp", "--size", str(files), "--tmpfs", "/dev/shm"),
        *("--ro-bind", str(home / "script"), "/script"),
        *("--ro-bind", str(home / "etc"), "/etc"),
        *("--ro-bind", runner.__file__, RUNNER),
        *_packages(),
        *(_reaching(script, home)),
        *("--remount-ro", "/", "--chdir", "/tmp"),
    ]


def _system() -> Iterator[str]:
    for name in SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))


def _python() -> list[str]:
    base = str(Path(sys.base_prefix).resolve())
    return [] if base == "/usr" or base.startswith("/usr/") else ["--ro-bind", base, base]


def _packages() -> Iterator[str]:
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            continue
        path = Path(found.origin)
        path = path.parent if path.name == "__init__.py" else path
        yield from ("--ro-bind", str(path), f"/packages/{path.name}")


def _reaching(script: Script, home: Path) -> list[str]:
    if script.endpoint is None:
        return []
    return ["--bind", str(home / "endpoint"), SOCKET, "--ro-bind", str(script.endpoint.ca), CA]
