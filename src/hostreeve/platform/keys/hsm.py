"""A master key under an AES key that never leaves a hardware security module, spoken to by PKCS #11."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from hostreeve.kernel.world import World
from hostreeve.platform.keys.files import read_private_line
from hostreeve.platform.keys.wrapping import PKCS11_MARK

NONCE_BYTES, TAG_BYTES, KEY_BYTES = 12, 16, 32
_SCHEME = "pkcs11:"
_KNOWN = ("token", "object", "module-path", "pin-source")
_ADVICE = (
    "It looks like pkcs11:token=LABEL;object=KEY?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=FILE"
)


class Place(NamedTuple):
    """Where the key is: the module's file, labels of token and key, and the file with the user's PIN."""

    module: Path
    token: str
    key: str
    pin: Path


def read_uri(text: str) -> Place:
    """A PKCS #11 URI (RFC 7512) with token, object, module-path and pin-source. ValueError."""
    if not text.startswith(_SCHEME):
        raise ValueError(f"{text!r} is no PKCS #11 URI. {_ADVICE}")
    path, _, query = text.removeprefix(_SCHEME).partition("?")
    pairs = [pair.partition("=") for pair in [*path.split(";"), *query.split("&")] if pair]
    found = {name: unquote(value) for name, _, value in pairs}
    if "pin-value" in found:
        raise ValueError("A PIN on the command line is read by everybody: put it in a file, and name that.")
    unknown = [name for name in found if name not in _KNOWN]
    if unknown or len(found) < len(pairs):
        wrong = f"{unknown[0]} means nothing here" if unknown else "it says something twice"
        raise ValueError(f"{text!r}: {wrong}. {_ADVICE}")
    missing = [name for name in _KNOWN if not found.get(name)]
    if missing:
        raise ValueError(f"{text!r} names no {', '.join(missing)}. {_ADVICE}")
    pin = found["pin-source"].removeprefix("file://").removeprefix("file:")
    return Place(Path(found["module-path"]), found["token"], found["object"], Path(pin))


class HardwareKey:
    """Nonce (12) and the master key under the module's key by AES-GCM (48).

    The key is made in the token, of 256 bits and not to be read or copied, when nothing lies under it yet.
    """

    mark = PKCS11_MARK

    def __init__(self, place: Place, world: World) -> None:
        self._place = place
        self._world = world

    def wrap(self, master_key: bytes) -> bytes:
        nonce = self._world.token(NONCE_BYTES)
        with self._key(create=True) as key:
            return nonce + self._asked(key.encrypt, master_key, nonce)

    def unwrap(self, wrapped: bytes) -> bytes:
        if len(wrapped) != NONCE_BYTES + KEY_BYTES + TAG_BYTES:
            raise ValueError("it is not whole. Restore it from a backup.")
        with self._key(create=False) as key:
            return self._asked(key.decrypt, wrapped[NONCE_BYTES:], wrapped[:NONCE_BYTES])

    def _asked(self, deed: Callable[..., bytes], text: bytes, nonce: bytes) -> bytes:
        import pkcs11

        how = pkcs11.GCMParams(nonce, self.mark, TAG_BYTES * 8)
        try:
            return bytes(deed(text, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=how))
        except pkcs11.PKCS11Error as refused:
            raise ValueError(
                f"the key {self._place.key} of the token {self._place.token} does not open the master key "
                f"({_named(refused)}): it is another key, may not be used so, or the file was changed."
            ) from None

    @contextmanager
    def _key(self, *, create: bool) -> Iterator[Any]:
        try:
            import pkcs11
        except ImportError:
            raise ValueError(
                "PKCS #11 needs the package python-pkcs11: pip install 'hostreeve[pkcs11]'"
            ) from None
        pin = read_private_line(self._place.pin, "PIN")
        try:
            with self._session(pkcs11, pin.decode(errors="replace"), create=create) as session:
                yield self._found(pkcs11, session, create=create)
        except pkcs11.PKCS11Error as wrong:
            raise ValueError(f"the token {self._place.token} fails: {_named(wrong)}.") from None

    def _session(self, pkcs11: Any, pin: str, *, create: bool) -> Any:
        place = self._place
        try:
            token = pkcs11.lib(str(place.module)).get_token(token_label=place.token)
        except pkcs11.NoSuchToken:
            raise ValueError(f"the module {place.module} has no token called {place.token}.") from None
        except pkcs11.MultipleTokensReturned:
            raise ValueError(f"the module {place.module} has several tokens called {place.token}.") from None
        except pkcs11.PKCS11Error as wrong:
            raise ValueError(f"the PKCS #11 module {place.module} can't be used: {_named(wrong)}.") from None
        try:
            return token.open(user_pin=pin, rw=create)
        except pkcs11.PKCS11Error as wrong:
            raise ValueError(self._no_session(wrong)) from None

    def _no_session(self, wrong: Exception) -> str:
        pin, token = self._place.pin, self._place.token
        match type(wrong).__name__:
            case "PinIncorrect" | "PinInvalid" | "PinLenRange":
                return (
                    f"the PIN in {pin} is not the one of the token {token}. Mend it before you try again: "
                    "tokens lock themselves after some wrong ones."
                )
            case "PinLocked":
                return f"the token {token} has locked itself after wrong PINs."
        return f"the token {token} opens no session: {_named(wrong)}."

    def _found(self, pkcs11: Any, session: Any, *, create: bool) -> Any:
        place = self._place
        wanted = {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
            pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.AES,
            pkcs11.Attribute.LABEL: place.key,
        }
        # Taken whole: the library's search is not to be left before its end.
        keys = list(session.get_objects(wanted))
        if len(keys) > 1:
            raise ValueError(f"the token {place.token} has several keys called {place.key}.")
        if keys:
            return keys[0]
        if not create:
            raise ValueError(f"the token {place.token} has no AES key called {place.key}.")
        closed = {pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}
        uses = pkcs11.MechanismFlag.ENCRYPT | pkcs11.MechanismFlag.DECRYPT
        try:
            return session.generate_key(
                pkcs11.KeyType.AES,
                KEY_BYTES * 8,
                label=place.key,
                store=True,
                capabilities=uses,
                template=closed,
            )
        except pkcs11.PKCS11Error as wrong:
            raise ValueError(
                f"the token {place.token} has no AES key called {place.key} and makes none: {_named(wrong)}."
            ) from None


def _named(wrong: Exception) -> str:
    """The library says little more than a name of the fault."""
    return str(wrong).rpartition(": ")[2] or type(wrong).__name__
