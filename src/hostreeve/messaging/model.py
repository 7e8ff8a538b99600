"""Values of the node link: jobs on their way to nodes, and the limits that hold for all of them."""

from dataclasses import dataclass

IN_FLIGHT_MAX = 10
"""Jobs a node may hold unacknowledged: the official agent runs five and buffers five."""

CANCELS_IN_FLIGHT_MAX = 50
"""Cancels do not queue behind the jobs that they cancel."""

RESEND_FIRST_MS = 10_000
RESEND_MAX_MS = 60_000
BUSY_STEP_MS = 3_000
"""How much longer a job rests each time the node has no room for it (51402)."""

BUSY_MAX_MS = 15_000

CLOCK_JUMP_MS = 600_000
"""A due time farther ahead than this was written before the clock was set back: it counts as due."""

EXPIRED_KEPT_MS = 600_000

FRAME_BYTES_MAX = 4 * 1024 * 1024
"""The official agent's replies stay below 120 kB; ours streams chunks of 64 kB."""

OPENING_S_MAX = 20.0
"""How long a connection may stay silent before its opening frame."""

TOKEN_MS = 300_000

BEAT_S = 10.0
"""How often a replica says that it lives."""

BEAT_FRESH_MS = 45_000
"""A replica silent for longer is taken for dead, and its channels for closed."""

POLL_S = 3.0
"""How often a replica looks for jobs whose hint was lost or whose resend is due."""

SWEEP_S = 600.0

VERIFY_S = 60.0
"""How often a replica looks whether its channels still have their right, lest a hint was lost."""

VISIBILITY_MS_MIN = 10_000
MESSAGES_MAX = 10


@dataclass(frozen=True, slots=True)
class Job:
    """A job for one node, to be posted.

    `job_id` is `aws.ssm.<command id>.<node id>`; `content_id` names a content given to `keep_content`.
    At `expires_ms` it is no longer delivered. `extra` is a JSON object with members that only our agent gets.
    """

    job_id: str
    node_id: str
    topic: str
    content_id: str
    expires_ms: int
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A job that was claimed for sending now. `attempts` counts this one."""

    node_id: str
    job_id: str
    topic: str
    content_id: str
    extra: str
    expires_ms: int
    attempts: int
    posted_ms: int


@dataclass(frozen=True, slots=True)
class Connection:
    """A node's channel as any replica sees it."""

    node_id: str
    is_open: bool
    seen_ms: int


def resend_after_ms(attempts: int) -> int:
    """How long an unacknowledged job rests on the same channel: 10, 20, 40, 60, 60 … seconds."""
    return min(RESEND_FIRST_MS << min(attempts - 1, 8), RESEND_MAX_MS)
