"""Model servers over HTTP: each is asked in its own way, and what goes wrong is one line."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from model_server import Asked, ModelServer, Reply, nobody, serving

from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke.payload import Payload, json_payload
from constructs_lib.tools.invoke.servers import PROTOCOLS
from constructs_lib.tools.invoke.target import Target

ROWS = Payload(body=b"1,2\n3,4\n", content_type="text/csv")


def client(protocol: str, server: ModelServer, **choices: Any) -> Target:
    given = {"model": "demo", "version": None, "token": None, "timeout": 60.0, **choices}
    return PROTOCOLS[protocol].at(server.url, **given)


def always(body: bytes, **more: Any) -> Callable[[Asked], Reply]:
    return lambda _: Reply(body, **more)


class TestTensorFlowServing:
    def test_the_books_request_is_sent_as_it_is(self) -> None:
        with serving(always(b'{"predictions": [2.5, 3.0, 4.5]}')) as server:
            answer = client("tensorflow-serving", server).call(json_payload({"instances": [1.0, 2.0, 5.0]}))

        (asked,) = server.asked
        assert (asked.method, asked.path) == ("POST", "/v1/models/demo:predict")
        assert json.loads(asked.body) == {"instances": [1.0, 2.0, 5.0]}
        assert answer.document() == {"predictions": [2.5, 3.0, 4.5]}

    def test_rows_become_instances_of_a_version(self) -> None:
        with serving(always(b'{"predictions": []}')) as server:
            client("tensorflow-serving", server, version="3").call(ROWS)

        (asked,) = server.asked
        assert asked.path == "/v1/models/demo/versions/3:predict"
        assert json.loads(asked.body) == {"instances": [[1, 2], [3, 4]]}

    def test_a_model_that_is_not_there_is_told_in_the_servers_words(self) -> None:
        gone = always(b'{"error": "Servable not found for request: Latest(demo)"}', status=404)
        with serving(gone) as server, pytest.raises(ToolError) as raised:
            client("tensorflow-serving", server).call(ROWS)

        address = f"{server.url}/v1/models/demo:predict"
        assert str(raised.value) == f"{address} answers 404 Not Found: Servable not found for request: Latest(demo)"

    def test_a_model_must_be_named(self) -> None:
        with (
            serving(always(b"")) as server,
            pytest.raises(ToolError, match=r"^which model\? Give its name on the serve"),
        ):
            client("tensorflow-serving", server, model=None).call(ROWS)

    def test_it_does_not_stream(self) -> None:
        with serving(always(b"")) as server, pytest.raises(ToolError, match=r"does not stream; leave --stream out$"):
            list(client("tensorflow-serving", server).stream(ROWS))


@pytest.mark.parametrize("protocol", ["torchserve", "multi-model-server"])
class TestPredictions:
    def test_the_body_goes_to_the_handler_as_it_is(self, protocol: str) -> None:
        with serving(always(b"[7]")) as server:
            answer = client(protocol, server, version="1.0", token="secret").call(ROWS)

        (asked,) = server.asked
        assert (asked.path, asked.body, asked.headers["content-type"]) == (
            "/predictions/demo/1.0",
            ROWS.body,
            "text/csv",
        )
        assert asked.headers["authorization"] == "Bearer secret"
        assert answer.document() == [7]

    def test_an_answer_streams(self, protocol: str) -> None:
        with serving(always(b"one\ntwo\n", content_type="text/plain")) as server:
            parts = list(client(protocol, server).stream(ROWS))

        assert b"".join(parts) == b"one\ntwo\n"

    def test_a_refused_token_is_told(self, protocol: str) -> None:
        refused = always(
            b'{"code": 400, "type": "InvalidKeyException", "message": "Token Authorization failed"}', status=400
        )
        with (
            serving(refused) as server,
            pytest.raises(ToolError, match=r"answers 400 Bad Request: Token Authorization f"),
        ):
            client(protocol, server).call(ROWS)


METADATA = {"name": "demo", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]}


class TestTriton:
    def server(self, metadata: object = None) -> Callable[[Asked], Reply]:
        infer = {"outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 1], "data": [3.0, 7.0]}]}

        def answer(asked: Asked) -> Reply:
            return Reply(json.dumps(infer if asked.method == "POST" else metadata or METADATA).encode())

        return answer

    def test_rows_become_the_models_only_input_in_its_type(self) -> None:
        with serving(self.server()) as server:
            answer = client("triton", server, version="2").call(ROWS)

        asked = server.asked[-1]
        assert asked.path == "/v2/models/demo/versions/2/infer"
        assert json.loads(asked.body)["inputs"] == [
            {"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1.0, 2.0, 3.0, 4.0]}
        ]
        assert answer.document() == {"predictions": [[3.0], [7.0]]}

    def test_a_request_of_its_own_kind_is_sent_as_it_is(self) -> None:
        with serving(self.server()) as server:
            client("triton", server).call(json_payload({"inputs": []}))

        assert [asked.method for asked in server.asked] == ["POST"]

    @pytest.mark.parametrize(
        ("inputs", "message"),
        [
            ([{"name": "a"}, {"name": "b"}], "'demo' has 2 inputs (a, b); give a JSON object with 'inputs'"),
            ([{"name": "a", "datatype": "BYTES"}], "'a' is of BYTES, which has no array; give JSON with 'inputs'"),
            ([{"name": "a", "datatype": "FP32"}], "'a' takes float32: could not convert string to float: "),
        ],
    )
    def test_inputs_that_no_array_fills_are_told(self, inputs: list[object], message: str) -> None:
        with serving(self.server({"inputs": inputs})) as server, pytest.raises(ToolError) as raised:
            client("triton", server).call(Payload(body=b"age,sex\n1,2\n", content_type="text/csv"))

        assert str(raised.value).startswith(message)

    def test_a_number_that_the_models_type_cannot_hold_is_told(self) -> None:
        inputs = {"inputs": [{"name": "a", "datatype": "INT64"}]}

        with serving(self.server(inputs)) as server, pytest.raises(ToolError, match=r"^'a' takes int64: .* too large"):
            client("triton", server).call(json_payload([10**30]))


class TestOpenAi:
    def server(self, asked: Asked) -> Reply:
        if asked.method == "GET":
            return Reply(b'{"data": [{"id": "Qwen/Qwen3-8B"}]}')
        if json.loads(asked.body).get("stream"):
            events: list[dict[str, Any]] = [{"choices": [{"delta": {"content": word}}]} for word in ("Hel", "lo")]
            events.append({"choices": [], "usage": {"total_tokens": 2}})
            text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
            return Reply(text.encode(), content_type="text/event-stream")
        return Reply(b'{"choices": [{"message": {"content": "Hello"}}]}')

    def test_text_is_one_message_to_the_model_that_it_serves(self) -> None:
        with serving(self.server) as server:
            client("vllm", server, model=None).call(Payload(body=b"Say hello", content_type="text/plain"))

        asked = server.asked[-1]
        assert asked.path == "/v1/chat/completions"
        assert json.loads(asked.body) == {
            "model": "Qwen/Qwen3-8B",
            "messages": [{"role": "user", "content": "Say hello"}],
        }

    def test_a_prompt_is_completed(self) -> None:
        with serving(self.server) as server:
            client("vllm", server).call(json_payload({"prompt": "Once", "max_tokens": 5}))

        (asked,) = server.asked
        assert (asked.path, json.loads(asked.body)["model"]) == ("/v1/completions", "demo")

    def test_words_stream_as_they_are_made(self) -> None:
        with serving(self.server) as server:
            parts = list(client("vllm", server).stream(json_payload({"messages": []})))

        assert parts == [b"Hel", b"lo"]

    def test_a_request_that_asks_nothing_is_refused(self) -> None:
        with (
            serving(self.server) as server,
            pytest.raises(ToolError, match=r"^the request has neither 'messages' nor "),
        ):
            client("vllm", server).call(json_payload({"text": "hello"}))


def test_a_container_with_sagemakers_contract_is_asked_for_one_of_its_models() -> None:
    with serving(always(b"1")) as server:
        client("sagemaker", server, model="fraud.tar.gz").call(ROWS)

    (asked,) = server.asked
    assert asked.path == "/invocations"
    assert asked.headers["x-amzn-sagemaker-target-model"] == "fraud.tar.gz"


@pytest.mark.parametrize("body", [b"ok", b"[]", b"null", b'{"inputs": 5, "outputs": 5, "data": []}'])
@pytest.mark.parametrize(
    ("protocol", "payload"),
    [
        ("triton", ROWS),
        ("triton", json_payload({"inputs": []})),
        ("vllm", Payload(body=b"Hello", content_type="text/plain")),
    ],
    ids=["a model's inputs", "an inference", "a server's models"],
)
def test_another_kind_of_servers_answer_is_told(protocol: str, payload: Payload, body: bytes) -> None:
    model = "demo" if protocol == "triton" else None
    with serving(always(body)) as server, pytest.raises(ToolError) as raised:
        client(protocol, server, model=model).call(payload)

    assert str(raised.value) == f"{server.url} gives another kind of server's answer; is --protocol right?"


class TestBrokenConnections:
    def test_a_connection_that_breaks_is_made_again(self) -> None:
        replies = iter([Reply(breaks=True), Reply(status=503), Reply(b"[1]")])
        with serving(lambda _: next(replies)) as server:
            answer = client("torchserve", server).call(ROWS)

        assert answer.body == b"[1]"
        assert [asked.body for asked in server.asked] == [ROWS.body] * 3

    def test_a_server_that_stays_away_is_given_up(self) -> None:
        with serving(lambda _: Reply(breaks=True)) as server, pytest.raises(ToolError) as raised:
            client("torchserve", server).call(ROWS)

        assert len(server.asked) == 4
        assert str(raised.value).startswith(f"{server.url}/predictions/demo cannot be reached: ")

    def test_a_slow_server_is_asked_once(self) -> None:
        def slow(_: Asked) -> Reply:
            asked.set()
            answered.wait()
            return Reply(breaks=True)

        asked, answered = threading.Event(), threading.Event()
        with serving(slow) as server:
            with pytest.raises(ToolError) as raised:
                client("sagemaker", server, timeout=0.2).call(ROWS)
            assert asked.wait(60)
            answered.set()

        assert (
            str(raised.value)
            == f"{server.url}/invocations has not answered within 0.2 seconds; give it more: --timeout"
        )
        assert len(server.asked) == 1

    def test_an_address_where_nobody_listens_is_told_in_one_line(self) -> None:
        refused = r"/predictions/demo cannot be reached: .*[Cc]onnection refused"

        with nobody() as address, pytest.raises(ToolError, match=refused) as raised:
            client("torchserve", ModelServer(f"http://{address}")).call(ROWS)
        assert "\n" not in str(raised.value)

    @pytest.mark.parametrize("status", [200, 500])
    @pytest.mark.parametrize(
        "ask", [lambda target: target.call(ROWS), lambda target: list(target.stream(ROWS))], ids=["call", "stream"]
    )
    def test_an_answer_that_breaks_off_is_told(self, ask: Callable[[Target], object], status: int) -> None:
        with serving(lambda _: Reply(b"half", status=status, lacks=95)) as server, pytest.raises(ToolError) as raised:
            ask(client("sagemaker", server))

        reason = "IncompleteRead(4 bytes read, 95 more expected)"
        assert str(raised.value) == f"{server.url}/invocations broke off: {reason}"

    def test_an_answer_that_is_not_compressed_as_it_says_is_told(self) -> None:
        wrong = Reply(b"plain", headers={"content-encoding": "gzip"})

        with serving(lambda _: wrong) as server, pytest.raises(ToolError, match=r"/invocations broke off: .*header ch"):
            client("sagemaker", server).call(ROWS)

    def test_an_answer_may_be_compressed(self) -> None:
        squeezed = Reply(gzip.compress(b"[1]"), headers={"content-encoding": "gzip"})

        with serving(lambda _: squeezed) as server:
            assert client("sagemaker", server).call(ROWS).body == b"[1]"

    def test_a_server_that_has_moved_says_where(self) -> None:
        moved = Reply(b"", status=307, headers={"location": "http://elsewhere:8080/invocations"})

        with serving(lambda _: moved) as server, pytest.raises(ToolError) as raised:
            client("sagemaker", server).call(ROWS)

        told = "it has moved to http://elsewhere:8080/invocations; give the address there"
        assert str(raised.value) == f"{server.url}/invocations answers 307 Temporary Redirect: {told}"
        assert len(server.asked) == 1

    def test_a_server_without_tls_is_told_in_words(self) -> None:
        with serving(always(b"")) as server, pytest.raises(ToolError) as raised:
            client("sagemaker", ModelServer(server.url.replace("http:", "https:"))).call(ROWS)

        assert " cannot be reached: [SSL: WRONG_VERSION_NUMBER] wrong version number" in str(raised.value)

    def test_what_steers_a_terminal_is_not_passed_on(self) -> None:
        with serving(always(b"\x1b[31mred", status=400)) as server, pytest.raises(ToolError) as raised:
            client("sagemaker", server).call(ROWS)

        assert str(raised.value) == f"{server.url}/invocations answers 400 Bad Request: ?[31mred"

    def test_what_is_no_address_is_told(self) -> None:
        nowhere = ModelServer("http://")

        with pytest.raises(ToolError, match=r"^'http:/.*' is no address; give one such as http://localhost:8501$"):
            client("torchserve", nowhere).call(ROWS)

    def test_a_server_that_stays_busy_is_told(self) -> None:
        with (
            serving(always(b"starting", status=503)) as server,
            pytest.raises(ToolError, match=r"answers 503 Service U"),
        ):
            client("torchserve", server).call(ROWS)
