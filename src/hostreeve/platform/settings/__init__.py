"""Service settings: what an account chooses for a capability in one Region, and what holds until it does.

A capability declares its settings with their values where the program is composed, and asks `value_of`.
"""

from hostreeve.platform.settings.actions import declare, value_of
from hostreeve.platform.settings.model import Setting

__all__ = ["Setting", "declare", "value_of"]
