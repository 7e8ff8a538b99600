"""aws:downloadContent from every kind of source, on a real agent process; sources are small real servers."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import re
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.agent.agent_process import ENVIRONMENT, AgentProcess
from tests.agent.fake_server import FakeServer, shell_step, steps_document

from hostreeve.agent.plugins.download_content.destination import Destination
from hostreeve.agent.plugins.download_content.options import reference_in
from hostreeve.agent.plugins.download_content.s3_source import address
from hostreeve.agent.plugins.worker import StepFailed

SHARES_AGENT = True
SECRET = "s3cret words"


class Website(http.server.BaseHTTPRequestHandler):
    """Files, passwords, redirects, an answer that breaks off, and a little of GitHub."""

    protocol_version = "HTTP/1.1"
    repository: dict[str, Any]
    seen: list[tuple[str, dict[str, str]]]
    elsewhere = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((self.path, headers))
        if path.startswith("/basic/"):
            expected = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
            self._answer(200 if headers.get("authorization") == expected else 401, b"basic content")
        elif path.startswith("/digest/"):
            self._digest(path.split("/")[2], headers.get("authorization", ""))
        elif path == "/away":
            self._answer(302, b"", Location=f"{self.elsewhere}/landed")
        elif path == "/torn":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"torn")
            self.close_connection = True
        elif path.startswith("/repos/"):
            self._github(path, headers)
        elif path == "/missing":
            self._answer(404, b"")
        else:
            self._answer(200, f"content of {path}".encode())

    def _digest(self, algorithm: str, given: str) -> None:
        hashed = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

        def h(text: str) -> str:
            return hashed(text.encode()).hexdigest()

        found = dict(re.findall(r'(\w+)="?([^",]+)"?', given))
        secret = h(f"me:here:{SECRET}")
        expected = h(f"{secret}:n0nce:{found.get('nc')}:{found.get('cnonce')}:auth:{h(f'GET:{self.path}')}")
        if found.get("response") == expected:
            self._answer(200, b"digest content")
            return
        challenge = f'Digest realm="here", nonce="n0nce", qop="auth", algorithm={algorithm}'
        self._answer(401, b"", **{"WWW-Authenticate": challenge})

    def _github(self, path: str, headers: dict[str, str]) -> None:
        private = path.startswith("/repos/me/private/")
        if private and headers.get("authorization") != f"Bearer {SECRET}":
            self._answer(404, b'{"message":"Not Found"}')
            return
        inner = path.split("/contents/")[1]
        found = self.repository.get(inner)
        if isinstance(found, bytes):
            if "raw" in headers["accept"]:
                self._answer(200, found)
                return
            described: Any = {"type": "file", "path": inner, "encoding": "none", "content": ""}
            if len(found) < 100:
                described = {**described, "encoding": "base64", "content": base64.encodebytes(found).decode()}
            self._answer(200, json.dumps(described).encode())
            return
        below = sorted(
            {
                "/".join(name.split("/")[: inner.count("/") + 1 + bool(inner)])
                for name in self.repository
                if name.startswith(f"{inner}/" if inner else "")
            }
        )
        self._answer(200 if below else 404, json.dumps([{"path": each} for each in below]).encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Website.seen = []
    Website.repository = {"a.sh": b"echo a\n", "dir/b.sh": b"echo b\n", "dir/sub/big": b"x" * 5000}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Website) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def download(server: FakeServer, kind: str, info: Any, destination: str = "", *after: str) -> dict[str, Any]:
    """The step's result; `after` are commands of a second step, which sees what was downloaded."""
    inputs = {"sourceType": kind, "sourceInfo": info}
    if destination:
        inputs["destinationPath"] = destination
    steps = [{"action": "aws:downloadContent", "name": "get", "inputs": inputs}]
    if after:
        steps.append(shell_step("after", *after))
        steps[-1]["inputs"]["workingDirectory"] = "."
    job = server.send_job(steps_document(*steps))
    server.finish(job, 30)
    told = {step: result for reply in job.replies for step, result in (reply["runtimeStatus"] or {}).items()}
    return {**told["get"], "after": told.get("after", {}).get("standardOutput")}


def test_a_file_comes_by_http_and_the_next_step_can_run_it(server, agent, site: str):
    step = download(
        server,
        "HTTP",
        {"url": f"{site}/some/run.sh", "allowInsecureDownload": "true"},
        "",
        "cat run.sh; stat -c %a run.sh",
    )
    assert step["status"] == "Success" and "Content downloaded to" in step["standardOutput"]
    assert step["after"] == "content of /some/run.sh700\n"


@pytest.mark.parametrize(
    ("destination", "expected"),
    [("new/", "new/x"), ("new/name", "new/name"), ("there", "there/x"), ("file", "file")],
)
def test_a_slash_or_a_folder_at_the_destination_keeps_the_files_name(
    server, agent, site: str, tmp_path: Path, destination: str, expected: str
):
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("was here before")
    info = {"url": f"{site}/x", "allowInsecureDownload": True}
    download(server, "HTTP", json.dumps(info), f"{tmp_path}/{destination}")
    assert (tmp_path / expected).read_text() == "content of /x"
    assert stat.S_IMODE((tmp_path / expected).stat().st_mode) == 0o700


def test_an_address_without_tls_is_refused_unless_that_is_allowed(server, agent, site: str):
    step = download(server, "HTTP", {"url": f"{site}/x"})
    assert step["status"] == "Failed" and "insecure download is not allowed" in step["standardError"]
    for url in ("file:///etc/passwd", "ftp://x/y", "/etc/passwd", "https://"):
        step = download(server, "HTTP", {"url": url, "allowInsecureDownload": True})
        assert step["status"] == "Failed" and "scheme" in step["standardError"], url
    assert Website.seen == []


def test_the_servers_own_authority_is_trusted_and_a_strangers_is_not(server, agent, tmp_path: Path):
    server.pages["/file"] = b"over tls"
    step = download(server, "HTTP", {"url": f"{server.url}/file"}, f"{tmp_path}/got")
    assert step["status"] == "Success", step
    assert (tmp_path / "got").read_bytes() == b"over tls"
    other = tmp_path / "stranger"
    other.mkdir()
    stranger = FakeServer(other)
    stranger.pages["/file"] = b"not trusted"
    try:
        step = download(server, "HTTP", {"url": f"{stranger.url}/file"}, f"{tmp_path}/evil")
    finally:
        stranger.close()
    assert step["status"] == "Failed" and "certificate" in step["standardError"].lower()
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("Basic", "/basic/x", b"basic content"),
        ("Digest", "/digest/MD5/x", b"digest content"),
        ("Digest", "/digest/SHA-256/x", b"digest content"),
    ],
)
def test_passwords_come_from_secret_parameters(server, agent, site, tmp_path, method, path, content):
    server.parameters = {"name": ("String", "me"), "/pass/word": ("SecureString", SECRET)}
    info = {
        "url": f"{site}{path}",
        "authMethod": method,
        "username": "me",
        "password": "{{ ssm-secure:/pass/word }}",
        "allowInsecureDownload": True,
    }
    step = download(server, "HTTP", info, f"{tmp_path}/got")
    assert step["status"] == "Success", step
    assert (tmp_path / "got").read_bytes() == content
    asked = next(members for what, members in server.seen if what == "GetParameters")
    assert asked == {"Names": ["/pass/word"], "WithDecryption": True}
    assert SECRET.encode() not in (agent.state / "journal").read_bytes()
    refused = download(server, "HTTP", {**info, "password": "wrong"}, f"{tmp_path}/no")
    assert refused["status"] == "Failed" and "401" in refused["standardError"]
    missing = download(server, "HTTP", {**info, "password": "{{ssm-secure:none}}"}, f"{tmp_path}/no")
    assert "no parameter none" in missing["standardError"]
    assert not (tmp_path / "no").exists()


def test_a_redirect_elsewhere_gets_no_password(server, agent, site: str, tmp_path: Path):
    Website.elsewhere = site
    info = {
        "url": f"{site}/away",
        "authMethod": "Basic",
        "username": "me",
        "password": "written in the document",
        "allowInsecureDownload": True,
    }
    assert download(server, "HTTP", info, f"{tmp_path}/got")["status"] == "Success"
    assert (tmp_path / "got").read_text() == "content of /landed"
    assert ["authorization" in headers for _, headers in Website.seen] == [True, False]
    for elsewhere, told in (("file:///etc", "not allowed"), ("ftp://127.0.0.1", "not secure")):
        Website.elsewhere = elsewhere
        step = download(server, "HTTP", info, f"{tmp_path}/other")
        assert step["status"] == "Failed" and told in step["standardError"]


def test_what_breaks_off_or_is_missing_leaves_nothing_behind(server, agent, site: str, tmp_path: Path):
    for name in ("torn", "missing"):
        step = download(
            server, "HTTP", {"url": f"{site}/{name}", "allowInsecureDownload": True}, f"{tmp_path}/to/x"
        )
        assert step["status"] == "Failed", name
    gone = download(server, "HTTP", {"url": "http://127.0.0.1:1/x", "allowInsecureDownload": True})
    assert gone["status"] == "Failed" and "refused" in gone["standardError"]
    assert not (tmp_path / "to").exists() or list((tmp_path / "to").iterdir()) == []


def test_an_object_comes_from_s3_with_the_nodes_credentials(server, agent, tmp_path: Path):
    server.objects = {"my-bucket/a folder/run+1.sh": b"echo s3\n"}
    for number, path in enumerate(
        (
            "https://s3.eu-test-1.amazonaws.com/my-bucket/a%20folder/run%2B1.sh",
            "https://my-bucket.s3.amazonaws.com/a+folder/run%2B1.sh",
            f"{server.url}/my-bucket/a%20folder/run%2B1.sh",
            "s3://my-bucket/a%20folder/run%2B1.sh",
        )
    ):
        step = download(server, "S3", {"path": path}, f"{tmp_path}/{number}/")
        assert step["status"] == "Success", step
        assert (tmp_path / str(number) / "run+1.sh").read_bytes() == b"echo s3\n"


def test_a_folder_comes_from_s3_with_everything_below_it(server, agent, tmp_path: Path):
    names = [f"dir/f{n}" for n in range(7)] + ["dir/sub/deep", "dir/sub/"]
    server.objects = {f"b-1/{name}": name.encode() for name in names} | {"b-1/dirty": b"not below"}
    server.page_size = 3
    for path in ("https://s3.amazonaws.com/b-1/dir/", "https://s3.amazonaws.com/b-1/dir"):
        target = tmp_path / hashlib.sha256(path.encode()).hexdigest()
        step = download(server, "S3", {"path": path}, str(target))
        assert step["status"] == "Success", step
        found = {str(file.relative_to(target)) for file in target.rglob("*") if file.is_file()}
        assert found == {f"f{n}" for n in range(7)} | {"sub/deep"}


def test_a_key_that_leads_out_of_the_destination_is_refused(server, agent, tmp_path: Path):
    server.objects = {"bkt/dir/../../../evil": b"x"}
    step = download(server, "S3", {"path": "s3://bkt/dir/"}, f"{tmp_path}/in/here")
    assert step["status"] == "Failed" and "leads out of the destination" in step["standardError"]
    assert list(tmp_path.rglob("evil")) == []


def test_nothing_in_s3_is_told(server, agent):
    for path in ("s3://bkt/none", "s3://bkt/", "https://example.com/x"):
        assert download(server, "S3", {"path": path})["status"] == "Failed"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "origin"
    script = (
        "git init -q -b main . && git config user.email a@b && git config user.name a && mkdir d"
        " && echo one >f && echo deep >d/g && git add . && git commit -qm 1 && git tag first"
        " && echo two >f && git commit -qam 2 && git checkout -qb side && echo side >f && git commit -qam 3"
        " && git checkout -q main"
    )
    place.mkdir()
    subprocess.run(["/bin/sh", "-c", script], cwd=place, check=True)
    return place


def test_a_repository_comes_by_git_at_a_branch_or_a_commit(server, agent, repository: Path, tmp_path: Path):
    commit = subprocess.check_output(["git", "-C", repository, "rev-parse", "first"], text=True).strip()
    for option, expected in (("", "two"), ("branch:side", "side"), (f"commitID:{commit}", "one")):
        target = tmp_path / f"to-{expected}"
        (target / "d").mkdir(parents=True)
        (target / "d" / "mine").write_text("kept")
        step = download(server, "Git", {"repository": str(repository), "getOptions": option}, str(target))
        assert step["status"] == "Success", step
        assert (target / "f").read_text() == expected + "\n"
        assert (target / "d" / "g").read_text() == "deep\n" and (target / "d" / "mine").read_text() == "kept"
        assert not list(target.glob(".clone*"))


def test_git_is_given_a_key_from_a_secret_parameter_and_forgets_it(
    server: FakeServer, enrolled: AgentProcess, repository: Path, tmp_path: Path
):
    bin_folder, log = tmp_path / "bin", tmp_path / "ssh.log"
    bin_folder.mkdir()
    # Stands in for ssh: notes what it was given, then runs here what would run over there.
    fake = f"""#!/bin/sh
printf '%s\\n' "$*" >>{log}
while [ $# -gt 2 ]; do [ "$1" = -i ] && cat "$2" >>{log} && stat -c %a "$2" >>{log}; shift; done
eval "$2"
"""
    (bin_folder / "ssh").write_text(fake)
    (bin_folder / "ssh").chmod(0o755)
    enrolled.start(env={**ENVIRONMENT, "PATH": f"{bin_folder}:{os.environ['PATH']}"})
    server.parameters = {"key": ("SecureString", "-----BEGIN KEY-----\nabc\n-----END KEY-----")}
    info = {"repository": f"git@example.org:{repository}", "privateSSHKey": "{{ssm-secure:key}}"}
    step = download(server, "Git", info, f"{tmp_path}/to")
    assert step["status"] == "Success", step
    assert (tmp_path / "to" / "f").read_text() == "two\n"
    told = log.read_text()
    assert "StrictHostKeyChecking=yes" in told and "-----BEGIN KEY-----\nabc\n-----END KEY-----\n600" in told
    download(server, "Git", {**info, "skipHostKeyChecking": "true"}, f"{tmp_path}/to2")
    assert "StrictHostKeyChecking=no" in log.read_text()
    assert [path for path in enrolled.state.rglob("key") if path.is_file()] == []


def test_what_git_cannot_do_is_told(server, agent, repository: Path, tmp_path: Path):
    cases = [
        ({"repository": str(tmp_path / "none")}, "cannot clone"),
        ({"repository": str(repository), "getOptions": "branch:nope"}, "cannot check out"),
        ({"repository": str(repository), "getOptions": "tag:x"}, "getOptions must be"),
        ({"repository": "--upload-pack=touch /tmp/evil"}, "Invalid repository"),
        ({"repository": f"ext::sh -c touch% {tmp_path}/evil"}, "cannot clone"),
        ({"repository": "https://h/x", "privateSSHKey": "k"}, "not for an HTTP repository"),
        ({"repository": "git@h:x", "username": "u"}, "for HTTP repositories only"),
        ({}, "repository must be specified"),
    ]
    for info, told in cases:
        step = download(server, "Git", {"x": 1, **info}, f"{tmp_path}/to")
        assert step["status"] == "Failed" and told in step["standardError"], (info, step)
    assert not (tmp_path / "evil").exists()


def test_without_git_the_failure_names_it(server: FakeServer, enrolled: AgentProcess, tmp_path: Path):
    enrolled.start(env={**ENVIRONMENT, "PATH": str(tmp_path)})
    step = download(server, "Git", {"repository": "https://example.org/x"})
    assert step["status"] == "Failed" and "git program is not installed" in step["standardError"]


def test_files_and_folders_come_from_github(server, enrolled, site: str, tmp_path: Path):
    enrolled.configure(github_api=site)
    enrolled.start()
    info = {"owner": "me", "repository": "public", "path": "a.sh", "getOptions": "branch:side"}
    assert download(server, "GitHub", info, f"{tmp_path}/file/")["status"] == "Success"
    assert (tmp_path / "file" / "a.sh").read_text() == "echo a\n"
    assert Website.seen[0][0] == "/repos/me/public/contents/a.sh?ref=side"
    assert "authorization" not in Website.seen[0][1]
    step = download(server, "GitHub", {**info, "path": "dir", "getOptions": ""}, f"{tmp_path}/all")
    assert step["status"] == "Success", step
    assert (tmp_path / "all" / "b.sh").read_text() == "echo b\n"
    assert (tmp_path / "all" / "sub" / "big").read_text() == "x" * 5000
    whole = download(server, "GitHub", {"owner": "me", "repository": "public"}, f"{tmp_path}/whole")
    assert whole["status"] == "Success" and (tmp_path / "whole" / "dir" / "sub" / "big").exists()
    step = download(server, "GitHub", {**info, "path": "nope"}, f"{tmp_path}/no")
    assert step["status"] == "Failed" and "404" in step["standardError"]


def test_a_private_repository_needs_its_token_from_a_secret_parameter(server, enrolled, site, tmp_path):
    enrolled.configure(github_api=site)
    enrolled.start()
    server.parameters = {"token": ("SecureString", SECRET)}
    info = {"owner": "me", "repository": "private", "path": "a.sh"}
    assert download(server, "GitHub", info, f"{tmp_path}/a")["status"] == "Failed"
    step = download(server, "GitHub", {**info, "tokenInfo": "{{ssm-secure:token}}"}, f"{tmp_path}/a")
    assert step["status"] == "Success" and (tmp_path / "a").read_text() == "echo a\n"
    step = download(server, "GitHub", {**info, "tokenInfo": "in the clear"}, f"{tmp_path}/b")
    assert step["status"] == "Failed" and "ssm-secure" in step["standardError"]


@pytest.mark.parametrize(
    ("kind", "info", "told"),
    [
        ("", {"a": 1}, "sourceType must be specified"),
        ("FTP", {"a": 1}, "sourceType must be one of"),
        ("HTTP", None, "sourceInfo must be specified"),
        ("HTTP", "not json", "sourceInfo must be a JSON object"),
        ("HTTP", ["x"], "sourceInfo must be an object"),
        ("HTTP", {"url": 7}, "url must be a string"),
        ("HTTP", {"url": "https://h/x", "authMethod": "Magic"}, "Invalid authentication method"),
        ("HTTP", {"x": 1}, "url must be specified"),
        ("S3", {"x": 1}, "path must be specified"),
        ("SSMDocument", {"x": 1}, "name must be specified"),
        ("GitHub", {"owner": "x"}, "repository must be specified"),
    ],
)
def test_inputs_that_make_no_sense_are_refused_in_words(server, agent, kind, info, told):
    step = download(server, kind, info)
    assert step["status"] == "Failed" and told in step["standardError"], step


def test_every_form_of_an_s3_address_is_understood():
    own = "10.0.0.1:8443"
    for path in (
        "https://s3.us-east-1.amazonaws.com/bkt/a/b",
        "https://s3-us-west-2.amazonaws.com/bkt/a/b",
        "https://s3.amazonaws.com/bkt/a/b",
        "https://bkt.s3.eu-test-1.amazonaws.com/a/b",
        "https://bkt.s3-eu-test-1.amazonaws.com/a/b",
        "https://10.0.0.1:8443/bkt/a/b",
        "s3://bkt/a/b",
    ):
        assert address(path, own) == ("bkt", "a/b"), path
    assert address("https://my.dotted.s3.amazonaws.com/k", own) == ("my.dotted", "k")
    for path in ("https://example.com/a/b", "https://s3.amazonaws.com/", "bkt/a/b", "ftp://s3/b/k"):
        with pytest.raises(StepFailed):
            address(path, own)


def test_options_and_names_that_could_be_taken_for_something_else_are_refused():
    assert reference_in("branch: main") == "main" and reference_in("") == ""
    for wrong in ("main", "branch:", "branch:-x", "commitID:a:b", "tag:x"):
        with pytest.raises(StepFailed):
            reference_in(wrong)
    inside = Destination("/x", "/downloads")
    assert str(inside.within("/a//b")) == "/x/a/b"
    for wrong in ("../a", "a/../../b", "", "/", "a\0b"):
        with pytest.raises(StepFailed):
            inside.within(wrong)
    for wrong in ("..", "/", "a/.."):
        with pytest.raises(StepFailed):
            Destination("d/", "/downloads").file(wrong)
