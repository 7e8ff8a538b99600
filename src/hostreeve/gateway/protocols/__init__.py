"""The protocols that AWS clients speak, both ways: read a request, write an answer or an error."""

from hostreeve.gateway.protocols.refusals import family
from hostreeve.gateway.protocols.wire import read_request, write_error, write_response

__all__ = ["family", "read_request", "write_error", "write_response"]
