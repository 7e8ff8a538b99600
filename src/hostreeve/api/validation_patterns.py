"""The models' regular expressions, which are Java's, as Python's `re` understands them."""

import re
import sys
import unicodedata
from collections import defaultdict
from functools import cache

_CLASS = re.compile(r"\\[pP]\{(\w+)\}")
_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
_FLAGS = re.compile(r"^\(\?([imsx]+)\)")
_SHORTHAND_RANGE = re.compile(r"(\\[wdsWDS])-(?!\])")
_PLANES_WITH_NAMES = 0x32400
_SAFE = {
    r"arn:(aws|aws-cn|aws-us-gov):ssm-contacts:[-\w+=\/,.@]*:[0-9]+:([\w+=\/,.@:-]+)*": (
        r"arn:(aws|aws-cn|aws-us-gov):ssm-contacts:[-\w+=\/,.@]*:[0-9]+:[\w+=\/,.@:-]*"
    ),
    r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$": (
        r"\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*"
    ),
    r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$": r"\t*[\x20-\x7E][\x20-\x7E\t]*",
    r".*\S.*": r"[^\S\n]*\S.*",
    r"\/?.+\/.+": r".[^\/\n]*\/.+",
}
"""Patterns whose search can take exponential or quadratic time, and what matches the same texts at once."""


@cache
def python_pattern(pattern: str) -> str:
    """The pattern for `re.search`, matching the whole value as AWS does, classes such as `\\w` being ASCII
    as in Java.

    ValueError when it cannot be translated.
    """
    flags = "a"
    pattern = _SAFE.get(pattern, pattern)
    found = _FLAGS.match(pattern)
    if found:
        flags, pattern = flags + found[1], pattern[found.end() :]
    pattern = pattern.replace(_SURROGATES, r"\U00010000-\U0010FFFF")
    # Java reads `[\w-/]` as three things; Python sees a bad range.
    pattern = _SHORTHAND_RANGE.sub(r"\1\\-", pattern)
    pattern = _within_classes(pattern)
    whole = rf"(?{flags})\A(?:{pattern})\Z"
    try:
        re.compile(whole)
    except re.error as e:
        raise ValueError(f"the pattern {pattern!r} is not understood: {e}") from e
    return whole


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The translated pattern, compiled."""
    return re.compile(python_pattern(pattern))


def _within_classes(pattern: str) -> str:
    """Unicode categories, written out as ranges; inside and outside of brackets."""
    if "\\p{" not in pattern:
        return pattern
    out: list[str] = []
    inside = False
    position = 0
    while position < len(pattern):
        category = _CLASS.match(pattern, position)
        if category:
            ranges = _ranges(category[1])
            out.append(ranges if inside else f"[{ranges}]")
            position = category.end()
            continue
        step = 2 if pattern[position] == "\\" else 1
        if step == 1:
            inside = pattern[position] == "[" or (inside and pattern[position] != "]")
        out.append(pattern[position : position + step])
        position += step
    return "".join(out)


@cache
def _ranges(category: str) -> str:
    if category == "ASCII":
        return r"\x00-\x7F"
    table = _categories()
    wanted = sorted(c for name, points in table.items() if name.startswith(category) for c in points)
    if not wanted:
        raise ValueError(f"there is no Unicode category {category}")
    out: list[str] = []
    start = previous = wanted[0]
    for point in [*wanted[1:], -1]:
        if point != previous + 1:
            out.append(f"\\U{start:08x}-\\U{previous:08x}")
            start = point
        previous = point
    return "".join(out)


@cache
def _categories() -> dict[str, list[int]]:
    # Beyond these planes lie only private use, tags and variation selectors: not worth 100 ms.
    table: dict[str, list[int]] = defaultdict(list)
    for point in range(min(_PLANES_WITH_NAMES, sys.maxunicode)):
        table[unicodedata.category(chr(point))].append(point)
    return table
