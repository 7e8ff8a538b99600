"""The binary frame, against bytes captured from the official agent and against garbage."""

from __future__ import annotations

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostreeve.contract.frames import AgentMessage, decode, new

CAPTURED = bytes.fromhex(
    "00000074616765"
    "6e745f6a6f625f61636b20202020202020202020202020202020202020"
    "00000001000001a203df890c000000000000000000000000000000008f0ce6445c244779292f70fb00604a43"
    "f81f9b16581a72899bd8326299b74085fcab1ca7419e5769fd54f5392d1cabd900000000000000e4"
    "7b226a6f624964223a226177732e73736d2e66303962356461312d613937302d343833352d383636642d3266653766613837623335362e"
    "6d692d3061316232633364346535663630373138222c2261636b6e6f776c65646765644d6573736167654964223a2262396236373137342d"
    "666461652d346430612d613662622d323161326636363465636636222c226372656174656444617465223a22323032362d31312d32325431"
    "353a32383a33302e3938365a222c22737461747573436f6465223a22323030222c226572726f724d657373616765223a2253756363657373"
    "66756c227d"
)


def test_a_frame_captured_from_the_official_agent_is_read_and_written_to_the_byte():
    message = decode(CAPTURED)
    assert message.message_type == "agent_job_ack"
    assert message.message_id == "292f70fb-0060-4a43-8f0c-e6445c244779"
    assert message.created_ms == 1795361310988
    assert message.payload.startswith(b'{"jobId":"aws.ssm.f09b5da1-')
    assert message.encode() == CAPTURED


@given(
    st.builds(
        AgentMessage,
        message_type=st.sampled_from(["agent_job", "output_stream_data", "x" * 32]),
        payload=st.binary(min_size=1, max_size=300),
        message_id=st.uuids().map(str),
        created_ms=st.integers(1, 2**63),
        sequence=st.integers(-(2**63), 2**63 - 1),
        flags=st.integers(0, 3),
        payload_type=st.integers(0, 12),
        schema_version=st.just(1),
    )
)
def test_what_is_encoded_decodes_to_itself_and_carries_its_digest(message):
    frame = message.encode()
    assert decode(frame) == message
    assert frame[80:112] == hashlib.sha256(message.payload).digest()


@given(st.binary(min_size=16, max_size=16))
def test_a_new_message_has_a_random_uuid(chance):
    message = decode(new("agent_job", b"{}", chance, 5))
    found = uuid.UUID(message.message_id)
    assert (found.version, found.variant) == (4, uuid.RFC_4122)
    assert message == AgentMessage("agent_job", b"{}", str(found), 5)


@given(st.binary(max_size=400))
def test_garbage_is_a_value_error_and_nothing_worse(garbage):
    try:
        decode(garbage)
    except ValueError:
        return
    assert garbage[:4] == b"\x00\x00\x00\x74"


@pytest.mark.parametrize(
    "change",
    [
        {"payload": b""},
        {"message_type": ""},
        {"message_type": "y" * 33},
        {"message_id": "no"},
        {"created_ms": -1},
    ],
)
def test_what_does_not_fit_is_refused(change):
    fields = {
        "message_type": "a",
        "payload": b"x",
        "message_id": str(uuid.UUID(int=1)),
        "created_ms": 1,
        **change,
    }
    with pytest.raises(ValueError):
        AgentMessage(**fields).encode()
