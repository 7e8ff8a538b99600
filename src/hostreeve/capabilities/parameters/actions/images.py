"""Parameters of the data type aws:ec2:image: taken at once, there when their image has been found.

Images are compute's. Until it says how to look one up, such a parameter is refused, naming what it waits for.
"""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from hostreeve.api.errors import AwsError
from hostreeve.capabilities.parameters.actions import keeping, telling
from hostreeve.capabilities.parameters.actions.reaching import error
from hostreeve.capabilities.parameters.model import values
from hostreeve.capabilities.parameters.model.parameter import Parameter
from hostreeve.capabilities.parameters.store import candidates
from hostreeve.capabilities.parameters.store import parameters as store
from hostreeve.capabilities.parameters.store.candidates import Candidate
from hostreeve.kernel.scope import Scope
from hostreeve.persistence.database import Transaction

ImageLookup = Callable[[Transaction, Scope, str], bool]
"""Whether the account has an image of that id in the Region, ready for use."""
NO_IMAGE = "Unable to Describe Resource"
"""AWS's words in the event."""

_lookup: list[ImageLookup] = []


def look_images_up(lookup: ImageLookup | None) -> None:
    """Say how this process looks images up; None: it cannot. Said once, where the program is composed."""
    _lookup[:] = [lookup] if lookup else []


def offer(tx: Transaction, made: Parameter, tags: Mapping[str, str], *, overwrites: bool) -> Parameter:
    """Keep a version until its image has been looked up; as it will be if all that wait are found.

    UnsupportedParameterType while there is nothing to look images up with.
    """
    if not _lookup:
        raise error.UnsupportedParameterType(
            f"The data type {values.IMAGE} is checked against images: it needs compute, which is not "
            "available yet."
        )
    number = max(made.version, candidates.newest(tx, made.scope, made.path) + 1)
    offered = replace(made, version=number)
    candidates.insert(tx, Candidate(offered, dict(tags), overwrites))
    return offered


def decide(tx: Transaction, candidate: Candidate, now_ms: int) -> bool:
    """Make the version if its image is there, else tell why not; False when another worker has done it."""
    if not candidates.delete(tx, candidate):
        return False
    made = candidate.parameter
    current = store.find(tx, made.scope, made.path)
    operation = "Update" if current else "Create"
    try:
        _keep(tx, candidate, current)
    except AwsError as refused:
        telling.not_validated(tx, made, operation, refused.message, now_ms)
    else:
        telling.changed(tx, made, operation, now_ms)
    return True


def _keep(tx: Transaction, candidate: Candidate, current: Parameter | None) -> None:
    """Those that waited before it may have failed, so that its number is known only now."""
    made = replace(candidate.parameter, version=current.version + 1 if current else 1)
    if not any(lookup(tx, made.scope, made.value.decode()) for lookup in _lookup):
        raise error.UnsupportedParameterType(NO_IMAGE)
    if current is None:
        keeping.create(tx, made, candidate.tags)
    elif candidate.overwrites:
        keeping.append(tx, made)
    else:
        raise error.ParameterAlreadyExists("The parameter already exists.")
