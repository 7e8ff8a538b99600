"""How a step's output is cut for a reply; the whole of it travels otherwise. Pure."""

from __future__ import annotations

STREAM_CHARACTERS_MAX = 24_000
COMBINED_CHARACTERS_MAX = 2_500

_CUT = "--output truncated--"
_ERROR_TITLE = "\n----------ERROR-------\n"
_OUTPUT_CUT = "\n---Output truncated---"
_ERROR_CUT = "\n---Error truncated----"


def cut(text: str, limit: int = STREAM_CHARACTERS_MAX) -> str:
    """At most `limit` characters; what is longer ends with the sign that it was cut."""
    if len(text) <= limit:
        return text
    return text[: max(0, limit - len(_CUT))] + _CUT


def combined(stdout: str, stderr: str, limit: int = COMBINED_CHARACTERS_MAX) -> str:
    """Both streams in one text of at most `limit` characters, sharing the room when both are long."""
    title = _ERROR_TITLE if stderr else ""
    room = limit - len(title)
    if len(stdout) + len(stderr) < room:
        return stdout + title + stderr
    if len(stdout) > room // 2 and len(stderr) > room // 2:
        each = (room - len(_ERROR_CUT) - len(_OUTPUT_CUT)) // 2
        return stdout[:each] + _OUTPUT_CUT + title + stderr[:each] + _ERROR_CUT
    if len(stdout) <= room // 2:
        return stdout + title + stderr[: room - len(_ERROR_CUT) - len(stdout)] + _ERROR_CUT
    return stdout[: room - len(_OUTPUT_CUT) - len(stderr)] + _OUTPUT_CUT + title + stderr
