"""`hostreeve doctor`: what is wrong with a server, an enrolment or the way between, and what to do next."""

import argparse
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hostreeve.app.doctor import agent, client, state
from hostreeve.app.doctor.findings import Chapter, Finding, described, is_wrong, printed
from hostreeve.app.state import StateFolder, admin_settings
from hostreeve.cli.desk import Desk
from hostreeve.cli.settings import Given, Settings

NO_FILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def run(desk: Desk, arguments: argparse.Namespace) -> int:
    """Look, tell, and answer 1 when something is wrong."""
    chapters = []
    for chapter in _chapters(desk, arguments):
        chapters.append(chapter)
        if not arguments.json:
            printed(desk.screen, chapter)
    if arguments.json:
        desk.screen.json(described(chapters))
    return 1 if is_wrong(chapters) else 0


def _chapters(desk: Desk, arguments: argparse.Namespace) -> Iterator[Chapter]:
    if arguments.state:
        # All parts of the server are loaded only when its folder is to be looked at.
        from hostreeve.app.compose import SCHEMAS

        folder = StateFolder(Path(arguments.state).resolve())
        yield _chapter(f"Server in {folder.root}", state.examined(folder, SCHEMAS, desk.world))
        if folder.admin_env.is_file() and os.access(folder.admin_env, os.R_OK):
            # The file alone is looked at: no profile of this user may lend it what it lacks.
            environ = {**admin_settings(folder), **NO_FILES}
            yield _chapter(
                f"Client with {folder.admin_env}",
                client.examined(lambda: Settings(Given(), environ), desk.world),
            )
    if arguments.agent_state:
        node = Path(arguments.agent_state).resolve()
        yield _chapter(f"Node in {node}", agent.examined(node, desk.world))
    if not arguments.state and not arguments.agent_state:
        yield _chapter("Client", client.examined(desk.settings, desk.world))


def _chapter(title: str, findings: Iterable[Finding]) -> Chapter:
    return Chapter(title, list(findings))
