"""The file with the master key: made once, opened at every start, put under something else on request."""

from pathlib import Path

from hostreeve.kernel.world import World
from hostreeve.platform.keys.files import draft, read_private, read_private_line, sync_folder
from hostreeve.platform.keys.keyring import KEY_BYTES
from hostreeve.platform.keys.wrapping import FLAGS, Wrapping, mark_of

FILE_BYTES_MAX = 64 << 10


def load_or_create_master_key(path: Path, world: World, wrapping: Wrapping | None = None) -> bytes:
    """The 32 bytes that the file holds, made on first use (mode 0600, on disk before we return).

    With a wrapping the file holds them under it; a file that was made without one is put under it now.
    ValueError when the wrapping is missing or does not open them, when the file has another size, or when
    others than its owner may read or write it.
    """
    try:
        content = read_private(path, FILE_BYTES_MAX)
    except FileNotFoundError:
        if path.is_symlink():
            raise ValueError(f"{path} is a link to a file that is not there.") from None
        _create(path, world, wrapping)
        return load_or_create_master_key(path, world, wrapping)
    key = _opened(path, content, wrapping)
    if wrapping and not mark_of(content):
        keep_master_key(path, world, key, wrapping)
    return key


def keep_master_key(path: Path, world: World, key: bytes, wrapping: Wrapping | None) -> None:
    """Replace the file in one step by one that holds the key under the wrapping, or bare. ValueError."""
    draft(path, world, _written(key, wrapping)).replace(path)
    sync_folder(path)


def is_whole(content: bytes) -> bool:
    """Whether these can be the bytes of a master key's file."""
    return bool(mark_of(content)) or len(content) == KEY_BYTES


def read_passphrase(path: Path) -> bytes:
    """The file's text without the end of its line. ValueError when it is empty or others may read it."""
    return read_private_line(path, "passphrase")


def _opened(path: Path, content: bytes, wrapping: Wrapping | None) -> bytes:
    mark = mark_of(content)
    if not mark:
        if len(content) != KEY_BYTES:
            raise ValueError(
                f"{path} does not hold a master key of {KEY_BYTES} bytes. Restore it from a backup."
            )
        return content
    if wrapping is None or wrapping.mark != mark:
        what, flag = FLAGS[mark]
        raise ValueError(f"{path} is under {what}. Start with {flag}.")
    try:
        return wrapping.unwrap(content[len(mark) :])
    except ValueError as wrong:
        raise ValueError(f"{path}: {wrong}") from None


def _written(key: bytes, wrapping: Wrapping | None) -> bytes:
    return wrapping.mark + wrapping.wrap(key) if wrapping else key


def _create(path: Path, world: World, wrapping: Wrapping | None) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = draft(path, world, _written(world.token(KEY_BYTES), wrapping))
    try:
        # A link fails where a rename would overwrite: two servers starting at once both use the first key.
        path.hardlink_to(made)
    except FileExistsError:
        pass
    finally:
        made.unlink()
    sync_folder(path)
