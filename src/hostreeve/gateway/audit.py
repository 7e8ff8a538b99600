"""What the pipeline tells whoever keeps the record of all calls. Who that is arrives by argument."""

from collections.abc import Mapping
from typing import Any, Protocol

from hostreeve.api.errors import AwsError
from hostreeve.api.service_models import OperationModel
from hostreeve.gateway.caller import Caller
from hostreeve.gateway.routing import Route
from hostreeve.persistence.database import Transaction


class Audit(Protocol):
    """Every call is told of once: by `wrote` within its own transaction, or else by `answered`."""

    def admit(self) -> None:
        """Raises ServiceUnavailable while records cannot be kept: then nothing is done for anybody."""
        ...

    def wrote(
        self, tx: Transaction, caller: Caller, model: OperationModel, answer: Mapping[str, Any]
    ) -> None:
        """The call changes something. Its record is part of the change: both are there, or neither."""
        ...

    def answered(self, caller: Caller, route: Route | None, error: AwsError | None) -> None:
        """The call was a read, or came to nothing, with that error. `route` is None where nothing was
        meant that there is."""
        ...

    def opened(self, caller: Caller, service: str, name: str, error: AwsError | None) -> None:
        """A WebSocket was asked for, which no operation stands behind."""
        ...


class Unheard:
    """Nobody keeps a record."""

    def admit(self) -> None:
        """Always."""

    def wrote(
        self, tx: Transaction, caller: Caller, model: OperationModel, answer: Mapping[str, Any]
    ) -> None:
        """Forgotten."""

    def answered(self, caller: Caller, route: Route | None, error: AwsError | None) -> None:
        """Forgotten."""

    def opened(self, caller: Caller, service: str, name: str, error: AwsError | None) -> None:
        """Forgotten."""
