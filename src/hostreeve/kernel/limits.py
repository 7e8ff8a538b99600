"""The bounds on everything that comes from outside, each in one place with its unit."""

from __future__ import annotations

REQUEST_BODY_BYTES_MAX = 16 * 1024 * 1024
"""One API request that is not an object upload. AWS's own JSON services stop at about 1 MB."""

REQUEST_BODY_OF_STRANGERS_BYTES_MAX = 128 * 1024
"""So much of a body is read before it is known whether the key that it is signed with exists."""

REQUEST_BODIES_BYTES_MAX = 256 * 1024 * 1024
"""All bodies that are on their way or being worked on, in one process."""

REQUEST_BODIES_OF_CLIENT_BYTES_MAX = REQUEST_BODIES_BYTES_MAX // 2
"""Those from one address: no single client leaves nothing to the others."""

REQUEST_BODY_IDLE_S = 30.0
"""A client that sends nothing for this long in the middle of its body is cut off."""

REQUEST_BODY_S_MAX = 600.0
"""A whole body arrives in this time: the largest at some 30 kB/s."""

REQUEST_HEAD_S = 20.0
"""A connection on which no whole head of a request arrives for this long is ended."""

KEEP_ALIVE_S = 75.0
"""A connection between two requests is ended after this long, or up to five seconds later."""

REQUEST_HEAD_BYTES_MAX = 64 * 1024
"""Request line and headers together. AWS stops at 16 kB or less."""

LONG_POLL_S_MAX = 17.0
"""The official agent's own HTTP client gives up after 20 s (agent-protocol.md §4)."""

DRAIN_S = 4.0
"""Time that running requests get after SIGTERM; the promise is to be gone within 5 s."""
