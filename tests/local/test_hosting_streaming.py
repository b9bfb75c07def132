"""A host of the PyTorch image passes on the parts of an answer that a handler sends as TorchServe has it."""

from __future__ import annotations

import http.client

import pytest
from gate import Gate
from model_hosts import Hosts, connection, gated, invoke

from local_aws.hosting import Host, HostFailedError

COUNTING = """
import os
from ts.context import Context
from ts.{module} import send_intermediate_predict_response

def model_fn(model_dir):
    return ["one ", "two ", "three "]

def input_fn(body, content_type):
    return body.decode()

def predict_fn(asked, model, context: Context):
    if asked == "whole":
        return "all"
    context.set_response_content_type(0, "text/event-stream")
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "counted=3")
    for part in model:
        send_intermediate_predict_response([part], context.request_ids, "OK", 200, context)
        GATE.enter()
        if asked == "fail":
            raise ValueError("lost count")
        if asked == "die":
            os._exit(3)
    return ""

def output_fn(prediction, accept):
    return prediction, "text/plain"
"""


def start(hosts: Hosts, gate: Gate, module: str = "handler_utils.utils") -> Host:
    return hosts.start(gated(gate, COUNTING.format(module=module)))


@pytest.mark.parametrize("module", ["handler_utils.utils", "protocol.otf_message_handler"])
def test_a_part_is_there_before_the_handler_has_made_the_next(hosts: Hosts, gate: Gate, module: str) -> None:
    host = start(hosts, gate, module)

    with connection(host) as asking:
        asking.request("POST", "/invocations", b"count", {"Content-Type": "text/plain"})
        answer = asking.getresponse()
        first = answer.read1(100)
        assert not (gate.directory / "open").exists()
        gate.open()
        rest = answer.read()

    assert (first, rest) == (b"one ", b"two three ")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "counted=3"
    assert answer.headers["transfer-encoding"] == "chunked"


def test_a_connection_is_kept_after_parts_and_after_a_whole_answer(hosts: Hosts, gate: Gate) -> None:
    gate.open()
    host = start(hosts, gate)

    with connection(host) as asking:
        answers = []
        for body in (b"count", b"whole", b"count"):
            asking.request("POST", "/invocations", body, {"Content-Type": "text/plain"})
            answers.append(asking.getresponse().read())
        asking.request("POST", "/invocations", b"", {"Content-Length": "-1"})
        refused = asking.getresponse()

    assert answers == [b"one two three ", b"all", b"one two three "]
    assert (refused.status, refused.headers["transfer-encoding"]) == (400, None)


def test_an_error_in_the_midst_is_the_last_part_as_torchserve_has_it(hosts: Hosts, gate: Gate) -> None:
    gate.open()

    answer = invoke(start(hosts, gate), b"fail", "text/plain")

    assert answer.status == 200
    assert answer.text.startswith("one lost count\nTraceback")
    assert hosts.log_has("ValueError: lost count")


def test_a_process_that_ends_in_the_midst_breaks_the_answer_off(hosts: Hosts, gate: Gate) -> None:
    gate.open()

    with pytest.raises(http.client.IncompleteRead) as caught:
        invoke(start(hosts, gate), b"die", "text/plain")

    assert caught.value.partial == b"one "


def test_an_own_container_has_no_torchserve(hosts: Hosts, gate: Gate) -> None:
    host = hosts.make(gated(gate, COUNTING.format(module="handler_utils.utils")), image="example/mine:1")

    with pytest.raises(HostFailedError, match="No module named 'ts'"):
        host.start()
