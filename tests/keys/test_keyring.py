"""Envelopes: what is sealed opens again, and only for the same purpose, key and bytes."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostreeve.kernel.world import RealWorld, SimulatedWorld
from hostreeve.platform.keys import Keyring, Passphrase, load_or_create_master_key, read_passphrase
from tests.sampling import examples

WORLD = RealWorld()
RING = Keyring(b"m" * 32, WORLD)


@given(st.text(max_size=20), st.binary(max_size=200))
@settings(max_examples=examples(100), deadline=None)
def test_what_is_sealed_opens_again(purpose, plaintext):
    sealed = RING.seal(purpose, plaintext)
    assert RING.unseal(purpose, sealed) == plaintext
    assert Keyring(b"m" * 32, SimulatedWorld(3)).unseal(purpose, sealed) == plaintext


@given(st.binary(min_size=8, max_size=64))
@settings(max_examples=examples(100), deadline=None)
def test_sealed_bytes_show_nothing_of_the_plaintext_or_the_master_key(plaintext):
    sealed = RING.seal("access-key", plaintext)
    assert plaintext not in sealed
    assert b"mmmmmmmm" not in sealed
    assert sealed != RING.seal("access-key", plaintext)


def test_every_changed_bit_is_noticed():
    sealed = RING.seal("access-key", b"secret")
    for at in range(len(sealed)):
        for bit in range(8):
            forged = sealed[:at] + bytes([sealed[at] ^ 1 << bit]) + sealed[at + 1 :]
            with pytest.raises(ValueError):
                RING.unseal("access-key", forged)


def test_bytes_cut_short_or_made_longer_are_refused():
    sealed = RING.seal("access-key", b"secret")
    for wrong in (*(sealed[:length] for length in range(len(sealed))), sealed + b"x"):
        with pytest.raises(ValueError):
            RING.unseal("access-key", wrong)


@pytest.mark.parametrize("purpose", ["", "access-key2", "access-ke", "Access-key"])
def test_another_purpose_opens_nothing(purpose):
    with pytest.raises(ValueError, match="another purpose"):
        RING.unseal(purpose, RING.seal("access-key", b"secret"))


def test_another_master_key_opens_nothing():
    with pytest.raises(ValueError, match="another master key"):
        Keyring(b"n" * 32, WORLD).unseal("access-key", RING.seal("access-key", b"secret"))


def test_parts_of_two_records_make_no_third():
    one, two = RING.seal("p", b"first"), RING.seal("p", b"other")
    with pytest.raises(ValueError):
        RING.unseal("p", one[:61] + two[61:])


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_master_key_has_32_bytes(size, tmp_path):
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring(b"k" * size, WORLD)
    path = tmp_path / "master.key"
    path.write_bytes(b"k" * size)
    path.chmod(0o600)
    with pytest.raises(ValueError, match="32 bytes"):
        load_or_create_master_key(path, WORLD)


def test_the_master_key_is_made_once_and_for_its_owner_only(tmp_path):
    path = tmp_path / "state" / "master.key"
    before = os.umask(0)
    try:
        key = load_or_create_master_key(path, WORLD)
    finally:
        os.umask(before)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_master_key(path, WORLD) == key
    assert [file.name for file in path.parent.iterdir()] == ["master.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o610])
def test_a_master_key_that_others_may_read_is_refused(mode, tmp_path):
    path = tmp_path / "master.key"
    path.write_bytes(b"k" * 32)
    path.chmod(mode)
    with pytest.raises(ValueError, match="chmod 600"):
        load_or_create_master_key(path, WORLD)


def test_servers_that_start_at_once_agree_on_one_key(tmp_path):
    path = tmp_path / "master.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_or_create_master_key(path, RealWorld()), range(32)))
    assert keys == {path.read_bytes()}


def test_a_master_key_under_a_passphrase_opens_for_who_knows_it(tmp_path):
    path = tmp_path / "master.key"
    key = load_or_create_master_key(path, WORLD, Passphrase(b"open sesame", WORLD))
    assert key not in path.read_bytes() and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == 30 + 16 + 12 + 32 + 16
    assert load_or_create_master_key(path, WORLD, Passphrase(b"open sesame", WORLD)) == key
    with pytest.raises(ValueError, match="does not open"):
        load_or_create_master_key(path, WORLD, Passphrase(b"open sesam", WORLD))
    with pytest.raises(ValueError, match="--master-key-passphrase-file"):
        load_or_create_master_key(path, WORLD)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ValueError, match="does not open"):
        load_or_create_master_key(path, WORLD, Passphrase(b"open sesame", WORLD))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="does not open"):
        load_or_create_master_key(path, WORLD, Passphrase(b"open sesame", WORLD))


def test_a_master_key_made_without_a_passphrase_is_put_under_one(tmp_path):
    path = tmp_path / "master.key"
    key = load_or_create_master_key(path, WORLD)
    assert load_or_create_master_key(path, WORLD, Passphrase(b"p", WORLD)) == key
    assert key not in path.read_bytes()
    assert load_or_create_master_key(path, WORLD, Passphrase(b"p", WORLD)) == key
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]


def test_a_passphrase_is_a_line_of_a_private_file(tmp_path):
    path = tmp_path / "passphrase"
    path.write_bytes(b"open sesame\r\n")
    path.chmod(0o600)
    assert read_passphrase(path) == b"open sesame"
    path.chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        read_passphrase(path)
    path.write_bytes(b"\n")
    path.chmod(0o600)
    with pytest.raises(ValueError, match="no passphrase"):
        read_passphrase(path)
