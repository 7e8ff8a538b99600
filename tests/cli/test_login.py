"""`hostreeve login` against the small server, and the profiles that it writes."""

import io
import json

import pytest

from hostreeve.cli import profiles
from hostreeve.cli.settings import Given, Settings
from hostreeve.cli.trouble import Trouble
from tests.cli.wire import Refusal

ANN = ("login", "--account", "acme", "--user", "ann")
GIVEN = {
    "AccessKeyId": "ASIAEXAMPLE",
    "SecretAccessKey": "it's/secret",
    "SessionToken": "token+/=",
    "Expiration": 1_800_000_000.0,
}
EXPIRES = "2027-01-15T08:00:00Z"


@pytest.fixture
def lines(monkeypatch):
    """`lines("password", "123456")` is what standard input says."""

    def say(*texts):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{text}\n" for text in texts)))

    return say


def answering(server, *, code=None, new=None):
    """A user with this MFA code, and a password that must be changed into `new`."""

    def answer(request):
        if request["Password"] != "right":
            raise Refusal("SignInFailedException", "wrong", status=403)
        if code and "MfaCode" not in request:
            raise Refusal("MfaCodeRequiredException")
        if code and request["MfaCode"] != code:
            raise Refusal("SignInFailedException", "wrong", status=403)
        if new and "NewPassword" not in request:
            raise Refusal("PasswordChangeRequiredException")
        return {"Credentials": GIVEN, "AccountId": "111122223333", "Arn": "arn:aws:iam::1:user/ann"}

    server.answers["Hostreeve.SignIn"] = answer


def test_the_shell_gets_lines_to_evaluate_and_nothing_else(server, typed, lines):
    answering(server)
    lines("right")
    status, out, err = typed(*ANN, "--stdin", AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    assert status == 0 and out.splitlines() == [
        "export AWS_ACCESS_KEY_ID=ASIAEXAMPLE",
        """export AWS_SECRET_ACCESS_KEY='it'"'"'s/secret'""",
        "export AWS_SESSION_TOKEN=token+/=",
        f"export AWS_CREDENTIAL_EXPIRATION={EXPIRES}",
    ]
    assert err.strip() == f"arn:aws:iam::1:user/ann, until {EXPIRES}"
    assert server.requests("Hostreeve.SignIn") == [
        {"Account": "acme", "UserName": "ann", "Password": "right"}
    ]


def test_a_code_and_a_new_password_are_asked_for_when_they_are_needed(server, typed, lines):
    answering(server, code="123456", new=True)
    lines("right", "123456", "newer", "newer")
    status, out, _ = typed(*ANN, "--stdin", "--json", "--duration", "1h")
    assert status == 0 and json.loads(out) == {"Version": 1, **GIVEN, "Expiration": EXPIRES}
    last = server.requests("Hostreeve.SignIn")[-1]
    assert last["MfaCode"] == "123456" and last["NewPassword"] == "newer" and last["DurationSeconds"] == 3600


def test_new_passwords_that_differ_change_nothing(server, typed, lines):
    answering(server, new=True)
    lines("right", "newer", "other")
    status, _, err = typed(*ANN, "--stdin")
    assert status == 1 and "differ" in err
    assert not any("NewPassword" in request for request in server.requests("Hostreeve.SignIn"))


@pytest.mark.parametrize(("texts", "said"), [(["wrong"], "SignInFailed"), ([], "Password was asked for")])
def test_a_refusal_is_told_and_not_tried_again(server, typed, lines, texts, said):
    answering(server)
    lines(*texts)
    status, out, err = typed(*ANN, "--stdin")
    assert status == 1 and said in err and not out
    assert len(server.requests("Hostreeve.SignIn")) == len(texts)


def test_a_wrong_code_is_not_asked_for_again(server, typed, lines):
    answering(server, code="123456")
    lines("right", "654321")
    status, _, err = typed(*ANN, "--stdin")
    assert status == 1 and "SignInFailed" in err and len(server.requests("Hostreeve.SignIn")) == 2


@pytest.mark.parametrize("duration", ["1m", "13h", "soon"])
def test_durations_that_nobody_gives_are_wrong_usage(typed, duration):
    assert typed(*ANN, "--duration", duration)[0] == 2


def test_a_saved_profile_is_all_that_the_aws_cli_needs(server, typed, lines, tmp_path):
    answering(server)
    lines("right")
    files = {
        "AWS_CONFIG_FILE": str(tmp_path / "aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "aws" / "credentials"),
    }
    status, out, err = typed(*ANN, "--stdin", "--save", "work", **files)
    assert status == 0 and not out and "profile work" in err
    settings = Settings(Given(profile="work"), files)
    keys = settings.keys()
    assert keys.secret_access_key == GIVEN["SecretAccessKey"] and keys.session_token == "token+/="
    assert settings.endpoint("ssm") == server.url and settings.region() == "us-east-1"
    assert settings.ca_bundle() == server.certificates.ca_pem_path
    assert (tmp_path / "aws" / "credentials").stat().st_mode & 0o777 == 0o600


def test_a_profile_changes_and_everything_else_stays_as_it_was_written(tmp_path):
    path = tmp_path / "credentials"
    path.write_text(
        "# mine\n[default]\naws_access_key_id=A\n\n"
        "[ work ]\nAWS_ACCESS_KEY_ID = B\n# a note\nother = C\nnested =\n  region = D\n[last]\nx = y"
    )
    profiles.put(path, "work", {"aws_access_key_id": "N", "aws_session_token": "T"})
    assert path.read_text() == (
        "# mine\n[default]\naws_access_key_id=A\n\n[ work ]\naws_access_key_id = N\naws_session_token = T\n"
        "# a note\nother = C\nnested =\n  region = D\n[last]\nx = y\n"
    )
    profiles.put(path, "new", {"k": "v"})
    assert path.read_text().endswith("x = y\n\n[new]\nk = v\n")


def test_a_link_to_the_file_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    profiles.put(tmp_path / "link", "a", {"k": "v"})
    assert (tmp_path / "link").is_symlink() and "k = v" in (tmp_path / "real").read_text()


@pytest.mark.parametrize("name", ["a]b", "", "x\ny", "profile "])
def test_what_is_no_name_of_a_profile_writes_nothing(tmp_path, name):
    with pytest.raises(Trouble):
        profiles.put(tmp_path / "file", name, {"k": "v"})
    assert not (tmp_path / "file").exists()
