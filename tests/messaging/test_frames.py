"""Frames that are written by hand for speed say what the contract's own writers say."""

import pytest

from hostreeve.contract import jobs as wire
from hostreeve.contract.frames import decode
from hostreeve.messaging import frames
from hostreeve.messaging.model import Delivery
from tests.messaging.fake_agent import NODE, job

MESSAGE = "b9b67174-fdae-4d0a-a6bb-21a2f664ecf6"


def test_a_reply_ack_is_the_contracts(world):
    frame = decode(frames.reply_ack(job(1).job_id, MESSAGE, world))
    assert frame.payload == wire.ReplyAck(job(1).job_id, MESSAGE).encode()
    assert frame.message_type == wire.AGENT_JOB_REPLY_ACK


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("content", ["{}", '{"a":"é\\u0001\\\\ \U0001f600"}', '"' * 50])
def test_a_job_is_the_contracts(world, extended, content):
    posted = job(1, extra='{"StreamOutput":true}')
    delivery = Delivery(NODE, posted.job_id, posted.topic, "c", posted.extra, 99, 1, 1)
    frame = decode(frames.job(delivery, frames.json_text(content), world, extended=extended))
    expected = wire.AgentJob(
        posted.job_id, posted.topic, content, stream_output=extended, expires_ms=99 if extended else 0
    )
    assert wire.read_agent_job(frame.payload) == expected


@pytest.mark.parametrize(
    "job_id",
    ["", "aws.ssm", "aws.ssm.c", "aws.ssm.c.", "aws.ssm..mi-1", "x.ssm.c.mi-0a1b", 'aws.ssm.".mi-0a1b',
     "aws.ssm.c.mi-0a1b\n", "aws.ssm.\0.mi-0a1b", "aws.ssm.c.mi-0é1b", "aws.ssm." + "c" * 300 + ".mi-0a1b"],
)  # fmt: skip
def test_what_is_no_job_id_is_refused(job_id):
    with pytest.raises(ValueError, match="job id"):
        frames.node_of(job_id)


def test_the_node_of_a_job_id_is_its_last_part():
    assert frames.node_of(f"aws.ssm.c.d.{NODE}") == NODE
