"""The pure rules: what must hold for any host and any baseline."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hostreeve.patcher import names, selection, states
from hostreeve.patcher.model import (
    APK,
    APPROVED,
    APT,
    BLOCK,
    FAILED,
    INSTALLED_PENDING_REBOOT,
    INSTALLED_REJECTED,
    LEVELS,
    MISSING,
    PENDING,
    RPM,
    ZYPP,
    Baseline,
    Host,
    Package,
    Patch,
    Rule,
)

NOW_MS = 1_795_000_000_000
TODAY = NOW_MS // selection.DAY_MS
WORDS = st.sampled_from(["curl", "openssl", "editor", "kernel"])
PATTERNS = st.one_of(WORDS, st.sampled_from(["*", "cu*", "*l", "open*ssl", "nothing", "CVE-2026-1", "77"]))
FILTERS = st.lists(
    st.tuples(
        st.sampled_from(["CLASSIFICATION", "SEVERITY", "PRIORITY", "PRODUCT", "SECTION"]),
        st.lists(st.sampled_from(["*", "Security", "Important", "Medium", "X1", "net"]), min_size=1).map(
            tuple
        ),
    ),
    max_size=3,
).map(tuple)


@st.composite
def patches(draw, name=None, version="1.0"):
    return Patch(
        name or draw(WORDS),
        "amd64",
        version,
        classification=draw(st.sampled_from(["", "Security", "Bugfix"])),
        severity=draw(st.sampled_from(["", "Important", "Moderate", "Low"])),
        priority=draw(st.sampled_from(["", "important", "optional"])),
        section=draw(st.sampled_from(["", "net", "universe/net"])),
        is_security=draw(st.booleans()),
        has_notice=draw(st.booleans()),
        released_ms=draw(st.one_of(st.none(), st.integers(NOW_MS - 400 * selection.DAY_MS, NOW_MS))),
        cves=draw(st.sampled_from([(), ("CVE-2026-1",)])),
        bugs=draw(st.sampled_from([(), ("77",)])),
        repository=draw(st.sampled_from(["", "base"])),
    )


@st.composite
def hosts(draw):
    found = []
    for name in draw(st.lists(WORDS, unique=True)):
        newer = draw(st.lists(patches(name), max_size=3))
        numbered = tuple(each._replace(version=f"2.{n}") for n, each in enumerate(newer))
        found.append(Package(draw(patches(name)), numbered, 1, draw(st.booleans()), draw(st.booleans())))
    return Host(draw(st.sampled_from([APT, RPM, ZYPP, APK])), "X1", tuple(found))


# A rule waits some days or goes up to a day: the server refuses one with both.
DAYS = st.one_of(
    st.tuples(st.integers(0, 360), st.none()),
    st.tuples(st.none(), st.integers(TODAY - 400, TODAY)),
    st.just((None, None)),
)
RULES = st.builds(
    lambda filters, level, days, with_non_security: Rule(filters, level, *days, with_non_security),
    FILTERS,
    st.sampled_from(LEVELS),
    DAYS,
    st.booleans(),
)
BASELINES = st.builds(
    Baseline,
    id=st.just("pb"),
    global_filters=FILTERS,
    rules=st.lists(RULES, max_size=3).map(tuple),
    approved=st.lists(PATTERNS, max_size=3).map(tuple),
    approved_level=st.sampled_from(LEVELS),
    approved_with_non_security=st.booleans(),
    rejected=st.lists(PATTERNS, max_size=2).map(tuple),
    rejected_action=st.sampled_from([BLOCK, "ALLOW_AS_DEPENDENCY"]),
)


@given(hosts(), BASELINES)
def test_what_is_rejected_is_never_a_target(host, baseline):
    for verdict in selection.select(host, baseline, NOW_MS):
        if verdict.target is not None:
            assert not names.rejects(baseline.rejected, verdict.target.patch, host.family)


@given(hosts(), BASELINES)
def test_the_target_is_the_newest_that_is_approved(host, baseline):
    for verdict in selection.select(host, baseline, NOW_MS):
        approved = [each.patch for each in verdict.choices if each.decision == APPROVED]
        assert (verdict.target.patch if verdict.target else None) == (approved[-1] if approved else None)
        assert [each.patch for each in verdict.choices] == list(verdict.package.newer)


@given(hosts(), BASELINES)
def test_without_non_security_nothing_else_is_approved(host, baseline):
    strict = baseline._replace(
        rules=tuple(rule._replace(with_non_security=False) for rule in baseline.rules),
        approved_with_non_security=False,
    )
    for verdict in selection.select(host, strict, NOW_MS):
        for choice in verdict.choices:
            if choice.decision == APPROVED:
                assert selection._is_within_security(choice.patch, host.family)


@given(hosts(), BASELINES)
def test_more_rules_never_approve_less(host, baseline):
    fewer = baseline._replace(rules=baseline.rules[:-1])
    for less, more in zip(
        selection.select(host, fewer, NOW_MS), selection.select(host, baseline, NOW_MS), strict=True
    ):
        for before, after in zip(less.choices, more.choices, strict=True):
            assert before.decision != APPROVED or after.decision == APPROVED
            assert LEVELS.index(after.level) >= LEVELS.index(before.level) or before.decision != APPROVED


@given(hosts(), BASELINES, st.integers(0, 360))
def test_time_only_approves_more(host, baseline, days):
    later = selection.select(host, baseline, NOW_MS + days * selection.DAY_MS)
    for before, after in zip(selection.select(host, baseline, NOW_MS), later, strict=True):
        for now, then in zip(before.choices, after.choices, strict=True):
            assert now.decision != APPROVED or then.decision == APPROVED


@given(hosts(), BASELINES)
def test_what_is_promised_for_a_day_is_approved_on_that_day(host, baseline):
    for verdict in selection.select(host, baseline, NOW_MS):
        for number, choice in enumerate(verdict.choices):
            if choice.decision != PENDING:
                continue
            promised = choice.reason.rsplit(" ", 1)[1]
            due_ms = selection._EPOCH.fromisoformat(promised).toordinal() - selection._EPOCH.toordinal()
            one = Host(host.family, host.product, (verdict.package,))
            (then,) = selection.select(one, baseline, due_ms * selection.DAY_MS)
            assert then.choices[number].decision == APPROVED


@given(hosts(), BASELINES)
def test_apt_knows_no_delay(host, baseline):
    debian = host._replace(family=APT)
    for verdict in selection.select(debian, baseline, NOW_MS):
        assert all(choice.decision != PENDING for choice in verdict.choices)


@given(hosts(), BASELINES, st.booleans(), st.data())
def test_every_package_has_one_state_and_the_counts_add_up(host, baseline, is_install, data):
    verdicts = selection.select(host, baseline, NOW_MS)
    there = [package.current.identity for package in host.packages]
    tried = set(data.draw(st.lists(st.sampled_from(there)))) if there and is_install else None
    pending = {package.current.identity: package.current.version for package in host.packages[:1]}
    rows = states.rows(verdicts, baseline.rejected_action, states.Deeds(pending, tried))
    assert [row.patch.identity for row in rows] == there
    assert sum(states.counts(rows).values()) == len(rows)
    critical, security, other = states.non_compliant_counts(rows)
    wrong = [row for row in rows if not row.is_compliant]
    # An installation begins with what is half installed.
    half = {package.current.identity for package in host.packages if package.is_broken}
    assert other <= len(wrong) <= critical + security + other
    assert bool(states.worst_level(rows)) == bool(wrong)
    for row in rows:
        was_tried = is_install and (row.patch.identity in tried or row.patch.identity in half)
        assert row.state != FAILED or was_tried, "what was never tried has not failed"
        assert row.state != MISSING or tried is None or row.patch.identity not in tried
        assert row.state != INSTALLED_REJECTED or baseline.rejected_action == BLOCK
        assert row.state != INSTALLED_PENDING_REBOOT or row.patch.identity in pending


@settings(max_examples=300)
@given(st.text("ab*.[", max_size=6), st.text("ab*.[", max_size=8))
def test_a_star_is_the_only_special_character(pattern, text):
    def slowly(pattern, text):
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(slowly(pattern[1:], text[n:]) for n in range(len(text) + 1))
        return bool(text) and text[0] == pattern[0] and slowly(pattern[1:], text[1:])

    assert names.matches(pattern, text) == slowly(pattern, text)
