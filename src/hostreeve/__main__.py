"""`hostreeve …`: serve and the commands on a state folder, the agent, or a client command."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; answers the exit code (0 done, 1 failed, 2 misused)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["agent"]:
        from hostreeve.agent.main import main as agent

        return agent(words[1:])
    arguments = parser(with_server=words[:1] not in CLIENT_COMMANDS).parse_args(words)
    chosen: Callable[[argparse.Namespace], int] = arguments.func
    return chosen(arguments)


def parser(*, with_server: bool = True) -> argparse.ArgumentParser:
    """Every command; without the server's, whose import costs a client command half its time."""
    from hostreeve.app.audit.arguments import add_command as add_audit
    from hostreeve.app.doctor.arguments import add_command as add_doctor
    from hostreeve.app.runbook.arguments import add_command as add_runbook
    from hostreeve.cli.main import add_commands

    program = argparse.ArgumentParser(prog="hostreeve", description="AWS Systems Manager, run by yourself.")
    commands = program.add_subparsers(title="commands", metavar="COMMAND", required=True)
    if with_server:
        _add_server_commands(commands)
    agent = commands.add_parser("agent", help="the node agent: enrol, run, status", add_help=False)
    agent.set_defaults(func=lambda arguments: 0)
    add_commands(commands)
    add_audit(commands)
    add_doctor(commands)
    add_runbook(commands)
    return program


def _add_server_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from hostreeve.app import backup, master_key, serve, up

    server = commands.add_parser(
        "serve", help="run the control plane", epilog=SERVE_EXAMPLES, formatter_class=RAW
    )
    _add_state(server)
    serve.add_arguments(server)
    server.set_defaults(func=serve.run)
    all_in_one = commands.add_parser("up", help="serve, and enrol this machine as its first node")
    _add_state(all_in_one)
    serve.add_arguments(all_in_one)
    all_in_one.set_defaults(func=up.run)
    saved = commands.add_parser("backup", help="write one consistent file while serving")
    _add_state(saved)
    saved.add_argument("file", help="the backup file to write (.tar)")
    saved.add_argument("--database", help=DATABASE)
    saved.set_defaults(func=backup.backup)
    restored = commands.add_parser("restore", help="fill an empty state folder from a backup")
    _add_state(restored)
    restored.add_argument("file", help="a file that `hostreeve backup` wrote")
    restored.add_argument("--database", help=DATABASE)
    restored.set_defaults(func=backup.restore)
    rewrapped = commands.add_parser(
        "rewrap",
        help="put the master key under a passphrase, a hardware module or another KMS",
        epilog=REWRAP_EXAMPLES,
        formatter_class=RAW,
    )
    _add_state(rewrapped)
    master_key.add_rewrap_arguments(rewrapped)
    rewrapped.set_defaults(func=master_key.rewrap)


def _add_state(parser: argparse.ArgumentParser) -> None:
    known = os.environ.get("HOSTREEVE_STATE")
    parser.add_argument(
        "--state", default=known, required=known is None, help="state folder (or set HOSTREEVE_STATE)"
    )


CLIENT_COMMANDS = (
    ["run"],
    ["nodes"],
    ["activate"],
    ["account"],
    ["params"],
    ["schedule"],
    ["audit"],
    ["doctor"],
    ["runbook"],
)
DATABASE = "postgresql://… when `serve` was given one"
RAW = argparse.RawDescriptionHelpFormatter
SERVE_EXAMPLES = """examples:
  hostreeve serve --state /var/lib/hostreeve
  hostreeve serve --state ./state --port 9443 --name ssm.example.internal --region tokyo-dc2
"""
REWRAP_EXAMPLES = """examples:
  hostreeve rewrap --state ./state --to-passphrase-file ./passphrase
  hostreeve rewrap --state ./state --master-key-passphrase-file ./passphrase --to-pkcs11 \\
    'pkcs11:token=hostreeve;object=master?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=./pin'
"""

if __name__ == "__main__":
    sys.exit(main())
