"""The state folder is its owner's alone, opens only with its own master key, and is sourced by any shell."""

import errno
import os
import stat
import subprocess

import pytest

from hostreeve.__main__ import main, parser
from hostreeve.app import serve, up
from hostreeve.app.state import StateFolder, admin_settings, write_admin_env, write_private
from hostreeve.kernel.world import RealWorld
from hostreeve.platform.keys import load_or_create_master_key


def given(state, *words):
    return parser().parse_args(["serve", "--state", str(state), "--listen", "127.0.0.1", *words])


def start_and_stop(state):
    folder = StateFolder(state)
    folder.prepare()
    app = serve._opened_port(given(state), folder, RealWorld()).app
    app.auditor.close()
    app.database.close()
    return folder


def refusal(capsys, state, *words):
    assert serve.run(given(state, *words)) == 1
    return capsys.readouterr().err


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_that_anybody_may_write_to_is_refused(tmp_path, capsys):
    tmp_path.chmod(0o777)
    assert "anybody may write there" in refusal(capsys, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_others_may_read_becomes_its_owners_alone(tmp_path):
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    StateFolder(state).prepare()
    assert mode(state) == 0o700


def test_a_folder_of_other_things_keeps_its_mode(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "notes").touch()
    StateFolder(home).prepare()
    assert mode(home) == 0o755


def test_a_file_in_the_way_is_told(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert "is no folder" in refusal(capsys, tmp_path / "file")
    assert "is no folder" in refusal(capsys, tmp_path / "file" / "state")


def test_a_start_that_fails_leaves_the_umask_as_it_was(tmp_path, capsys):
    before = subprocess.run(["sh", "-c", "umask"], capture_output=True, check=True).stdout
    start_and_stop(tmp_path / "state")
    (tmp_path / "state" / "master.key").unlink()
    refusal(capsys, tmp_path / "state")
    assert subprocess.run(["sh", "-c", "umask"], capture_output=True, check=True).stdout == before


def test_a_private_file_is_never_written_through_a_link(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    (tmp_path / ".secret.new").symlink_to(elsewhere)
    write_private(tmp_path / "secret", "ours")
    assert elsewhere.read_text() == "untouched"
    assert (tmp_path / "secret").read_text() == "ours" and mode(tmp_path / "secret") == 0o600


def test_a_master_key_that_is_a_link_to_nothing_is_told(tmp_path):
    (tmp_path / "master.key").symlink_to(tmp_path / "nothing")
    with pytest.raises(ValueError, match="a link to a file that is not there"):
        load_or_create_master_key(tmp_path / "master.key", RealWorld())


def test_a_lost_master_key_is_not_replaced_by_a_new_one(tmp_path, capsys):
    folder = start_and_stop(tmp_path / "state")
    folder.master_key.unlink()
    assert "cannot be read without it" in refusal(capsys, folder.root)
    assert not folder.master_key.exists()


def test_another_master_key_is_refused(tmp_path, capsys):
    folder = start_and_stop(tmp_path / "state")
    folder.master_key.write_bytes(b"x" * 32)
    assert "does not open what the database holds" in refusal(capsys, folder.root)


def test_a_new_replica_without_the_master_key_is_refused_and_leaves_none(tmp_path, capsys):
    database = f"sqlite:///{start_and_stop(tmp_path / 'one').database}"
    assert "does not open" in refusal(capsys, tmp_path / "two", "--database", database)
    assert not (tmp_path / "two" / "master.key").exists()
    assert mode(tmp_path / "two" / "access.log") == 0o600


@pytest.mark.parametrize("flags", [["--certificate", "a.pem"], ["--key", "a.key"]])
def test_a_certificate_without_its_key_is_refused(tmp_path, capsys, flags):
    assert "belong together" in refusal(capsys, tmp_path / "state", *flags)


@pytest.mark.parametrize(
    "flags",
    [
        ("--port", "0"),
        ("--port", "99999"),
        ("--port", "many"),
        ("--region", ""),
        ("--region", "a b"),
        ("--region", "x'y"),
        ("--region", "us-east-1/../.."),
        ("--region", "a\nb"),
        ("--listen", "localhost"),
        ("--max-connections", "0"),
        ("--max-connections-per-address", "-1"),
        ("--max-connections-per-address", "all"),
    ],
)
def test_flags_that_mean_nothing_are_refused_in_words(tmp_path, capsys, flags):
    with pytest.raises(SystemExit):
        given(tmp_path, *flags)
    assert f"error: argument {flags[0]}: {flags[1]!r} is no" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(tmp_path, capsys, monkeypatch, wrong):
    def refuse(self):
        raise OSError(wrong, os.strerror(wrong))

    monkeypatch.setattr(StateFolder, "prepare", refuse)
    told = refusal(capsys, tmp_path / "state")
    assert f"{tmp_path / 'state'} cannot be written ({os.strerror(wrong)})" in told and "--state" in told


@pytest.mark.parametrize("name", ["plain", "it's here", "a $(touch owned) `b`", 'say "no"'])
def test_a_shell_reads_the_settings_back_whatever_the_folder_is_called(tmp_path, name):
    folder = StateFolder(tmp_path / name)
    folder.prepare()
    ca = folder.certificates / "ca.pem"
    write_admin_env(folder, url="https://a:1", region="r", ca=ca, key=("AKIA", "se/cr+et"))
    read = subprocess.run(
        [
            "sh",
            "-c",
            '. "$1"; printf "%s|%s" "$AWS_CA_BUNDLE" "$AWS_SECRET_ACCESS_KEY"',
            "-",
            folder.admin_env,
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert read.stdout == f"{ca}|se/cr+et"
    assert admin_settings(folder)["AWS_CA_BUNDLE"] == str(ca)
    assert not (tmp_path / "owned").exists()


def test_up_hands_every_flag_of_serve_on(tmp_path):
    words = ["--database", "d", "--certificate", "c", "--key", "k", "--advertise", "u"]
    words += ["--master-key-passphrase-file", "p", "--name", "n", "--region", "r", "--port", "1"]
    words += ["--max-connections", "2", "--max-connections-per-address", "1"]
    handed = up._serve_command(parser().parse_args(["up", "--state", str(tmp_path), *words]))
    assert set(words) <= set(handed)
    for flag in ("--master-key-pkcs11", "--master-key-kms-file"):
        handed = up._serve_command(parser().parse_args(["up", "--state", str(tmp_path), flag, "x"]))
        assert handed[-2:] == [flag, "x"]


@pytest.mark.parametrize("content", [b"", b"no archive" * 100])
def test_a_file_that_is_no_backup_is_refused_by_its_name(tmp_path, capsys, content):
    (tmp_path / "file").write_bytes(content)
    words = ["restore", "--state", str(tmp_path / "state"), str(tmp_path / "file")]
    assert main(words) == 1
    assert "file is not a file that `hostreeve backup` wrote" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
