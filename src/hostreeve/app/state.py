"""The state folder: what lies where, who may read it, and the lines that administrators source."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True)
class StateFolder:
    """Everything that one control plane keeps on disk. Losing it is losing the installation: `hostreeve
    backup`."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "hostreeve.db"

    @property
    def master_key(self) -> Path:
        return self.root / "master.key"

    @property
    def certificates(self) -> Path:
        return self.root / "certificates"

    @property
    def admin_env(self) -> Path:
        return self.root / "admin.env"

    @property
    def ready(self) -> Path:
        return self.root / "ready"

    @property
    def objects(self) -> Path:
        return self.root / "objects"

    @property
    def audit(self) -> Path:
        return self.root / "audit"

    @property
    def access_log(self) -> Path:
        return self.root / "access.log"

    def prepare(self) -> None:
        """The folder, for its owner alone. ValueError when anybody could have put something there, OSError
        when it cannot be made."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except (FileExistsError, NotADirectoryError):
            raise ValueError(
                f"{self.root} is no folder, nor can be one. Name another with --state."
            ) from None
        found = self.root.stat()
        if found.st_mode & 0o002:
            raise ValueError(
                f"{self.root} has mode {found.st_mode & 0o777:04o}: anybody may write there. Name a folder "
                "of your own with --state, or run chmod 700 on this one when you know all that is in it."
            )
        # A home folder named by mistake keeps its mode.
        is_ours = self.master_key.exists() or not any(self.root.iterdir())
        if is_ours and found.st_mode & 0o077 and found.st_uid == os.geteuid():
            self.root.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner alone, on disk when this returns."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def write_admin_env(
    folder: StateFolder, *, url: str, region: str, ca: Path, key: tuple[str, str] | None
) -> None:
    """The lines to source. `key` is (access key id, secret) at first start; later the file's own key is
    kept."""
    kept = _assignments(folder.admin_env)
    if key is None and "AWS_ACCESS_KEY_ID" not in kept:
        return
    access_key_id, secret = key or (kept["AWS_ACCESS_KEY_ID"], kept["AWS_SECRET_ACCESS_KEY"])
    lines = {
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": kept.get("AWS_DEFAULT_REGION", region),
        "AWS_ENDPOINT_URL": url,
        "AWS_CA_BUNDLE": str(ca),
    }
    text = "".join(f"export {name}={_quoted(value)}\n" for name, value in lines.items())
    # A profile or session token of the same shell would win over the key above.
    text += "unset AWS_PROFILE AWS_REGION AWS_SESSION_TOKEN\n"
    programs = Path(sys.executable).parent
    if shutil.which("aws", path=str(programs)):
        quoted = _quoted(str(programs))
        text += f'case ":$PATH:" in *:{quoted}:*) ;; *) export PATH={quoted}:"$PATH" ;; esac\n'
    write_private(folder.admin_env, text)


def write_ready(folder: StateFolder, *, url: str) -> None:
    """Says to whoever waits that the port answers; removed on the way out."""
    told = {"Url": url, "ProcessId": os.getpid()}
    write_private(folder.ready, msgspec.json.encode(told).decode() + "\n")


def admin_settings(folder: StateFolder) -> dict[str, str]:
    """The variables that admin.env sets; empty when there is no such file."""
    return _assignments(folder.admin_env)


def _assignments(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text().splitlines():
        if line.startswith("export ") and "=" in line and not line.startswith("export PATH"):
            name, _, value = line.removeprefix("export ").partition("=")
            found[name] = "".join(shlex.split(value))
    return found


def _quoted(value: str) -> str:
    """As a shell reads it back, whatever is in it."""
    return "'" + value.replace("'", "'\\''") + "'"
