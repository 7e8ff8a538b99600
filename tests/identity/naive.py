"""A second evaluator, deliberately naive: it reads documents as they stand, statement by statement, with no
compiling, no looking ahead and no code of ours. Slow, and simple enough to be believed.
"""

import ipaddress
import re
from datetime import datetime

NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def like(pattern, text):
    """Wildcards by the textbook table; pattern is a list of letters and of the marks MANY and ONE."""
    reach = [True] + [False] * len(text)
    for mark in pattern:
        if mark == "MANY":
            reach = [any(reach[: i + 1]) for i in range(len(reach))]
        else:
            reach = [False] + [
                reach[i] and (mark == "ONE" or mark == ("LETTER", text[i])) for i in range(len(text))
            ]
    return reach[-1]


def marks(text, context, *, variables, wild):
    """The pattern as a list of marks; None when a variable has no value."""
    found, i = [], 0
    while i < len(text):
        if variables and text.startswith("${", i) and "}" in text[i:] and "{" not in inside(text, i):
            value = variable(inside(text, i), context)
            if value is None:
                return None
            found += [("LETTER", letter) for letter in value]
            i = text.index("}", i) + 1
            continue
        plain = ("LETTER", text[i])
        found.append({"*": "MANY", "?": "ONE"}.get(text[i], plain) if wild else plain)
        i += 1
    return found


def inside(text, i):
    return text[i + 2 : text.index("}", i)]


def variable(name, context):
    if name in "*?$" and name:
        return name
    key, _, default = name.partition(",")
    values = lookup(context, key.strip())
    if len(values) == 1:
        return values[0]
    return default.strip().strip("'") if default else None


def lookup(context, key):
    for name, values in context.items():
        if name.lower() == key.lower():
            return values
    return []


def listed(value):
    return value if isinstance(value, list) else [value]


def statement_applies(document, statement, request):
    variables = document.get("Version") == "2012-10-17"
    for element in ("Action", "Resource"):
        if element not in statement and f"Not{element}" not in statement:
            continue
        wanted = request[element.lower()]
        patterns = listed(statement.get(element, statement.get(f"Not{element}")))
        hit = False
        for pattern in patterns:
            if element == "Action":
                found = marks(pattern.lower(), {}, variables=False, wild=True)
                hit = hit or like(found, wanted.lower())
            else:
                found = marks(pattern, request["context"], variables=variables, wild=True)
                hit = hit or (found is not None and like(found, wanted))
        if hit == (element not in statement):
            return False
    for operator, block in statement.get("Condition", {}).items():
        for key, values in block.items():
            if not condition_holds(operator, key, listed(values), request["context"], variables):
                return False
    return True


def condition_holds(operator, key, wanted, context, variables):
    given = lookup(context, key)
    wanted = [str(w).lower() if isinstance(w, bool) else str(w) for w in wanted]
    if operator == "Null":
        return ("false" if given else "true") in [w.lower() for w in wanted]
    how, _, bare = operator.rpartition(":")
    optional = bare.endswith("IfExists")
    bare = bare.removesuffix("IfExists")
    positive = NEGATED.get(bare, bare)
    if not given:
        if optional or how == "ForAllValues":
            return True
        return bare in NEGATED if how == "" else False
    hits = [any(related(positive, g, w, context, variables) for w in wanted) for g in given]
    if how == "ForAllValues":
        return all(hit == (bare not in NEGATED) for hit in hits)
    if how == "ForAnyValue":
        return any(hit == (bare not in NEGATED) for hit in hits)
    return any(hits) == (bare not in NEGATED)


def related(operator, given, wanted, context, variables):
    for family, relate in FAMILIES.items():
        if operator.startswith(family):
            return relate(operator.removeprefix(family), given, wanted, context, variables)
    raise AssertionError(operator)


def related_texts(word, given, wanted, context, variables):
    pattern = marks(wanted, context, variables=variables, wild=word == "Like")
    if pattern is None:
        return False
    if word.endswith("IgnoreCase"):
        given = given.lower()
        pattern = [mark if isinstance(mark, str) else (mark[0], mark[1].lower()) for mark in pattern]
    return like(pattern, given)


def related_arns(word, given, wanted, context, variables):
    if given.count(":") < 5:
        return False
    if wanted == "*":
        return True
    pieces, texts = wanted.split(":", 5), given.split(":", 5)
    return len(pieces) == 6 and all(
        like(marks(p, {}, variables=False, wild=True), t) for p, t in zip(pieces, texts, strict=True)
    )


def related_numbers(word, given, wanted, context, variables):
    return ordered(word, number(given), number(wanted))


def related_dates(word, given, wanted, context, variables):
    return ordered(word, date(given), date(wanted))


def related_truths(word, given, wanted, context, variables):
    return given.lower() == wanted.lower() and given.lower() in ("true", "false")


def related_addresses(word, given, wanted, context, variables):
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


FAMILIES = {
    "String": related_texts,
    "Arn": related_arns,
    "Numeric": related_numbers,
    "Date": related_dates,
    "Bool": related_truths,
    "IpAddress": related_addresses,
}


def ordered(word, given, wanted):
    if given is None:
        return False
    return {
        "Equals": given == wanted,
        "LessThan": given < wanted,
        "LessThanEquals": given <= wanted,
        "GreaterThan": given > wanted,
        "GreaterThanEquals": given >= wanted,
    }[word]


def number(text):
    return float(text) if re.fullmatch(r"[+-]?[0-9]+([.][0-9]*)?", text) else None


def date(text):
    if number(text) is not None:
        return number(text)
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return None


def says(documents, request, who=None):
    """'deny', or the strongest way in which an allowing statement names the caller, or ''."""
    strongest = ""
    order = ["", "account", "everyone", "role", "itself"]
    for document in documents:
        for statement in listed(document["Statement"]):
            named = "itself" if who is None else naming(statement, who)
            if not named or not statement_applies(document, statement, request):
                continue
            if statement["Effect"] == "Deny":
                return "deny"
            strongest = max(strongest, named, key=order.index)
    return strongest


def naming(statement, who):
    if "NotPrincipal" in statement:
        return "" if naming({"Principal": statement["NotPrincipal"]}, who) else "everyone"
    principal = statement["Principal"]
    if principal == "*":
        return "everyone"
    names = listed(principal.get("AWS", []))
    if who.get("service"):
        if who["service"] in listed(principal.get("Service", [])):
            return "itself"
        return "everyone" if "*" in names else ""
    account = f"arn:aws:iam::{who['account']}:root"
    if who["arn"] != account and who["arn"] in names:
        return "itself"
    if who["role_arn"] and who["role_arn"] in names:
        return "role"
    if "*" in names:
        return "everyone"
    return "account" if who["account"] in names or account in names else ""


def decided(request, layers):
    """Whether the request passes, and by which kind of policy it was stopped: '' when it passes.

    `layers`: identity, boundary, session, control (from the root of the organization down), resource, owner,
    trust (the resource is a role and its policy says who may become it), must_speak.
    """
    who = request["who"]
    said = heard(request, layers)
    for kind in ("control", "resource", "identity", "boundary", "session"):
        if "deny" in said[kind]:
            return False, kind
    (theirs,) = said["resource"]
    if who.get("service"):
        return (True, "") if theirs else (False, "resource")
    needed = ["control", "identity", "boundary", "session"]
    if layers["resource"] is not None:
        local = who["account"] == layers["owner"]
        if local and theirs == "itself":
            needed = ["control"]
        elif local and theirs in ("everyone", "role"):
            needed.remove("identity")
        elif not local or layers["trust"] or layers["must_speak"]:
            needed.insert(1, "resource")
    for kind in needed:
        if "" in said[kind]:
            return False, kind
    return True, ""


def heard(request, layers):
    """What each kind says; several for the levels of an organization; 'none' where there is none."""
    resource = layers["resource"]
    return {
        "control": [says(level, request) for level in layers["control"]],
        "resource": [says(resource, request, request["who"]) if resource is not None else "none"],
        "identity": [says(layers["identity"], request)],
        **{
            kind: [says(layers[kind], request) if layers[kind] is not None else "none"]
            for kind in ("boundary", "session")
        },
    }
