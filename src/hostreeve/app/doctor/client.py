"""The operator's side: settings, the way to the server, credentials, and whether nodes are there."""

from collections import Counter
from collections.abc import Callable, Iterator
from urllib.request import getproxies

from hostreeve.app.doctor.findings import Finding, ok, warning, wrong
from hostreeve.app.doctor.transport import looked_at
from hostreeve.cli.client import Client
from hostreeve.cli.settings import Settings
from hostreeve.cli.trouble import Trouble
from hostreeve.kernel.world import World


def examined(make_settings: Callable[[], Settings], world: World) -> Iterator[Finding]:
    """Everything between an operator's shell and the nodes."""
    try:
        settings = make_settings()
    except Trouble as trouble:
        yield wrong("profile", trouble.message, trouble.next_step)
        return
    whole = True
    for finding in _settings(settings):
        whole = whole and finding.verdict != "wrong"
        yield finding
    try:
        url, ca_bundle = settings.endpoint("ssm"), settings.ca_bundle()
    except Trouble:
        return
    for finding in looked_at(url, ca_bundle, world):
        whole = whole and finding.verdict != "wrong"
        yield finding
    if whole:
        yield from _service(settings, world)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield _asked("Region", settings.region)
    yield _asked("credentials", lambda: f"{settings.keys().access_key_id} from {settings.keys().source}")
    yield _asked("address", lambda: settings.endpoint("ssm"))
    yield _asked("authority", lambda: str(settings.ca_bundle() or "the system's"))
    environ = settings.environ
    regions = {environ[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if environ.get(name)}
    if len(regions) > 1:
        yield warning(
            "Region",
            f"AWS_REGION and AWS_DEFAULT_REGION differ ({', '.join(sorted(regions))}), "
            "and programs disagree on which one counts",
            "unset AWS_REGION",
        )
    if environ.get("AWS_SESSION_TOKEN") and environ.get("AWS_ACCESS_KEY_ID", "").startswith("AKIA"):
        yield wrong(
            "credentials",
            "AWS_SESSION_TOKEN is set beside a permanent access key, which has none",
            "unset AWS_SESSION_TOKEN",
        )
    if environ.get("AWS_ENDPOINT_URL_SSM") and environ.get("AWS_ENDPOINT_URL"):
        yield warning("address", "AWS_ENDPOINT_URL_SSM outranks AWS_ENDPOINT_URL", "unset one of them")
    proxy = getproxies().get("https")
    if proxy:
        yield warning("proxy", f"requests may go through {proxy}", "Put the server's host into NO_PROXY.")


def _asked(subject: str, ask: Callable[[], str]) -> Finding:
    try:
        return ok(subject, ask())
    except Trouble as trouble:
        return wrong(subject, trouble.message, trouble.next_step)


def _service(settings: Settings, world: World) -> Iterator[Finding]:
    client = Client(settings, world, timeout_s=10)
    try:
        try:
            yield ok("identity", client.caller().get("Arn", "unknown"))
        except Trouble as trouble:
            yield wrong("identity", trouble.message, trouble.next_step)
            return
        yield _nodes(client)
    finally:
        client.close()


def _nodes(client: Client) -> Finding:
    try:
        found = client.pages("ssm", "DescribeInstanceInformation", "InstanceInformationList", MaxResults=50)
        counts = Counter(str(node.get("PingStatus")) for node in found)
    except Trouble as trouble:
        return wrong("nodes", trouble.message, trouble.next_step)
    if not counts:
        return warning(
            "nodes", "none in this account and Region", "`hostreeve activate` prints how to enrol one."
        )
    told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    if not counts["Online"]:
        return warning("nodes", told, "On a node: hostreeve doctor --agent-state DIR")
    return ok("nodes", told)
