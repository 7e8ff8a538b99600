"""What agents ask before they look for a package among the documents."""

from typing import Any, NoReturn

from hostreeve.api.call import Call
from hostreeve.api.operations import anything
from hostreeve.capabilities.documents.actions.finding import error
from hostreeve.capabilities.documents.operations.service import ssm


@ssm.reads("GetManifest", on=anything)
def get_manifest(call: Call, request: dict[str, Any]) -> NoReturn:
    """The packages of AWS's own distribution are not here, and agents then take the document of that name.

    ResourceNotFoundException, always: with any other error the official agent gives up, and an answer
    without a manifest makes its plugin crash.
    """
    raise error.ResourceNotFoundException(
        f"There is no manifest of the package {request['PackageName'][:128]}."
    )
