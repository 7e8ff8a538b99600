"""A whole control plane on either engine, and a second account."""

from tests.documents.conftest import account, house, name, other, ssm

__all__ = ["account", "house", "name", "other", "ssm"]
