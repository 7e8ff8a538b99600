"""The work of aws:downloadContent: fetch, place, and say where."""

from __future__ import annotations

from importlib import import_module

from hostreeve.agent.plugins.control_plane import ControlPlane
from hostreeve.agent.plugins.download_content import SOURCES
from hostreeve.agent.plugins.download_content.destination import Destination
from hostreeve.agent.plugins.download_content.wanted import Wanted
from hostreeve.agent.plugins.task import Task
from hostreeve.agent.plugins.worker import say


def work(task: Task) -> int:
    """0. StepFailed when the content cannot be had or kept."""
    destination = Destination(str(task.inputs["destinationPath"]), task.downloads)
    wanted = Wanted(task.inputs["sourceInfo"], destination, ControlPlane(task.state), task.folder)
    source = import_module(f"hostreeve.agent.plugins.download_content.{SOURCES[task.inputs['sourceType']]}")
    source.fetch(wanted)
    say(f"Content downloaded to {destination.path}")
    return 0
