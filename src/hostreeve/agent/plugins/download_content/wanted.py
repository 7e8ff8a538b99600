"""What one aws:downloadContent step is to fetch."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

from hostreeve.agent.plugins import store
from hostreeve.agent.plugins.control_plane import ControlPlane
from hostreeve.agent.plugins.download_content.destination import Destination
from hostreeve.agent.plugins.task import flag_in, text_in
from hostreeve.agent.plugins.worker import StepFailed


class Wanted(NamedTuple):
    """`folder` is the step's own, for what is needed only while it runs."""

    source: Dict[str, Any]
    destination: Destination
    server: ControlPlane
    folder: str

    def text(self, name: str) -> str:
        """A member of the sourceInfo, empty when it is not there."""
        return text_in(self.source, name)

    def flag(self, name: str) -> bool:
        return flag_in(self.source, name)

    def needed(self, name: str, kind: str) -> str:
        """A member that must be there. StepFailed when it is not."""
        value = self.text(name)
        if not value:
            raise StepFailed(f"{name} must be specified in the sourceInfo of {kind}")
        return value

    def secret(self, name: str) -> str:
        """A member that may refer to a secret parameter, resolved."""
        return store.secret(self.server, self.text(name))
