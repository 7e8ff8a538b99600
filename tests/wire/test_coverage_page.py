"""The page that says which operations there are says what is registered."""

import re

from tools.coverage_page import SERVICES, page

from hostreeve.api.operations import Operations, anything, join
from hostreeve.api.service_models import service
from hostreeve.gateway.routing import KNOWN


def test_the_page_counts_and_names_what_is_registered():
    ssm = Operations("ssm")
    ssm.reads("GetParameter", on=anything)(lambda call, request: {})
    text = page(join([ssm]))
    known = len(service("ssm").operation_names)
    assert f"(`ssm`) | {known} | 1 | {known - 1} |" in text
    assert "There (1): `GetParameter`." in text
    assert re.search(r"Not yet \(\d+\): .*`PutParameter`", text)


def test_the_page_has_every_service_that_is_routed():
    assert set(SERVICES) == set(KNOWN)
