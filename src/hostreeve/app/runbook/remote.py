"""The operations of the control plane as steps of a runbook call them from away: by botocore, signed with the
operator's own credentials."""

import base64
from datetime import datetime
from typing import Any

import botocore.session  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from hostreeve.api.call import Principal
from hostreeve.api.errors import AwsError, common
from hostreeve.cli.settings import Settings
from hostreeve.gateway import loose_values
from hostreeve.gateway.within import Within, named
from hostreeve.persistence.database import Transaction


class Remote(Within):
    """Answers as `Within` does, from over there."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = botocore.session.get_session()
        self._clients: dict[tuple[str, str], Any] = {}

    def call(
        self,
        tx: Transaction,
        who: Principal,
        region: str,
        service_name: str,
        api: str,
        *,
        given: dict[str, Any],
    ) -> dict[str, Any]:
        """AwsError: the operation's own, or ServiceUnavailable when there is no answer."""
        model = named(service_name, api)
        stray = loose_values.unknown(model, given)
        if stray:
            raise common.ValidationException(f"{model.name} has no parameter {stray[0][:100]}.")
        request = loose_values.read(model, given)
        client = self._client(model.service.name, region)
        try:
            answer = client._make_api_call(model.name, request)
        except ClientError as refused:
            raise _error(refused) from None
        except BotoCoreError as trouble:
            raise common.ServiceUnavailable(str(trouble)) from None
        answer.pop("ResponseMetadata", None)
        shown: dict[str, Any] = _plain(answer)
        return shown

    def _client(self, service: str, region: str) -> Any:
        known = (service, region)
        if known not in self._clients:
            keys, ca = self._settings.keys(), self._settings.ca_bundle()
            self._clients[known] = self._session.create_client(
                service,
                region_name=region,
                endpoint_url=self._settings.endpoint(service),
                verify=str(ca) if ca else True,
                aws_access_key_id=keys.access_key_id,
                aws_secret_access_key=keys.secret_access_key,
                aws_session_token=keys.session_token or None,
                config=Config(retries={"max_attempts": 1, "mode": "standard"}, read_timeout=25),
            )
        return self._clients[known]


def _error(refused: ClientError) -> AwsError:
    found = refused.response["Error"]
    error = AwsError(found.get("Message", ""))
    error.code = found.get("Code", "Unknown")
    error.status = refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return error


def _plain(value: Any) -> Any:
    """As JSON has it: times as ISO 8601, bytes as Base64."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, "read"):
        raise common.NotImplemented("Operations that answer with a stream cannot be called by a runbook.")
    return value
