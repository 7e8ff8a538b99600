"""aws:invokeWebhook: a request to another server, as an integration in Parameter Store describes it."""

import asyncio
import http.client
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from hostreeve.capabilities.automations.actions.house import At, House, Momentary, text_of
from hostreeve.capabilities.automations.model import outcome as outcomes
from hostreeve.capabilities.automations.model.outcome import Broken, Goes, Outcome, Succeeded, Unfit

INTEGRATION = "/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations/webhook/"
TIMEOUT_S = 20.0
RESPONSE_BYTES_MAX = 100_000


class InvokeWebhook(Momentary):
    """The integration's url, headers and payload; Body overrides the payload. Only https."""

    is_repeatable = False

    def start(self, at: At) -> Outcome:
        name = text_of(at.inputs, "IntegrationName")
        given = {"Name": name if name.startswith("/") else INTEGRATION + name, "WithDecryption": True}
        answer = at.house.within.call(at.tx, at.who(), at.one.region, "ssm", "GetParameter", given=given)
        integration = _integration(answer["Parameter"]["Value"])
        body = at.inputs.get("Body")
        errand = {
            "url": integration["url"],
            "headers": integration.get("headers") or {},
            "body": text_of(at.inputs, "Body") if body is not None else integration.get("payload") or "",
        }
        return Goes(errand=errand, timeout_s=TIMEOUT_S)

    async def run(self, errand: Mapping[str, Any], house: House) -> Succeeded | Broken:
        try:
            code, text = await asyncio.to_thread(_post, errand)
        except (OSError, http.client.HTTPException, ValueError) as wrong:
            return Broken(failure=outcomes.failed(f"The webhook cannot be reached: {wrong}"))
        outputs = {"Response": text, "ResponseCode": code}
        return Succeeded(outputs=outputs, answer=outputs, response=text, response_code=str(code))


def _integration(text: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except ValueError:
        raise Unfit("The integration is not a JSON object.") from None
    url = found.get("url") if isinstance(found, dict) else None
    if not isinstance(url, str) or not url.startswith("https://"):
        raise Unfit("The integration must have a url that begins with https://.")
    headers = found.get("headers") or {}
    if not isinstance(headers, dict) or any(
        "\n" in f"{k}{v}" or "\r" in f"{k}{v}" for k, v in headers.items()
    ):
        raise Unfit("The headers of the integration must be a map of texts.")
    return {**found, "headers": headers}


def _post(errand: Mapping[str, Any]) -> tuple[int, str]:
    url = urlsplit(errand["url"])
    body = errand["body"]
    sent = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    context = ssl.create_default_context()
    connection = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=TIMEOUT_S, context=context)
    try:
        headers = {
            "content-type": "application/json",
            **{str(k): str(v) for k, v in errand["headers"].items()},
        }
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", path, sent.encode(), headers)
        answer = connection.getresponse()
        return answer.status, answer.read(RESPONSE_BYTES_MAX).decode(errors="replace")
    finally:
        connection.close()
