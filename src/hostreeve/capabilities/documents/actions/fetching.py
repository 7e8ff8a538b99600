"""Fetching attachments: copied from where they are to where we keep them, and checked on the way."""

import asyncio
import hashlib
from collections.abc import Iterator
from functools import partial

from msgspec import structs

from hostreeve.api.call import Sealer
from hostreeve.api.errors import AwsError
from hostreeve.capabilities.documents.actions.attaching import bucket_for
from hostreeve.capabilities.documents.actions.changing import tell_of_latest
from hostreeve.capabilities.documents.model.document import ACTIVE, FAILED, Attachment, DocumentVersion
from hostreeve.capabilities.documents.model.limits import quota
from hostreeve.capabilities.documents.store import attachments, documents
from hostreeve.capabilities.documents.store.attachments import Wanted
from hostreeve.kernel.scope import Scope
from hostreeve.kernel.world import World
from hostreeve.persistence.database import Database, Transaction
from hostreeve.platform import objects


class Unfetched(Exception):
    """A file that cannot be had; the text becomes the version's StatusInformation."""


class Fetcher:
    """Makes versions with attachments ready, one at a time. What a crash leaves half done is done again."""

    def __init__(self, database: Database, world: World, keys: Sealer) -> None:
        self._database = database
        self._world = world
        self._keys = keys

    async def conclude(self, document: DocumentVersion) -> None:
        """Fetch all of its files: the version becomes Active, or Failed with the reason."""
        scope = Scope(document.owner, document.arn.split(":")[3])
        name, version = document.name, document.version
        status, why = ACTIVE, ""
        try:
            for wanted in await self._database.read(partial(_wanted, scope=scope, document=document)):
                await self._fetch(scope, document, wanted)
        except Unfetched as wrong:
            status, why = FAILED, str(wrong)

        def unit(tx: Transaction) -> None:
            documents.conclude(tx, scope, name, version, status=status, why=why)
            if version == document.latest_version:
                tell_of_latest(tx, scope, structs.replace(document, status=status), self._world.now_ms())

        await self._database.write(unit)

    async def _fetch(self, scope: Scope, document: DocumentVersion, wanted: Wanted) -> None:
        where = f"s3://{wanted.source_bucket}/{wanted.source_key}"
        try:
            found = await self._database.read(
                lambda tx: objects.read(tx, scope, wanted.source_bucket, wanted.source_key)
            )
        except AwsError as refused:
            raise Unfetched(f"{where} cannot be read: {refused.code}.") from None
        if found is None:
            raise Unfetched(f"{where} does not exist.")
        size_bytes, most = found.found.size_bytes, quota("document-attachment-bytes")
        if size_bytes > most:
            raise Unfetched(f"{where} has {size_bytes} bytes; an attachment has at most {most}.")
        digest = hashlib.sha256()
        content = await asyncio.to_thread(objects.keep, self._world, _watched(found, digest))
        sha256 = digest.hexdigest()
        if wanted.claimed and wanted.claimed != sha256:
            raise Unfetched(
                f"The SHA-256 of {wanted.file} is {sha256}, not the {wanted.claimed} of the manifest."
            )
        key = f"{scope.account}/{self._world.hex(32)}/{wanted.file}"

        def unit(tx: Transaction) -> None:
            if wanted not in attachments.wanted(tx, scope, document.name, document.version):
                # The version is gone, or another replica was faster; the bytes are swept away.
                return
            owner, bucket = bucket_for(tx, self._keys, self._world, scope.region)
            objects.put(tx, owner, bucket, key, content, now_ms=self._world.now_ms())
            kept = Attachment(wanted.file, size_bytes, sha256, bucket, key)
            attachments.keep(tx, scope, (document.name, document.version), kept)

        await self._database.write(unit)


def _wanted(tx: Transaction, scope: Scope, document: DocumentVersion) -> list[Wanted]:
    return attachments.wanted(tx, scope, document.name, document.version)


def _watched(found: objects.Stored, digest: "hashlib._Hash") -> Iterator[bytes]:
    for chunk in found.chunks():
        digest.update(chunk)
        yield chunk
