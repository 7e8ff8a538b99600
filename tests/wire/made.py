"""Requests and answers made from the models: valid values of every shape, from one seed."""

import random
import re
import string
from datetime import UTC, datetime, timedelta
from re import _constants as c
from re import _parser

from hostreeve.api.service_models import Shape
from hostreeve.api.validation import broken_constraints
from hostreeve.api.validation_patterns import compiled, python_pattern

DEEP = 4
PLAIN = string.ascii_letters + string.digits
RICH = PLAIN + " -_./:=+@&<>\"'%#?!~*()[]{},;|\\^`$\täöß€日本\U0001f680"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CannotMakeError(Exception):
    """No valid value was found."""


class Maker:
    """Values for shapes. `full` sets every member there is, otherwise about half of the optional ones."""

    def __init__(self, chance: random.Random, *, full: bool, answer: bool, protocol: str) -> None:
        self.chance = chance
        self.full = full
        self.answer = answer
        self.xml = protocol in ("query", "ec2", "rest-xml")
        # An empty structure or list has no place in a form or in a flattened list.
        self.may_be_empty = protocol in ("json", "smithy-rpc-v2-cbor")

    def make(self, shape: Shape, depth: int = 0):
        value = getattr(self, f"_{shape.type}")(shape, depth)
        if not self.answer and next(broken_constraints(shape, value), None):
            raise CannotMakeError(shape.name)
        return value

    def _structure(self, shape: Shape, depth: int):
        if shape.is_union:
            return self._union(shape, depth)
        found = {}
        for name, member in shape.members.items():
            needed = name in shape.required
            if not needed and (depth > DEEP or not (self.full or self.chance.random() < 0.5)):
                continue
            try:
                found[name] = self.make(member, depth + 1)
            except CannotMakeError:
                if needed:
                    raise
        if not found and depth and not self.may_be_empty:
            return self._union(shape, depth)
        return found

    def _union(self, shape: Shape, depth: int):
        if depth > 2 * DEEP:
            raise CannotMakeError(shape.name)
        names = self.chance.sample(list(shape.members), len(shape.members))
        for name in names:
            try:
                return {name: self.make(shape.members[name], depth + 1)}
            except CannotMakeError:
                continue
        raise CannotMakeError(shape.name)

    def _list(self, shape: Shape, depth: int):
        if depth > 2 * DEEP and not shape.own.get("min"):
            raise CannotMakeError(shape.name)
        size = max(shape.own.get("min", 0), self.chance.randint(0 if self.may_be_empty else 1, 2))
        size = min(size, shape.own.get("max", size))
        return [self.make(shape.member, depth + 1) for _ in range(size)]

    def _map(self, shape: Shape, depth: int):
        size = max(shape.own.get("min", 0), self.chance.randint(0 if self.may_be_empty else 1, 2))
        if depth > 2 * DEEP and not size:
            raise CannotMakeError(shape.name)
        if shape.location == "headers":
            return {"".join(self.chance.choices(string.ascii_lowercase, k=5)): "a b" for _ in range(size)}
        return {self.make(shape.key, depth + 1): self.make(shape.value, depth + 1) for _ in range(size)}

    def _string(self, shape: Shape, depth: int):
        own = shape.own
        if "enum" in own:
            return self.chance.choice(own["enum"])
        least, most = own.get("min", 0), own.get("max", 2**31)
        located = shape.location in ("header", "headers", "uri") or shape.traits.get("xmlAttribute")
        if "pattern" in own and not self.answer:
            return self._matching(own["pattern"], least, most, printable=bool(located) or self.xml)
        size = min(max(least, 1 if located else 0) + self.chance.randint(0, 9), most)
        return "".join(self.chance.choices(PLAIN if located else RICH, k=size))

    def _matching(self, pattern: str, least: int, most: int, *, printable: bool) -> str:
        tree = _parser.parse(python_pattern(pattern))
        for _ in range(200):
            text = Regex(self.chance, least, most).text(tree)
            if printable and (text.strip() != text or not text.isprintable()):
                continue
            if least <= len(text) <= most and compiled(pattern).search(text):
                return text
        raise CannotMakeError(pattern)

    def _boolean(self, shape: Shape, depth: int):
        return self.chance.random() < 0.5

    def _integer(self, shape: Shape, depth: int):
        if shape.location == "statusCode":
            return 202
        bound = 2**31 if shape.type == "integer" else 2**63
        least, most = (
            max(shape.own.get("min", -bound), -bound),
            min(shape.own.get("max", bound - 1), bound - 1),
        )
        return self.chance.choice([least, most, self.chance.randint(least, most)])

    _long = _integer

    def _double(self, shape: Shape, depth: int):
        least, most = shape.own.get("min", -1000), shape.own.get("max", 1000)
        return self.chance.randint(int(least) * 4, int(most) * 4) / 4

    _float = _double

    def _timestamp(self, shape: Shape, depth: int):
        seconds = self.chance.randint(0, 4_000_000_000)
        whole = shape.location in ("header", "headers") or shape.traits.get("timestampFormat") == "rfc822"
        return seconds if whole else seconds + self.chance.randint(0, 999) / 1000

    def _blob(self, shape: Shape, depth: int):
        size = min(max(shape.own.get("min", 0), 1) + self.chance.randint(0, 9), shape.own.get("max", 2**31))
        return "".join(self.chance.choices(PLAIN, k=size)).encode()


class Regex:
    """A text that a parsed pattern matches, lookarounds aside."""

    def __init__(self, chance: random.Random, least: int, most: int) -> None:
        self.chance = chance
        self.least = least
        self.room = most

    def text(self, tree) -> str:
        return "".join(self._node(op, argument) for op, argument in tree)

    def _node(self, op, argument) -> str:
        match op:
            case c.LITERAL:
                return chr(argument)
            case c.ANY:
                return self.chance.choice(PLAIN)
            case c.NOT_LITERAL:
                return self.chance.choice([x for x in PLAIN if ord(x) != argument])
            case c.IN:
                return self._one_of(argument)
            case c.BRANCH:
                return self.text(self.chance.choice(argument[1]))
            case c.SUBPATTERN:
                return self.text(argument[-1])
            case c.MAX_REPEAT | c.MIN_REPEAT:
                return self._repeated(*argument)
        return ""

    def _repeated(self, least, most, tree) -> str:
        most = 10**6 if most is c.MAXREPEAT else most
        # Half the time as long as the shape's least length asks, for patterns of one repeated class.
        wanted = self.least if self.chance.random() < 0.5 else least
        size = min(max(least, wanted) + self.chance.choice((0, 0, 1, 3)), most)
        return "".join(self.text(tree) for _ in range(size))

    def _one_of(self, items) -> str:
        if items[0][0] is c.NEGATE:
            refused = re.compile("|".join(_class(item) for item in items[1:]), re.ASCII)
            return self.chance.choice([x for x in PLAIN + "-_/." if not refused.match(x)] or ["\x00"])
        visible = [item for item in items if _is_visible(item)]
        op, argument = self.chance.choice(visible or items)
        match op:
            case c.LITERAL:
                return chr(argument)
            case c.RANGE:
                low, high = argument
                visible_low, visible_high = max(low, 33), min(high, 126)
                if visible_low <= visible_high:
                    low, high = visible_low, visible_high
                return chr(self.chance.randint(low, high))
        return self.chance.choice(
            {"WORD": PLAIN + "_", "DIGIT": string.digits}.get(_category(argument), PLAIN)
        )


def _is_visible(item) -> bool:
    op, argument = item
    if op is c.RANGE:
        return argument[0] <= 126 and argument[1] >= 33
    return op is not c.LITERAL or 33 <= argument <= 126


def _category(argument) -> str:
    name = str(argument).removeprefix("CATEGORY_").removeprefix("UNI_")
    return {"SPACE": "SPACE", "NOT_SPACE": "NOT_SPACE"}.get(name, name)


def _class(item) -> str:
    op, argument = item
    if op is c.LITERAL:
        return re.escape(chr(argument))
    if op is c.RANGE:
        return f"[\\U{argument[0]:08x}-\\U{argument[1]:08x}]"
    return {"WORD": r"\w", "DIGIT": r"\d", "SPACE": r"\s"}.get(_category(argument), r"\W")


def moment(seconds: float) -> datetime:
    return EPOCH + timedelta(milliseconds=round(seconds * 1000))


def for_botocore(shape: Shape, value):
    """The same value in botocore's types: datetimes instead of seconds."""
    match shape.type:
        case "structure":
            return {k: for_botocore(shape.members[k], v) for k, v in value.items()}
        case "list":
            return [for_botocore(shape.member, v) for v in value]
        case "map":
            return {k: for_botocore(shape.value, v) for k, v in value.items()}
        case "timestamp":
            return moment(value)
    return value


def comparable(shape: Shape, value):
    """Either side's value with moments as whole milliseconds."""
    match shape.type:
        case "structure":
            return {k: comparable(shape.members[k], v) for k, v in value.items()}
        case "list":
            return [comparable(shape.member, v) for v in value]
        case "map":
            return {k: comparable(shape.value, v) for k, v in value.items()}
        case "timestamp":
            if isinstance(value, datetime):
                value = (value - EPOCH).total_seconds()
            return round(value * 1000)
    return value
