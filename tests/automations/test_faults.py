"""Servers that die at any moment, wake up twice or lose what they were told: nothing done twice or stuck."""

import asyncio
import datetime
import http.server
import ipaddress
import json
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hostreeve.capabilities import automations
from hostreeve.capabilities.automations.worker import Engine
from hostreeve.gateway.within import Within
from tests.automations.shop import fails, put, step

ENGINES = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


class Killed(BaseException):
    """The process is gone; nothing in it runs any more."""


class Dying:
    """A database whose process dies at its n-th write: before it, or after it is on disk and nobody heard."""

    def __init__(self, database, at, *, after):
        self._database, self._left, self._after = database, at, after

    def __getattr__(self, name):
        return getattr(self._database, name)

    async def write(self, unit):
        self._left -= 1
        is_last = self._left == 0
        if is_last and not self._after:
            raise Killed
        try:
            return await self._database.write(unit)
        finally:
            if is_last:
                raise Killed


def engine(house, database=None):
    """What another replica has: no memory of anything."""
    app = house.app
    around = automations.House(house.world, house.keys, Within(app.pipeline))
    return Engine(database or app.database, around)


def work(house, made, rounds=200):
    """Let one replica work until it finds nothing, or is killed."""

    async def until_idle():
        for _ in range(rounds):
            if not await made.tick() + await made.errands():
                return

    house.loop.run_until_complete(until_idle())


def survive(house, at, *, after):
    """One replica dies at its n-th write, another goes on. False when the first lived."""
    try:
        work(house, engine(house, Dying(house.app.database, at, after=after)))
    except Killed:
        # What was on its way to the database has come there, or has not, before anybody else looks.
        house.loop.run_until_complete(_wait_for(asyncio.all_tasks(house.loop)))
        work(house, engine(house))
        return True
    return False


async def _wait_for(tasks):
    await asyncio.gather(*tasks, return_exceptions=True)


def versions(house, *names):
    """How often each parameter was put."""
    found = house.client("ssm").get_parameters(Names=list(names))["Parameters"]
    return {each["Name"]: each["Version"] for each in found}


@ENGINES
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_dies_between_two_steps_another_goes_on_and_nothing_is_done_twice(
    house, shop, after, monkeypatch
):
    # One step per transaction: a death between any two of them.
    monkeypatch.setattr("hostreeve.capabilities.automations.actions.doing.DEEDS_AT_ONCE", 1)
    inner = shop.write(put("inside", "once-inside"))
    tag = "after" if after else "before"
    steps = [
        put("first", f"{tag}-{{{{ automation:EXECUTION_ID }}}}-1"),
        fails("bad", onFailure="Continue", maxAttempts=2),
        step("run", "aws:executeAutomation", {"DocumentName": inner}),
        step(
            "each",
            "aws:loop",
            {
                "Steps": [
                    put(
                        "turn",
                        f"{tag}-{{{{ automation:EXECUTION_ID }}}}-{{{{ loop.CurrentIteration }}}}-loop",
                    )
                ],
                "Iterators": ["a", "b"],
            },
        ),
        put("last", f"{tag}-{{{{ automation:EXECUTION_ID }}}}-2"),
    ]
    name = shop.write(*steps)
    deaths = 0
    for at in range(1, 60):
        before = versions(house, "once-inside").get("once-inside", 0)
        execution_id = shop.start(name)
        died = survive(house, at, after=after)
        one = shop.get(execution_id)
        assert one.status == "Success", (at, one.get("FailureMessage"), one.steps)
        names = [f"{tag}-{execution_id}-{end}" for end in ("1", "2", "1-loop", "2-loop")]
        assert versions(house, *names) == dict.fromkeys(names, 1)
        assert versions(house, "once-inside")["once-inside"] == before + 1
        if not died:
            break
        deaths += 1
    assert 10 < deaths < 59


@ENGINES
def test_replicas_that_wake_up_together_do_not_do_it_twice(house, shop):
    name = shop.write(*(put(f"s{n}", f"both-{{{{ automation:EXECUTION_ID }}}}-{n}") for n in range(4)))
    ids = [shop.start(name) for _ in range(10)]
    replicas = [engine(house) for _ in range(3)]

    async def together():
        for _ in range(30):
            await asyncio.gather(*(each.tick() for each in replicas))

    house.loop.run_until_complete(together())
    for execution_id in ids:
        assert shop.get(execution_id).status == "Success"
        names = [f"both-{execution_id}-{n}" for n in range(4)]
        assert versions(house, *names) == dict.fromkeys(names, 1)


@ENGINES
def test_a_rate_controlled_execution_survives_its_replicas(house, shop, ssm):
    name = shop.write(
        step(
            "which", "aws:branch", {"Choices": [{"NextStep": "bad", "Variable": "{{ P }}", "EndsWith": "7"}]}
        ),
        put("good", "rated-{{ P }}", isEnd=True),
        fails("bad"),
        parameters={"P": {"type": "String"}},
    )
    values = [f"{n}" for n in range(30)]
    execution_id = shop.start(
        name,
        Targets=[{"Key": "ParameterValues", "Values": values}],
        TargetParameterName="P",
        MaxErrors="3",
        MaxConcurrency="4",
    )
    for at in (1, 2, 3, 5, 8, 13, 21, 34):
        survive(house, at, after=at % 2 == 0)
    work(house, engine(house), rounds=2_000)
    one = shop.get(execution_id)
    assert one.status == "Success"
    assert (one["ProgressCounters"]["SuccessSteps"], one["ProgressCounters"]["FailedSteps"]) == (27, 3)
    good = [f"rated-{n}" for n in values if not n.endswith("7")]
    found = [versions(house, *good[start : start + 10]) for start in range(0, len(good), 10)]
    assert {name: n for each in found for name, n in each.items()} == dict.fromkeys(good, 1)


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """A web server with a certificate, that counts what it is asked; its port and what came."""
    folder = tmp_path_factory.mktemp("web")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "cert.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    came = []

    class Web(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            came.append((self.path, body, self.headers.get("x-token")))
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()
            self.wfile.write(b"heard")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], came, pem
    server.shutdown()


@pytest.fixture
def hook(web, ssm, monkeypatch):
    """Integrations in Parameter Store, and what came to the server behind them."""
    port, came, pem = web
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    came.clear()
    for name, path, more in (
        ("good", "/ok", {"payload": '{"a": 1}', "headers": {"x-token": "t"}}),
        ("bad", "/broken", {}),
    ):
        value = json.dumps({"description": "d", "url": f"https://127.0.0.1:{port}{path}", **more})
        ssm.put_parameter(
            Name=f"/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations/webhook/{name}",
            Value=value,
            Type="SecureString",
            Overwrite=True,
        )
    return came


def webhook(name, integration, **inputs):
    return step(name, "aws:invokeWebhook", {"IntegrationName": integration, **inputs})


def test_a_webhook_is_asked_with_what_its_integration_says(shop, hook):
    one = shop.run(webhook("first", "good"), webhook("second", "good", Body="own"))
    assert one.status == "Success", one.get("FailureMessage")
    assert hook == [("/ok", '{"a": 1}', "t"), ("/ok", "own", "t")]
    assert one.outputs("first") == {"Response": ["heard"], "ResponseCode": ["200"]}


def test_a_webhook_that_answers_with_an_error_is_recorded(shop, hook):
    one = shop.run(webhook("ask", "bad"))
    assert (one.status, one.outputs("ask")["ResponseCode"]) == ("Success", ["500"])


def test_without_its_integration_a_webhook_fails(shop, ssm):
    assert "ParameterNotFound" in shop.run(webhook("ask", "nothing"))["FailureMessage"]
    name = "/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations/webhook/plain"
    ssm.put_parameter(Name=name, Value='{"url": "http://127.0.0.1/"}', Type="SecureString")
    one = shop.run(webhook("ask", "plain"))
    assert one.step("ask")["FailureDetails"]["FailureStage"] == "InputValidation"


def test_a_secret_of_an_integration_is_nowhere_in_the_database(house, shop, hook):
    shop.run(webhook("ask", "good"))
    rows = house.app.database.read_sync(lambda tx: tx.all("SELECT body FROM automation_steps"))
    assert not any("x-token" in row["body"] for row in rows)


@ENGINES
def test_what_may_not_be_done_twice_fails_as_unknown_when_its_server_dies(house, shop, hook):
    name = shop.write(webhook("ask", "good", **{}), put("next", "x"))
    execution_id = shop.start(name)
    replica = engine(house)
    # It claims the step and dies before it has done anything outside.
    house.loop.run_until_complete(replica.tick())
    work(house, engine(house))
    assert shop.get(execution_id).steps["ask"] == "InProgress"
    house.world.advance(31)
    work(house, engine(house))
    one = shop.get(execution_id)
    assert (one.status, one.steps) == ("Failed", {"ask": "Failed", "next": "Pending"})
    assert "outcome unknown" in one["FailureMessage"]
    assert hook == []
    # The one that was thought dead comes back: its answer is not wanted any more.
    work(house, replica)
    assert shop.get(execution_id).status == "Failed"


def test_a_fault_of_ours_fails_the_step_in_the_end(house, shop, monkeypatch):
    from hostreeve.capabilities.automations.actions.steps.sleep import Sleep

    def broken(self, at):
        raise KeyError("a fault")

    monkeypatch.setattr(Sleep, "start", broken)
    one = shop.run(step("nap"))
    for _ in range(3):
        shop.later(6)
    one = shop.get(one.id)
    assert (one.status, one.step("nap")["FailureDetails"]["FailureType"]) == ("Failed", "Internal")


@ENGINES
def test_a_runbook_that_stops_itself_is_cancelled(house, shop):
    stop = {
        "Service": "ssm",
        "Api": "StopAutomationExecution",
        "AutomationExecutionId": "{{ automation:EXECUTION_ID }}",
    }
    one = shop.run(put("first", "x"), step("stop", "aws:executeAwsApi", stop), put("after", "x"), step("nap"))
    assert one.status == "Cancelled"
    alone = shop.run(step("stop", "aws:executeAwsApi", stop))
    assert alone.status == "Cancelled"


@ENGINES
def test_runbooks_begin_others_by_calls_and_stop_them(house, shop, ssm):
    other = shop.write(step("nap", inputs={"Duration": "PT1H"}))
    begin = {"Service": "ssm", "Api": "StartAutomationExecution", "DocumentName": other}
    outputs = [{"Name": "Id", "Selector": "$.AutomationExecutionId", "Type": "String"}]
    end = {"Service": "ssm", "Api": "StopAutomationExecution", "AutomationExecutionId": "{{ begin.Id }}"}
    one = shop.run(
        step("begin", "aws:executeAwsApi", begin, outputs=outputs),
        step("nap"),
        step("end", "aws:executeAwsApi", end),
    )
    begun = one.outputs("begin")["Id"][0]
    assert shop.get(begun).status == "InProgress"
    shop.later(1)
    assert (shop.get(one.id).status, shop.get(begun).status) == ("Success", "Cancelled")
