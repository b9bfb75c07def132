"""Event streams are what botocore's own parser reads."""

from __future__ import annotations

import json
from typing import Any

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from local_aws import event_stream


@given(payloads=st.lists(st.binary(max_size=2000)), cut=st.integers(min_value=1, max_value=50))
def test_events_come_back_one_by_one_however_the_bytes_are_cut(payloads: list[bytes], cut: int) -> None:
    sent = b"".join(event_stream.event("PayloadPart", payload) for payload in payloads)
    buffer = EventStreamBuffer()
    for start in range(0, len(sent), cut):
        buffer.add_data(sent[start : start + cut])

    read: Any = list(buffer)

    assert [each.payload for each in read] == payloads
    assert all(each.headers[":event-type"] == "PayloadPart" for each in read)
    assert all(each.headers[":message-type"] == "event" for each in read)


def test_an_exception_has_its_members_as_json() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(event_stream.exception("ModelStreamError", {"ErrorCode": "StreamBroken", "Message": "gone"}))

    read: Any = list(buffer)
    (message,) = read

    assert message.headers[":exception-type"] == "ModelStreamError"
    assert message.headers[":message-type"] == "exception"
    assert json.loads(message.payload) == {"ErrorCode": "StreamBroken", "Message": "gone"}
