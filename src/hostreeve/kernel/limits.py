"""The bounds on everything that comes from outside, each in one place with its unit."""

from __future__ import annotations

REQUEST_BODY_BYTES_MAX = 16 * 1024 * 1024
"""One API request that is not an object upload. AWS's own JSON services stop at about 1 MB."""

REQUEST_BODY_IDLE_S = 30.0
"""A client that sends nothing for this long in the middle of its body is cut off."""

REQUEST_HEADERS_BYTES_MAX = 64 * 1024

URL_BYTES_MAX = 16 * 1024

LONG_POLL_S_MAX = 17.0
"""The official agent's own HTTP client gives up after 20 s (agent-protocol.md §4)."""

DRAIN_S = 4.0
"""Time that running requests get after SIGTERM; the promise is to be gone within 5 s."""
