"""What every command of the operator has at hand: settings, a client, the screen, the world."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping

from hostreeve.cli.client import Client
from hostreeve.cli.screen import Screen
from hostreeve.cli.settings import Given, Settings
from hostreeve.kernel.world import RealWorld, World


class Desk:
    """Made per command line. `environ` is the process's environment unless a test gives another."""

    def __init__(
        self,
        arguments: Namespace,
        *,
        screen: Screen | None = None,
        environ: Mapping[str, str] | None = None,
        world: World | None = None,
    ) -> None:
        self.screen = screen or Screen()
        self.world: World = world or RealWorld()
        self._environ = environ
        self._given = Given(
            profile=arguments.profile,
            region=arguments.region,
            endpoint_url=arguments.endpoint_url,
            ca_bundle=arguments.ca_bundle,
        )
        self._client: Client | None = None

    def settings(self) -> Settings:
        return Settings(self._given, self._environ)

    def client(self) -> Client:
        """The one client of this command line. Unset when a setting is missing."""
        if self._client is None:
            self._client = Client(self.settings(), self.world)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
