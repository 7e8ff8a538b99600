"""The models' patterns: all are understood, and none can be made to search for ever."""

import random
import time
from re import _parser

import pytest

from hostreeve.api.service_models import service
from hostreeve.api.validation_patterns import compiled, python_pattern
from hostreeve.gateway.routing import KNOWN
from tests.wire.made import Regex

LONGEST = 100_000
PATTERNS = sorted(
    {
        (shape["pattern"], min(shape.get("max", LONGEST), LONGEST))
        for name in KNOWN
        for shape in service(name).shapes.values()
        if "pattern" in shape
    }
)


def provocations(pattern, longest):
    """Texts that begin as the pattern likes, go on repeating themselves, and end badly."""
    chance = random.Random(pattern)
    tree = _parser.parse(python_pattern(pattern))
    for length in (30, longest):
        for character in "aA0-./:$ _\n(":
            yield (character * length)[: longest - 1] + "!"
            yield (character * length)[: longest - 1] + "\n"
        liked = Regex(chance, 10, 100).text(tree)
        for end in range(1, len(liked), max(1, len(liked) // 6)):
            for size in (1, 3):
                repeated = liked[max(0, end - size) : end]
                yield (liked[:end] + repeated * (length // len(repeated)))[: longest - 1] + "\x00"


@pytest.mark.parametrize("start", range(0, len(PATTERNS), 60))
def test_no_text_makes_a_pattern_search_for_ever(start):
    for pattern, longest in PATTERNS[start : start + 60]:
        search = compiled(pattern).search
        for text in provocations(pattern, longest):
            began = time.perf_counter()
            search(text)
            assert time.perf_counter() - began < 0.5, (pattern, text[:80])


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"^a|b$", "ab", False),
        (r"\w+", "é", False),
        (r"\d+", "٣", False),
        (r"[\w-/]+", "a-/", True),
        (r"[\p{L}\p{N}]+", "日本3", True),
        (r"[\p{L}\p{N}]+", "a b", False),
        (r"\p{ASCII}*", "aé", False),
        (r"(?i)all|[0-9]{2}", "ALL", True),
        (r"(?s).*", "a\nb", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a\U0001f680", True),
        (r"[^\p{L}]+", "12", True),
        (r"a$", "a\n", False),
        (r".*\S.*", "  a ", True),
        (r".*\S.*", "   ", False),
        (r"\/?.+\/.+", "/bucket/key", True),
        (r"\/?.+\/.+", "bucket/", False),
        (r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$", "\tBearer  x\t", True),
        (r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$", "\t\t", False),
    ],
)
def test_a_pattern_means_what_it_means_in_java(pattern, text, matches):
    assert bool(compiled(pattern).search(text)) is matches
