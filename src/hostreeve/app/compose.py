"""The composition root: every part of the system, in one reading. Order matters here and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from hostreeve.api.call import Sealer
from hostreeve.api.operations import Operation, join
from hostreeve.app import pages, patching
from hostreeve.app.authority import PlatformAuthority
from hostreeve.capabilities import (
    associations,
    automations,
    calendars,
    commands,
    compliance,
    documents,
    inventory,
    nodes,
    parameters,
    patches,
    windows,
)
from hostreeve.capabilities.associations import operations as associations_operations
from hostreeve.capabilities.associations import worker as associations_worker
from hostreeve.capabilities.automations import operations as automations_operations
from hostreeve.capabilities.automations import worker as automations_worker
from hostreeve.capabilities.calendars import operations as calendars_operations
from hostreeve.capabilities.calendars import worker as calendars_worker
from hostreeve.capabilities.commands import operations as commands_operations
from hostreeve.capabilities.commands import worker as commands_worker
from hostreeve.capabilities.compliance import operations as compliance_operations
from hostreeve.capabilities.documents import operations as documents_operations
from hostreeve.capabilities.documents import worker as documents_worker
from hostreeve.capabilities.inventory import operations as inventory_operations
from hostreeve.capabilities.inventory import worker as inventory_worker
from hostreeve.capabilities.nodes import operations as nodes_operations
from hostreeve.capabilities.parameters import operations as parameters_operations
from hostreeve.capabilities.parameters import worker as parameters_worker
from hostreeve.capabilities.patches import operations as patches_operations
from hostreeve.capabilities.patches import worker as patches_worker
from hostreeve.capabilities.windows import operations as windows_operations
from hostreeve.capabilities.windows import worker as windows_worker
from hostreeve.gateway.asgi import Asgi, request_of
from hostreeve.gateway.pipeline import Pipeline
from hostreeve.gateway.record import Record
from hostreeve.gateway.routing import Router
from hostreeve.gateway.within import Within
from hostreeve.kernel.world import World
from hostreeve.messaging import mailbox
from hostreeve.messaging import operations as messaging_operations
from hostreeve.messaging.channels import Channels
from hostreeve.persistence.bus import Bus
from hostreeve.persistence.database import Database, open_database
from hostreeve.platform import audit, compute, groups, identity, kms, objects, organizations, settings
from hostreeve.platform.audit import operations as audit_operations
from hostreeve.platform.audit import worker as audit_worker
from hostreeve.platform.compute import operations as compute_operations
from hostreeve.platform.groups import operations as groups_operations
from hostreeve.platform.identity import operations as identity_operations
from hostreeve.platform.identity import worker as identity_worker
from hostreeve.platform.kms import operations as kms_operations
from hostreeve.platform.kms import worker as kms_worker
from hostreeve.platform.objects import operations as objects_operations
from hostreeve.platform.objects import worker as objects_worker
from hostreeve.platform.organizations import operations as organizations_operations
from hostreeve.platform.organizations import worker as organizations_worker
from hostreeve.platform.settings import operations as settings_operations
from hostreeve.sandbox.script import Endpoint
from hostreeve.scheduling.loop import Worker

GLOBAL_SERVICES = frozenset({"iam", "sts", "organizations"})

SCHEMAS = (
    "hostreeve.persistence",
    "hostreeve.platform.objects",
    "hostreeve.platform.settings",
    "hostreeve.platform.groups",
    "hostreeve.platform.identity",
    "hostreeve.platform.compute",
    "hostreeve.platform.kms",
    "hostreeve.platform.organizations",
    "hostreeve.platform.audit",
    "hostreeve.messaging",
    "hostreeve.capabilities.parameters",
    "hostreeve.capabilities.documents",
    "hostreeve.capabilities.calendars",
    "hostreeve.capabilities.nodes",
    "hostreeve.capabilities.compliance",
    "hostreeve.capabilities.inventory",
    "hostreeve.capabilities.commands",
    "hostreeve.capabilities.patches",
    "hostreeve.capabilities.automations",
    "hostreeve.capabilities.associations",
    "hostreeve.capabilities.windows",
)

OPERATIONS: Mapping[tuple[str, str], Operation] = join(
    [
        identity_operations.iam,
        identity_operations.sts,
        identity_operations.hostreeve,
        organizations_operations.organizations,
        organizations_operations.hostreeve,
        audit_operations.cloudtrail,
        audit_operations.hostreeve,
        settings_operations.ssm,
        groups_operations.ssm,
        groups_operations.resource_groups,
        groups_operations.tagging,
        compute_operations.ec2,
        kms_operations.kms,
        objects_operations.s3,
        messaging_operations.ec2messages,
        messaging_operations.ssmmessages,
        parameters_operations.ssm,
        documents_operations.ssm,
        calendars_operations.ssm,
        nodes_operations.ssm,
        compliance_operations.ssm,
        inventory_operations.ssm,
        inventory_operations.hostreeve,
        commands_operations.ssm,
        commands_operations.hostreeve,
        patches_operations.ssm,
        patches_operations.hostreeve,
        automations_operations.ssm,
        associations_operations.ssm,
        windows_operations.ssm,
    ]
)

settings.declare(documents.PUBLIC_SHARING, *parameters.SETTINGS, *automations.SETTINGS)
documents.announce("ChangeCalendar", calendars.follow)
for each in documents.ON_NODES:
    documents.announce(each, associations.document_changed, latest=associations.latest_changed)
documents.furnish(patches.LINE, patching.run_script)
parameters.announce(associations.parameter_changed)
groups.declare(*organizations.KINDS)
groups.declare(groups.KIND, compute.KIND, kms.KIND, nodes.TAGGABLE, documents.TAGGABLE, parameters.TAGGABLE)
groups.declare(automations.TAGGABLE, patches.TAGGABLE, associations.TAGGABLE, windows.TAGGABLE)
commands.follow(automations.OWNER, automations.command_ended)
commands.follow(associations.OWNER, associations.ended)
commands.follow(windows.OWNER, windows.ended)
automations.follow(automations.LOCATION, automations.child_ended)
automations.follow(associations.OWNER, associations.ended)
automations.follow(windows.OWNER, windows.ended)
groups.follow(associations.tags_changed)
nodes.announce_leaving(compliance.node_left, inventory.node_leaves, patches.node_left)
compliance.follow(inventory.complied)
inventory.follow_all(inventory.taken)
inventory.announce(patches.SUMMARY, patches.summary_reported)
compliance.ask_about_associations(associations.sync_modes)
identity.stand_under(organizations.Limits())
organizations.announce_closing(mailbox.hang_up)
groups.heed(organizations.tag_rules)


@dataclass(frozen=True)
class Config:
    """What one control plane needs to be told. `replica` names this process among others on the same
    database; `objects` is the folder that keeps the bytes of S3 objects, which are refused without one;
    `audit` is the folder of its journal, without which only what changes something is recorded."""

    database: str
    regions: frozenset[str]
    replica: str
    objects: Path | None = None
    audit: Path | None = None
    access_log: IO[bytes] | None = None
    about: pages.About = field(default_factory=pages.About)
    endpoint: Endpoint | None = None
    """Where scripts of runbooks reach this control plane."""


@dataclass(frozen=True)
class App:
    """The parts that a process runs: the ASGI callable for the port, and the workers beside it."""

    database: Database
    pipeline: Pipeline
    channels: Channels
    asgi: Asgi
    workers: list[Worker]
    record: Record
    auditor: audit.Auditor


def build(config: Config, world: World, keys: Sealer, bus: Bus | None = None) -> App:
    """Open the database (creating or migrating it) and put every part in its place. Nothing runs yet."""
    database = open_database(config.database, world, SCHEMAS, bus)
    if config.objects is not None:
        objects.keep_in(config.objects)
    compute.serve(config.regions)
    compute.report_to(nodes.machines)
    record = Record(config.access_log)
    auditor = audit.Auditor(audit.journal_in(config.audit, world) if config.audit else None, config.regions)
    pipeline = Pipeline(
        database=database,
        world=world,
        router=Router(),
        operations=OPERATIONS,
        authority=PlatformAuthority(keys),
        keys=keys,
        regions=config.regions,
        global_services=GLOBAL_SERVICES,
        record=record,
        audit=auditor,
    )
    listener = commands.NodeListener()
    messaging_operations.report_to(listener)
    channels = Channels(
        database=database,
        world=world,
        keys=keys,
        replica=config.replica,
        listener=listener,
        presence=nodes.NodePresence(associations.node_came),
        authenticate=lambda scope: pipeline.authenticate(
            request_of(scope), "ssmmessages", "OpenControlChannel"
        ),
    )
    record.tell(
        "hostreeve_audit_waiting_bytes", "Records of calls that wait for the disk.", auditor.waiting_bytes
    )
    record.watch(channels.counts, lambda: len(channels.hub))
    asgi = Asgi(
        pipeline,
        pages={**pages.served(config.about, database, record), **patching.served(database, keys, world)},
        sockets={"/v1/control-channel/": channels},
    )
    record.tell("hostreeve_bodies_bytes", "What bodies of requests hold.", lambda: asgi.bodies.held_bytes)
    record.count("hostreeve_bodies_refused", "Bodies without room.", lambda: asgi.bodies.refused)
    workers = [
        *identity_worker.workers(database),
        *kms_worker.workers(database, world, keys),
        *organizations_worker.workers(database, world, keys),
        *audit_worker.workers(database, world, auditor),
        *commands_worker.workers(database, world),
        *parameters_worker.workers(database, world),
        *calendars_worker.workers(database, world),
        *inventory_worker.workers(database, world),
        *patches_worker.workers(database, world),
        *automations_worker.workers(
            database, automations.House(world, keys, Within(pipeline), config.endpoint)
        ),
        *associations_worker.workers(database, world, keys),
        *windows_worker.workers(database, world, keys),
    ]
    if config.objects is not None:
        workers += documents_worker.workers(database, world, keys)
        workers += objects_worker.workers(database, world)
        workers += inventory_worker.syncing_workers(database, world)
    return App(database, pipeline, channels, asgi, workers, record, auditor)
