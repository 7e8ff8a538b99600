"""`hostreeve params`: trees shown, compared, moved through files, given to programs."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hostreeve.cli import params_files
from hostreeve.cli.params_files import Entry
from hostreeve.cli.trouble import UsageTrouble
from tests.cli.wire import Refusal

TREE = {
    "/app/db/host": ("String", "localhost"),
    "/app/db/password": ("SecureString", 'hush $HOME "quoted"\nline'),
    "/app/flags": ("StringList", "a,b"),
}


@pytest.fixture
def store(server):
    """A small Parameter Store: what is put can be read."""
    held = {name: list(given) for name, given in TREE.items()}

    def by_path(request):
        prefix = request["Path"].rstrip("/") + "/"
        names = sorted(name for name in held if name.startswith(prefix))
        start = int(request.get("NextToken") or 0)
        page = {"Parameters": [shown(name, request["WithDecryption"]) for name in names[start : start + 2]]}
        return {**page, "NextToken": str(start + 2)} if start + 2 < len(names) else page

    def shown(name, decrypted):
        type_, value = held[name]
        opaque = type_ == "SecureString" and not decrypted
        shown = {"Name": name, "Type": type_, "Version": 1, "LastModifiedDate": 1767323045.5}
        return shown | {"Value": "AQID" if opaque else value}

    def put(request):
        if request["Name"] in held and not request["Overwrite"]:
            raise Refusal("ParameterAlreadyExists")
        held[request["Name"]] = [request["Type"], request["Value"]]
        return {"Version": 1, "Tier": "Standard"}

    server.answers["AmazonSSM.GetParametersByPath"] = by_path
    server.answers["AmazonSSM.PutParameter"] = put
    return held


def test_a_tree_names_every_level_once_and_hides_secrets(store, typed):
    status, out, _ = typed("params", "tree", "/app")
    assert (status, out.splitlines()) == (0, ["db/", "  host", "  password", "flags"])
    out = typed("params", "tree", "/app", "--values")[1]
    assert "host = localhost" in out and "password = (secret)" in out and "AQID" not in out
    assert "hush" in typed("params", "tree", "/app/db", "--secrets")[1]
    assert typed("params", "tree", "/")[1].splitlines()[0] == "app/"
    listed = json.loads(typed("params", "tree", "/app", "--values", "--json")[1])
    assert listed[1] == {
        "Name": "/app/db/password",
        "Type": "SecureString",
        "Version": 1,
        "LastModifiedDate": "2026-01-02T03:04:05Z",
        "Value": "(secret)",
    }
    status, out, err = typed("params", "tree", "/none")
    assert (status, out) == (0, "") and "Nothing lies below /none" in err


def test_a_path_begins_with_a_slash(store, typed):
    status, _, err = typed("params", "tree", "app")
    assert status == 2 and "slash" in err


@pytest.mark.parametrize("ending", ["json", "yaml", "yml"])
def test_what_is_exported_is_imported_the_same(store, typed, tmp_path, ending):
    file = str(tmp_path / f"app.{ending}")
    status, out, err = typed("params", "export", "/app", "--output", file)
    assert (status, out) == (0, "") and "3 parameters" in err
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
    assert typed("params", "export", "/app", "--output", file)[0] == 1
    status, out, _ = typed("params", "import", file, "/copy")
    assert status == 0 and out.count("create") == 3
    for name, given in TREE.items():
        assert store[name.replace("/app", "/copy")] == list(given)
    assert typed("params", "diff", "/app", "/copy")[:2] == (0, "")
    assert typed("params", "diff", "/app", file)[0] == 0


def test_dotenv_is_what_shells_read(store, typed, tmp_path):
    text = typed("params", "export", "/app", "--format", "dotenv")[1]
    assert text.splitlines()[0] == "DB_HOST=localhost"
    file = tmp_path / "app.env"
    file.write_text(f"# a comment\n\nexport EXTRA='$5' \n{text}PLAIN=v # remark\n")
    assert params_files.read(str(file), None) == {
        "EXTRA": Entry("String", "$5"),
        "DB_HOST": Entry("String", "localhost"),
        "DB_PASSWORD": Entry("String", TREE["/app/db/password"][1]),
        "FLAGS": Entry("String", "a,b"),
        "PLAIN": Entry("String", "v"),
    }
    script = 'set -a; . "$0"; printf %s "$DB_HOST|$EXTRA|$FLAGS"'
    told = subprocess.run(["sh", "-c", script, str(file)], capture_output=True, text=True, check=True)
    assert told.stdout == "localhost|$5|a,b"
    assert typed("params", "import", str(file), "/env", "--secure")[0] == 0
    assert store["/env/DB_PASSWORD"] == ["SecureString", TREE["/app/db/password"][1]]
    assert typed("params", "import", str(file), "/env")[1].count("same") == 5


def test_what_is_there_is_left_alone_unless_told(store, typed, tmp_path):
    file = tmp_path / "new.json"
    file.write_text(json.dumps({"db/host": "other", "flags": {"type": "StringList", "value": "a,b"}, "n": 5}))
    status, out, err = typed("params", "import", str(file), "/app", "--dry-run")
    assert status == 1 and "--overwrite" in err and "/app/n" not in store
    assert [line.split()[0] for line in out.splitlines()] == ["left", "same", "create"]
    assert typed("params", "import", str(file), "/app")[0] == 1
    assert store["/app/db/host"][1] == "localhost" and store["/app/n"] == ["String", "5"]
    assert typed("params", "import", str(file), "/app", "--overwrite")[0] == 0
    assert store["/app/db/host"][1] == "other"


def test_differences_are_shown_and_told_by_the_exit_status(store, typed):
    store["/next/db/host"] = ["String", "remote"]
    store["/next/db/password"] = ["SecureString", "new"]
    store["/next/flags"] = store["/app/flags"]
    status, out, _ = typed("params", "diff", "/app", "/next")
    assert (status, out.splitlines()) == (
        1,
        [
            "- db/host = localhost",
            "+ db/host = remote",
            "- db/password = (secret)",
            "+ db/password = (secret)",
        ],
    )
    found = json.loads(typed("params", "diff", "/app", "/next", "--json", "--secrets")[1])
    assert found[1] == {
        "Name": "db/password",
        "Left": TREE["/app/db/password"][1],
        "LeftType": "SecureString",
        "Right": "new",
        "RightType": "SecureString",
    }


def test_a_difference_of_types_is_told(store, typed):
    store["/next/flags"] = ["String", "a,b"]
    lines = typed("params", "diff", "/app", "/next")[1].splitlines()
    assert lines[-2:] == ["- flags = a,b  (StringList)", "+ flags = a,b  (String)"]


def test_what_is_neither_a_file_nor_a_path_is_told_and_so_is_an_empty_side(store, typed):
    status, _, err = typed("params", "diff", "/app", "prod.yaml")
    assert status == 2 and "prod.yaml is neither a file nor a path" in err
    status, out, err = typed("params", "diff", "/app", "/typo")
    assert status == 1 and out.startswith("- ") and "Nothing lies below /typo" in err


def test_ends_of_lines_stay_inside_a_line(store, typed):
    out = typed("params", "tree", "/app/db", "--secrets")[1]
    assert out.splitlines()[1] == 'password = hush $HOME "quoted"⏎line'
    listed = json.loads(typed("params", "tree", "/app/db", "--secrets", "--json")[1])
    assert listed[1]["Value"] == TREE["/app/db/password"][1]


def test_a_long_tree_tells_type_version_and_time(store, typed):
    out = typed("params", "tree", "/app", "--long", "--values")[1]
    assert out.splitlines()[1] == "  host  String, version 1, 2026-01-02T03:04:05Z = localhost"


def test_an_import_for_programs_lists_deeds(store, typed, tmp_path):
    file = tmp_path / "new.json"
    file.write_text(json.dumps({"db/host": "other", "n": "5"}))
    status, out, _ = typed("params", "import", str(file), "/app", "--json")
    assert status == 1 and json.loads(out) == [
        {"Name": "/app/db/host", "Deed": "left alone"},
        {"Name": "/app/n", "Deed": "create"},
    ]


def test_a_refused_parameter_is_named(store, server, typed, tmp_path):
    def refuse(request):
        raise Refusal("ValidationException", "no references")

    server.answers["AmazonSSM.PutParameter"] = refuse
    file = tmp_path / "new.json"
    file.write_text(json.dumps({"n": "{{x}}"}))
    status, _, err = typed("params", "import", str(file), "/app")
    assert status == 1 and "/app/n: PutParameter was refused: ValidationException" in err


def test_a_type_that_is_none_is_told_before_anything_is_made(store, typed, tmp_path):
    file = tmp_path / "new.json"
    file.write_text(json.dumps({"a": "x", "b": {"type": "Secret", "value": "x"}}))
    status, _, err = typed("params", "import", str(file), "/app")
    assert status == 2 and "b has the type 'Secret'" in err and "/app/a" not in store


def test_a_program_finds_parameters_in_its_environment(store, server):
    store["/more/db/host"] = ["String", "later"]
    code = "import os, json; print(json.dumps(dict(os.environ)))"
    words = ["params", "exec", "--pristine", "/app,/more", "--", sys.executable, "-c", code]
    environ = {**os.environ, **server.environ()}
    told = subprocess.run(
        [sys.executable, "-m", "hostreeve", *words], env=environ, capture_output=True, text=True, check=True
    )
    found = json.loads(told.stdout)
    assert found["DB_HOST"] == "later" and found["DB_PASSWORD"] == TREE["/app/db/password"][1]
    assert "AWS_SECRET_ACCESS_KEY" not in found
    words = ["params", "exec", "/app", "--", "sh", "-c", "exit 7"]
    told = subprocess.run([sys.executable, "-m", "hostreeve", *words], env=environ, check=False)
    assert told.returncode == 7
    words = ["params", "exec", "/app", "--", "/none/such"]
    told = subprocess.run(
        [sys.executable, "-m", "hostreeve", *words], env=environ, capture_output=True, text=True, check=False
    )
    assert told.returncode == 127 and "/none/such can't be run" in told.stderr
    words[-1] = "/etc/passwd"
    told = subprocess.run([sys.executable, "-m", "hostreeve", *words], env=environ, check=False)
    assert told.returncode == 126


def test_a_program_is_not_run_without_what_it_needs(store, typed):
    status, out, err = typed("params", "exec", "/app,/typo", "--", "true")
    assert (status, out) == (1, "") and "Nothing lies below /typo" in err and "--allow-empty" in err


def test_two_names_that_would_be_one_variable_are_refused():
    with pytest.raises(UsageTrouble, match="would both be A_B"):
        params_files.environment({"a/b": Entry("String", "1"), "a-b": Entry("String", "2")})
    assert params_files.environment({"1st": Entry("String", "x")}) == {"_1ST": "x"}


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", "{"), ("a.json", "[]"), ("a.json", '{"a": null}'), ("a.yaml", "a: [1"), ("a.env", "no line")],
)
def test_files_that_hold_no_parameters_are_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageTrouble):
        params_files.read(str(tmp_path / name), None)
    with pytest.raises(UsageTrouble):
        params_files.read(str(tmp_path / "none"), None)
