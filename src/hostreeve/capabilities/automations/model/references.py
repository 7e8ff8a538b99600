"""`{{ … }}` filled in: a text that is one reference keeps the type of its value, others become text."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from hostreeve.capabilities.automations.model import selectors

REFERENCE = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")
SIZE_CHARS_MAX = 1 << 20
"""How large a value may become by what is put in."""
WITH_BRACES = frozenset({"Script", "TemplateBody", "StackPolicyBody"})
"""Inputs whose braces are their own, but for references that name something of this runbook."""

Known = Callable[[str], Any]
"""The value of a name such as `step.Output`, `variable:x`, `global:DATE`. Absent when there is none."""


class Absent(LookupError):
    """What a reference names has no value; the text is the reference."""


class TooLarge(ValueError):
    """A value that grew beyond what is kept."""


def fill(value: Any, known: Known) -> Any:
    """The value with every reference put in, once: what a value holds is not looked at again.

    A list in a list of references becomes part of it. Absent, TooLarge.
    """
    return _Filling(known).fill(value)


def names_in(value: Any) -> list[str]:
    """Every reference in any text of the value, each once."""
    found: list[str] = []
    heap = [value]
    while heap:
        item = heap.pop()
        if isinstance(item, str):
            found += REFERENCE.findall(item)
        elif isinstance(item, dict | list):
            heap.extend(reversed(list(item.values()) if isinstance(item, dict) else item))
    return list(dict.fromkeys(found))


def written(value: Any) -> str:
    """A value in the middle of a text: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def looked_up(name: str, values: Callable[[str], Any]) -> Any:
    """The value of a name that may go on into it: `Ids[0]`, `Answer.Size`. `values` knows whole names.

    A parameter may have a point in its name, so the longest name that is known wins. Absent.
    """
    cuts = [found.start() for found in re.finditer(r"[.\[]", name)]
    for cut in (len(name), *reversed(cuts)):
        try:
            value = values(name[:cut])
        except Absent:
            continue
        return _inside(name, value, name[cut:])
    raise Absent(name)


def _inside(name: str, value: Any, rest: str) -> Any:
    if not rest:
        return value
    try:
        found = selectors.select(f"${rest}", value)
    except selectors.BadSelector:
        raise Absent(name) from None
    if found.is_nothing:
        raise Absent(name)
    return found.value


class _Filling:
    """One value on its way, with how much it may still grow."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._left = SIZE_CHARS_MAX

    def fill(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return self._list(value)
        if isinstance(value, dict):
            return {self._key(name): self.fill(item) for name, item in value.items()}
        return value

    def _key(self, name: str) -> str:
        return written(self._text(name)) if "{{" in name else name

    def _list(self, value: list[Any]) -> list[Any]:
        found: list[Any] = []
        for item in value:
            filled = self.fill(item)
            is_spread = isinstance(filled, list) and isinstance(item, str)
            found.extend(filled if is_spread else [filled])
        return found

    def _text(self, text: str) -> Any:
        if "{{" not in text:
            return text
        whole = REFERENCE.fullmatch(text.strip())
        if whole:
            return self._counted(self._known(whole[1]))
        return REFERENCE.sub(lambda found: written(self._counted(self._known(found[1]))), text)

    def _counted(self, value: Any) -> Any:
        self._left -= len(written(value))
        if self._left < 0:
            raise TooLarge(f"With what its references stand for it exceeds {SIZE_CHARS_MAX} characters.")
        return value
