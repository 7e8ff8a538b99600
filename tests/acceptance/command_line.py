"""The AWS command line within this process: the same program, without its half second of starting."""

import contextlib
import io
import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from awscli import clidriver

DATA = Path(clidriver.__file__).parent / "data"


# It tells pages of what it does, which nobody reads here and which takes most of its time to keep.
logging.getLogger("awscli").setLevel(logging.WARNING)
logging.getLogger("botocore").setLevel(logging.WARNING)


class Failed(Exception):
    """`aws` ended with an error; the text is what it printed."""


class CommandLine:
    """`aws`, as it is called in one environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**environment, "AWS_DATA_PATH": str(DATA)}
        with self._set():
            self._driver = clidriver.create_clidriver()

    def __call__(self, *words: str) -> dict:
        """Run `aws WORDS`; its parsed answer, or Failed."""
        printed, complaints = io.StringIO(), io.StringIO()
        with self._set(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaints):
            status = self._driver.main([*words, "--output", "json"])
        if status:
            raise Failed(complaints.getvalue().strip())
        return json.loads(printed.getvalue() or "{}")

    @contextlib.contextmanager
    def _set(self) -> Iterator[None]:
        kept = dict(os.environ)
        os.environ.clear()
        os.environ.update(self._environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(kept)
