"""The client of the wire: connections, trust, repeated reads, and words for what goes wrong."""

import socket
import threading

import pytest

from hostreeve.cli.client import Client
from hostreeve.cli.settings import Given, Settings
from hostreeve.cli.trouble import NoAnswer, Refused
from hostreeve.kernel.world import RealWorld
from tests.cli.wire import KEY, Refusal, SmallServer


@pytest.fixture
def client(server):
    client = client_of(server)
    yield client
    client.close()


def client_of(server, **environ):
    return Client(Settings(Given(), server.environ(**environ)), RealWorld(), timeout_s=5)


def test_calls_share_one_connection(server, client):
    server.answers["AmazonSSM.ListCommands"] = lambda request: {"Commands": []}
    for _ in range(5):
        assert client.call("ssm", "ListCommands", CommandId=None) == {"Commands": []}
    assert server.connections == 1
    assert server.requests("AmazonSSM.ListCommands") == [{}] * 5


def test_threads_do_not_share_a_connection_at_the_same_time(server, client):
    meeting = threading.Barrier(4, timeout=5)

    def answer(request):
        meeting.wait()
        return {"Mine": request["Mine"]}

    server.answers["AmazonSSM.ListCommands"] = answer
    found = {}

    def ask(number):
        found[number] = client.call("ssm", "ListCommands", Mine=number)["Mine"]

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: n for n in range(4)} and server.connections == 4


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(server, client):
    server.hang_up_after_each = True
    server.answers["AmazonSSM.ListCommands"] = lambda request: {"Commands": []}
    for _ in range(3):
        client.call("ssm", "ListCommands")
    assert server.connections == 3


def test_every_page_is_fetched(server, client):
    def answer(request):
        start = int(request.get("NextToken", 0))
        return {"Items": [{"N": start}], **({"NextToken": str(start + 1)} if start < 4 else {})}

    server.answers["AmazonSSM.ListNodes"] = answer
    assert [each["N"] for each in client.pages("ssm", "ListNodes", "Items")] == [0, 1, 2, 3, 4]


def test_an_overloaded_server_is_asked_again_for_reads_and_never_for_writes(server, client):
    tries = []

    def answer(request):
        tries.append(request)
        if len(tries) < 3:
            raise Refusal("ThrottlingException", "slow down")
        return {}

    server.answers["AmazonSSM.ListCommands"] = server.answers["AmazonSSM.SendCommand"] = answer
    assert client.call("ssm", "ListCommands") == {} and len(tries) == 3
    tries.clear()
    with pytest.raises(Refused, match="slow down"):
        client.call("ssm", "SendCommand")
    assert len(tries) == 1


def test_temporary_credentials_carry_their_token(server):
    server.tokens["wanted"] = "a session token"
    server.answers["AmazonSSM.ListCommands"] = lambda request: {}
    with pytest.raises(Refused) as refused:
        client_of(server).call("ssm", "ListCommands")
    assert "obtain new ones" in refused.value.next_step
    assert client_of(server, AWS_SESSION_TOKEN="a session token").call("ssm", "ListCommands") == {}


def test_each_service_is_signed_for_by_its_name_and_the_region(server):
    server.answers["Hostreeve.ListAccounts"] = lambda request: {}
    client_of(server, AWS_REGION="tokyo-dc2").call("hostreeve", "ListAccounts")
    assert server.signed == ("tokyo-dc2", "hostreeve")


def test_the_caller_is_read_from_xml(server, client):
    server.answers["query"] = lambda body: (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        "<Arn>arn:aws:iam::123456789012:user/a</Arn><Account>123456789012</Account><UserId>AIDA</UserId>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
    caller = client.caller()
    assert caller["Arn"] == "arn:aws:iam::123456789012:user/a" and caller["Account"] == "123456789012"


@pytest.mark.parametrize(
    ("environ", "code", "step"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "AKIANOBODYNOBODY0000"},
            "UnrecognizedClientException",
            "not known to this server",
        ),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "InvalidSignatureException", "does not fit the access key"),
    ],
)
def test_wrong_credentials_are_told_apart_with_their_next_step(server, environ, code, step):
    with pytest.raises(Refused) as refused:
        client_of(server, **environ).call("ssm", "ListCommands")
    assert refused.value.code == code and step in refused.value.next_step


def test_an_unknown_authority_is_refused_with_the_next_step(server, tmp_path):
    other = SmallServer(tmp_path)
    other.close()
    with pytest.raises(NoAnswer, match="certificate") as trouble:
        client_of(server, AWS_CA_BUNDLE=str(other.certificates.ca_pem_path)).call("ssm", "ListCommands")
    assert "AWS_CA_BUNDLE" in trouble.value.next_step


def test_a_name_that_the_certificate_lacks_is_refused_with_the_next_step(server):
    with pytest.raises(NoAnswer, match="certificate") as trouble:
        client_of(server, AWS_ENDPOINT_URL=f"https://localhost:{server.port}").call("ssm", "ListCommands")
    assert "name" in trouble.value.next_step


def test_nobody_listening_is_told_as_such(server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(NoAnswer, match="Connection refused") as trouble:
            client_of(server, AWS_ENDPOINT_URL=url).call("ssm", "ListCommands")
    assert "hostreeve serve" in trouble.value.next_step


def test_a_server_that_says_nothing_is_given_up(server):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings = Settings(
            Given(), server.environ(AWS_ENDPOINT_URL=f"https://127.0.0.1:{silent.getsockname()[1]}")
        )
        with pytest.raises(NoAnswer, match="no answer in time"):
            Client(settings, RealWorld(), timeout_s=0.2).call("ssm", "ListCommands")


def test_something_that_is_not_aws_at_all_is_an_error_and_not_a_traceback(server, client):
    server.answers["AmazonSSM.ListCommands"] = lambda request: ["not", "an", "object"]
    with pytest.raises(NoAnswer, match="not JSON"):
        client.call("ssm", "ListCommands")


def test_the_secret_is_not_in_the_representation_of_the_keys(client):
    assert KEY in repr(client.keys) and "secret/" not in repr(client.keys)
