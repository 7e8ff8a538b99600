"""The job payloads: what one side writes, the other reads; garbage is a ValueError."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.contract import jobs

JOB = "aws.ssm.f09b5da1-a970-4835-866d-2fe7fa87b356.mi-0a1b2c3d4e5f60718"


def test_a_job_without_extensions_is_exactly_what_the_official_agent_expects():
    job = jobs.AgentJob(JOB, "aws.ssm.sendCommand.us-east-1", "{}")
    assert json.loads(job.encode()) == {
        "SchemaVersion": 1,
        "JobId": JOB,
        "Topic": "aws.ssm.sendCommand.us-east-1",
        "Content": "{}",
    }


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (jobs.AgentJob(JOB, "t", "c", stream_output=True, expires_ms=5), jobs.read_agent_job),
        (jobs.JobReply(JOB, "{}"), jobs.read_job_reply),
        (jobs.ReplyAck(JOB, "m"), jobs.read_reply_ack),
        (jobs.OutputChunk(JOB, "s", "stdout", 7, b"\0\xffx"), jobs.read_output_chunk),
        (jobs.OutputAck(JOB, "s", "stderr", 9), jobs.read_output_ack),
        (jobs.Opening("t", "r", "0.1", "linux", "0.1", ("output",)), jobs.read_opening),
    ],
)
def test_what_one_side_writes_the_other_reads(value, read):
    assert read(value.encode()) == value


def test_an_acknowledgement_names_the_frame_by_its_time_in_milliseconds():
    ack = jobs.JobAck(JOB, "b9b67174-fdae-4d0a-a6bb-21a2f664ecf6", 1795361310986)
    assert json.loads(ack.encode()) == {
        "jobId": JOB,
        "acknowledgedMessageId": "b9b67174-fdae-4d0a-a6bb-21a2f664ecf6",
        "createdDate": "2026-11-22T15:28:30.986Z",
        "statusCode": "200",
        "errorMessage": "Successful",
    }
    assert jobs.read_job_ack(ack.encode()).code == jobs.ACK_SUCCESSFUL


def test_the_official_agents_opening_announces_no_extension():
    opening = jobs.read_opening(
        '{"Cookie":null,"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"t","AgentVersion":"3.3.0.0",'
        '"PlatformType":"linux"}'
    )
    assert (opening.agent_version, opening.extensions) == ("3.3.0.0", ())


def test_a_job_id_gives_its_command_and_node():
    assert jobs.job_id(jobs.command_id_of(JOB), jobs.node_id_of(JOB)) == JOB


@pytest.mark.parametrize("wrong", ["", "aws.ssm.x", "aws.ssm..mi-1", "a.b.c.d", "aws.ssm.c."])
def test_a_job_id_of_another_form_is_refused(wrong):
    with pytest.raises(ValueError):
        jobs.command_id_of(wrong)


READERS = [
    jobs.read_agent_job,
    jobs.read_job_ack,
    jobs.read_job_reply,
    jobs.read_reply_ack,
    jobs.read_output_chunk,
    jobs.read_output_ack,
    jobs.read_opening,
    jobs.read_cancel_content,
]
MEMBERS = [
    "JobId",
    "Topic",
    "Content",
    "Hostreeve",
    "jobId",
    "stepId",
    "stream",
    "offset",
    "data",
    "TokenValue",
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=8),
)


@pytest.mark.parametrize("read", READERS)
@given(value=ANYTHING.map(json.dumps) | st.binary(max_size=40) | st.just("[" * 100_000))
def test_garbage_is_a_value_error_and_nothing_worse(read, value):
    with contextlib.suppress(ValueError):
        read(value)
