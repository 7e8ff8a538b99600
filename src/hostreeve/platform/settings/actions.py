"""Which settings there are, and what they are in an account."""

from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction
from hostreeve.platform.settings import store
from hostreeve.platform.settings.model import Setting

_declared: dict[str, Setting] = {}


def declare(*offered: Setting) -> None:
    """Let accounts change these settings. The same declaration twice is one."""
    for each in offered:
        known = _declared.setdefault(each.setting_id, each)
        assert known == each, f"two slices claim the setting {each.setting_id}"


def declared(setting_id: str) -> Setting | None:
    return _declared.get(setting_id)


def value_of(tx: Transaction, scope: Scope, setting: Setting) -> str:
    """What the account chose, or what the setting is by itself."""
    chosen = store.find(tx, scope, setting.setting_id)
    return chosen.value if chosen else setting.default
