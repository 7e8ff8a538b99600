"""A master key under a key in a hardware module: SoftHSM's, by its PKCS #11 library."""

import pytest

from hostreeve.kernel.world import RealWorld
from hostreeve.platform.keys import HardwareKey, load_or_create_master_key, read_uri
from tests.keys.softhsm import SoftToken

WORLD = RealWorld()


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    return SoftToken(tmp_path_factory.mktemp("softhsm"))


def under(uri):
    return HardwareKey(read_uri(uri), WORLD)


def refused(path, uri):
    with pytest.raises(ValueError) as told:
        load_or_create_master_key(path, WORLD, under(uri))
    assert "1234" not in str(told.value)
    return str(told.value)


def test_the_master_key_opens_by_the_tokens_key_and_by_nothing_else(token, tmp_path):
    path = tmp_path / "master.key"
    made = load_or_create_master_key(path, WORLD, under(token.uri(key="own")))
    assert len(made) == 32 and made not in path.read_bytes()
    assert load_or_create_master_key(path, WORLD, under(token.uri(key="own"))) == made
    with pytest.raises(ValueError, match="--master-key-pkcs11"):
        load_or_create_master_key(path, WORLD)
    load_or_create_master_key(tmp_path / "second", WORLD, under(token.uri(key="other")))
    assert "does not open the master key" in refused(path, token.uri(key="other"))


def test_a_bare_master_key_is_put_under_the_tokens(token, tmp_path):
    path = tmp_path / "master.key"
    made = load_or_create_master_key(path, WORLD)
    assert load_or_create_master_key(path, WORLD, under(token.uri())) == made
    assert made not in path.read_bytes() and path.stat().st_mode & 0o777 == 0o600


def test_the_tokens_key_can_be_used_but_not_read(token, tmp_path):
    import pkcs11

    load_or_create_master_key(tmp_path / "master.key", WORLD, under(token.uri()))
    found = pkcs11.lib("/usr/lib/softhsm/libsofthsm2.so").get_token(token_label="token")
    with found.open(user_pin="1234") as session:
        key = session.get_key(label="master")
        assert key.key_length == 256
        with pytest.raises(pkcs11.PKCS11Error):
            key[pkcs11.Attribute.VALUE]


def test_what_is_wrong_with_module_token_key_or_pin_is_said(token, tmp_path):
    path = tmp_path / "master.key"
    load_or_create_master_key(path, WORLD, under(token.uri()))
    wrong_pin = token.private("wrong", "4321\n")
    open_pin = token.private("open", "1234")
    open_pin.chmod(0o644)
    for uri, said in (
        (token.uri(module="/nowhere/libhsm.so"), "the PKCS #11 module /nowhere/libhsm.so can't be used"),
        (token.uri(module="/usr/lib/x86_64-linux-gnu/libc.so.6"), "C_GetFunctionList"),
        (token.uri(token="gone"), "has no token called gone"),
        (token.uri(key="gone"), "has no AES key called gone"),
        (token.uri(pin=wrong_pin), f"the PIN in {wrong_pin} is not the one of the token"),
        (token.uri(pin=tmp_path / "none"), "which should hold the PIN, can't be read"),
        (token.uri(pin=open_pin), "chmod 600"),
        (token.uri(pin=token.private("empty", "\n")), "holds no PIN"),
    ):
        assert said in refused(path, uri)


def test_a_changed_or_shortened_file_is_refused(token, tmp_path):
    path = tmp_path / "master.key"
    load_or_create_master_key(path, WORLD, under(token.uri()))
    content = path.read_bytes()
    for changed in (content[:-1], content[:-1] + bytes([content[-1] ^ 1]), content + b"x", content[:31]):
        path.write_bytes(changed)
        assert str(path) in refused(path, token.uri())


def test_two_tokens_or_keys_of_one_name_are_not_chosen_between(token, tmp_path):
    import pkcs11

    found = pkcs11.lib("/usr/lib/softhsm/libsofthsm2.so").get_token(token_label="token")
    with found.open(user_pin="1234", rw=True) as session:
        for _ in range(2):
            session.generate_key(pkcs11.KeyType.AES, 256, label="twin", store=True)
    assert "several keys called twin" in refused(tmp_path / "master.key", token.uri(key="twin"))
    assert not (tmp_path / "master.key").exists()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("slot 0", "is no PKCS #11 URI"),
        ("pkcs11:token=t", "names no object, module-path, pin-source"),
        ("pkcs11:token=t;object=k?module-path=m&pin-value=1234", "put it in a file"),
        ("pkcs11:token=t;serial=1;object=k?module-path=m&pin-source=p", "serial means nothing here"),
        ("pkcs11:token=t;token=u;object=k?module-path=m&pin-source=p", "says something twice"),
    ],
)
def test_uris_that_do_not_say_enough_or_say_too_much_are_refused(uri, said):
    with pytest.raises(ValueError) as told:
        read_uri(uri)
    assert said in str(told.value) and "1234" not in str(told.value)


def test_labels_with_any_characters_are_written_with_percent_signs():
    place = read_uri("pkcs11:token=my%20token;object=a%3Bb?module-path=/m.so&pin-source=file:///etc/pin")
    assert (place.token, place.key, str(place.module), str(place.pin)) == (
        "my token",
        "a;b",
        "/m.so",
        "/etc/pin",
    )
