"""What went wrong, as the caller is told it: an AWS error, in the protocol that the caller speaks."""

import logging

from hostreeve.api.errors import AwsError, common
from hostreeve.api.service_models import Service
from hostreeve.gateway import protocols
from hostreeve.gateway.http import HttpRequest, HttpResponse
from hostreeve.gateway.routing import Route, Router
from hostreeve.persistence.errors import StorageFull, StoreContended, StoreUnavailable

log = logging.getLogger("hostreeve.gateway")


def as_aws_error(wrong: Exception, request_id: str) -> AwsError:
    """What the caller is told; the log has the rest."""
    named = {"request_id": request_id}
    if isinstance(wrong, AwsError):
        return wrong
    if isinstance(wrong, (StorageFull, StoreUnavailable, StoreContended)):
        log.error("the store refused: %s", wrong, extra=named)
        unavailable: AwsError = common.ServiceUnavailable(f"Nothing was changed. {wrong}")
        return unavailable
    log.error("unforeseen error", exc_info=wrong, extra=named)
    text = "The server met an error of its own. Its log names this request id."
    failure: AwsError = common.InternalFailure(text)
    return failure


def error_answer(
    route: Route | None, router: Router, error: AwsError, http: HttpRequest, request_id: str
) -> HttpResponse:
    """The answer, for a request of which no operation may have been found."""
    if route is not None:
        return protocols.write_error(route.service, error, request_id, route.protocol)
    found: tuple[Service | None, str] = router.spoken(http)
    return protocols.write_error(found[0], error, request_id, found[1])
