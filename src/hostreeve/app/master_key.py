"""What the master key lies under: the flags that say so, and `hostreeve rewrap`, which changes it."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostreeve.app.state import StateFolder
from hostreeve.cli.client import Client
from hostreeve.cli.settings import Given, Settings
from hostreeve.cli.trouble import Trouble
from hostreeve.kernel.world import RealWorld, World
from hostreeve.platform.keys import (
    HardwareKey,
    Passphrase,
    Remote,
    RemoteKey,
    Wrapping,
    keep_master_key,
    load_or_create_master_key,
    read_passphrase,
    read_remote,
    read_uri,
)

PATIENCE_S = 10.0
KINDS = ("passphrase_file", "pkcs11", "kms_file")
NOW, NEXT = "master_key_", "to_"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that say what the master key lies under: one at most."""
    flags = parser.add_mutually_exclusive_group()
    flags.add_argument(
        "--master-key-passphrase-file",
        type=Path,
        help="file (mode 0600) with the passphrase that the master key lies under",
    )
    flags.add_argument(
        "--master-key-pkcs11",
        metavar="URI",
        help="the key of a hardware module that the master key lies under: "
        "pkcs11:token=T;object=KEY?module-path=MODULE.so&pin-source=FILE",
    )
    flags.add_argument(
        "--master-key-kms-file",
        type=Path,
        help="TOML file (mode 0600) about the key of another KMS that the master key lies under",
    )


def add_rewrap_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rewrap`: what the key lies under, as for `serve`, and what it is to lie under."""
    add_arguments(parser)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--to-passphrase-file", type=Path, help="put it under the passphrase in this file")
    wanted.add_argument("--to-pkcs11", metavar="URI", help="put it under a key of a hardware module")
    wanted.add_argument("--to-kms-file", type=Path, help="put it under a key of another KMS")
    wanted.add_argument("--to-nothing", action="store_true", help="let it lie bare in its file, mode 0600")


def wrapping(arguments: argparse.Namespace, world: World, prefix: str = NOW) -> Wrapping | None:
    """What the flags say; None without any. ValueError, OSError."""
    passphrase, uri, settings = (getattr(arguments, prefix + kind) for kind in KINDS)
    if passphrase:
        return Passphrase(read_passphrase(passphrase), world)
    if uri:
        return HardwareKey(read_uri(uri), world)
    if settings:
        remote = read_remote(settings)
        return RemoteKey(remote.key_id, _asking(remote, world))
    return None


def rewrap(arguments: argparse.Namespace) -> int:
    """Put the master key under something else. A server that runs has it already and may go on."""
    folder, world = StateFolder(Path(arguments.state).resolve()), RealWorld()
    try:
        if not folder.master_key.exists():
            raise ValueError(f"{folder.master_key} is not there: there is nothing to put under anything.")
        key = load_or_create_master_key(folder.master_key, world, wrapping(arguments, world))
        wanted = wrapping(arguments, world, NEXT)
        keep_master_key(folder.master_key, world, key, wanted)
        load_or_create_master_key(folder.master_key, world, wanted)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"hostreeve rewrap: {error}\n")
        return 1
    sys.stdout.write(f"{folder.master_key} is written anew. Start the server with the flag that fits it.\n")
    return 0


def _asking(remote: Remote, world: World) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Signed calls to the other KMS. Nothing of this process's own AWS settings is used."""
    environment = {
        "AWS_ACCESS_KEY_ID": remote.access_key_id,
        "AWS_SECRET_ACCESS_KEY": remote.secret_access_key,
        "AWS_SESSION_TOKEN": remote.session_token,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    given = Given(region=remote.region, endpoint_url=remote.endpoint, ca_bundle=remote.ca_bundle)

    def ask(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            client = Client(Settings(given, environment), world, timeout_s=PATIENCE_S)
            try:
                return client.call("kms", operation, **request)
            finally:
                client.close()
        except Trouble as trouble:
            raise ValueError(f"the KMS at {remote.endpoint}: {trouble.message}") from None

    return ask
