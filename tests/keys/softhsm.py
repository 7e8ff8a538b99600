"""A token of SoftHSM's in a folder of its own, and what goes wrong with one."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "1234"


class SoftToken:
    """One token, called `token`. The library reads its settings once per process."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("softhsm2-util"):
            pytest.skip("softhsm2 is not installed")
        self.folder = folder
        (folder / "tokens").mkdir()
        (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\n")
        os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
        self.init("token")
        self.pin = self.private("pin", PIN)

    def init(self, label: str) -> None:
        words = ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "98765432"]
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True)

    def private(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def uri(self, *, key: str = "master", **other: object) -> str:
        said = {"token": "token", "module": MODULE, "pin": self.pin} | other
        return (
            f"pkcs11:token={said['token']};object={key}?module-path={said['module']}&pin-source={said['pin']}"
        )
