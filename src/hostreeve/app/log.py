"""Log lines as JSON on standard error: what a person or a collector reads when something is wrong."""

import logging
import sys

import msgspec

KNOWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, what was given as `extra`, and a trace."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time_ms": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{k: str(v) for k, v in record.__dict__.items() if k not in KNOWN},
        }
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(told).decode()


def log_to_stderr(level: int = logging.WARNING) -> None:
    """Everything of ours from `level` on; other libraries' warnings too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
