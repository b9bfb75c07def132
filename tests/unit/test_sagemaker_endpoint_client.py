"""SageMaker endpoints from the caller's side: what is asked of AWS, and how its answers and refusals are told."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    EventStreamError,
    NoCredentialsError,
    ReadTimeoutError,
)

from constructs_lib.tools import aws as aws_calls
from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke.payload import Payload
from constructs_lib.tools.invoke.sagemaker_endpoint import ASYNC_BODY_MAX, BODY_MAX, SageMakerEndpoint

ROWS = Payload(body=b"1,2\n", content_type="text/csv")


class FakeAws:
    """SageMaker's runtime and S3, as far as a caller sees them."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.objects: dict[str, bytes] = {}
        self.refusal: Exception | None = None
        self.events: list[dict[str, Any] | Exception] = []
        self.answers_after = 0
        self.troubles: list[BaseException] = []
        self.missing = "NoSuchKey"

    def client(self, service: str) -> FakeAws:
        assert service in ("sagemaker-runtime", "s3")
        return self

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if self.refusal:
            raise self.refusal
        return {"Body": io.BytesIO(b"[1]"), "ContentType": "application/json", "InvokedProductionVariant": "Candidate"}

    def invoke_endpoint_with_response_stream(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        return {"Body": self._stream()}

    def _stream(self) -> Iterator[dict[str, Any]]:
        for event in self.events:
            if isinstance(event, Exception):
                raise event
            yield event

    def invoke_endpoint_async(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        return {"OutputLocation": "s3://answers/1.out", "FailureLocation": "s3://failures/1.out"}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        self.objects[f"{Bucket}/{Key}"] = Body
        self.content_type = ContentType

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if self.troubles:
            raise self.troubles.pop(0)
        self.answers_after -= 1
        if f"{Bucket}/{Key}" not in self.objects or self.answers_after > 0:
            raise refused(self.missing, "GetObject")
        return {"Body": io.BytesIO(self.objects[f"{Bucket}/{Key}"]), "ContentType": "text/csv"}


def refused(code: str, operation: str = "InvokeEndpoint", message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def endpoint(aws: FakeAws) -> Callable[..., SageMakerEndpoint]:
    return lambda **more: SageMakerEndpoint(name="digits", client=aws.client, **more)


Endpoint = Callable[..., SageMakerEndpoint]


class TestRealTime:
    def test_a_request_is_sent_and_its_answer_says_which_variant_gave_it(
        self, endpoint: Endpoint, aws: FakeAws
    ) -> None:
        answer = endpoint().call(ROWS)

        assert aws.asked == [{"EndpointName": "digits", "Body": b"1,2\n", "ContentType": "text/csv"}]
        assert (answer.body, answer.details) == (b"[1]", {"variant": "Candidate"})

    def test_what_inside_the_endpoint_answers_can_be_said(self, endpoint: Endpoint, aws: FakeAws) -> None:
        chosen = endpoint(
            target_model="fraud.tar.gz",
            target_variant="Candidate",
            target_container="second",
            inference_component="chat",
            accept="text/csv",
        )

        chosen.call(ROWS)

        assert {
            name: value for name, value in aws.asked[0].items() if name not in ("EndpointName", "Body", "ContentType")
        } == {
            "TargetModel": "fraud.tar.gz",
            "TargetVariant": "Candidate",
            "TargetContainerHostname": "second",
            "InferenceComponentName": "chat",
            "Accept": "text/csv",
        }

    def test_a_request_that_is_too_large_is_not_sent(self, endpoint: Endpoint, aws: FakeAws) -> None:
        with pytest.raises(
            ToolError, match=r"^the request has 6291457 bytes, more than the 6291456 that can be sent; a r"
        ):
            endpoint().call(Payload(body=bytes(BODY_MAX + 1)))
        assert aws.asked == []

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            ("no image", "no image"),
            ("no image\nTraceback (most recent call last):\n  File\nValueError: no image", "no image"),
            ("Traceback (most recent call last):\n  File\nValueError: no\timage\n", "ValueError: no image"),
            ("x" * 501, "x" * 499 + "…"),
        ],
        ids=["in one line", "before a traceback", "in a traceback", "long"],
    )
    def test_a_failing_model_is_told_in_its_own_words(
        self, said: str, told: str, endpoint: Endpoint, aws: FakeAws
    ) -> None:
        aws.refusal = ClientError(
            {
                "Error": {"Code": "ModelError", "Message": "Received server error (500) from primary with message …"},
                "OriginalStatusCode": 500,  # type: ignore[typeddict-unknown-key]
                "OriginalMessage": said,
                "LogStreamArn": "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/sagemaker/Endpoints/digits",
            },
            "InvokeEndpoint",
        )

        with pytest.raises(ToolError) as raised:
            endpoint().call(ROWS)

        assert str(raised.value) == (
            f"'digits': the model answers 500: {told}; more in its log group, /aws/sagemaker/Endpoints/digits"
        )

    @pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException"])
    def test_credentials_that_are_no_longer_good_say_what_to_do(
        self, code: str, endpoint: Endpoint, aws: FakeAws
    ) -> None:
        aws.refusal = ClientError({"Error": {"Code": code, "Message": "no good"}}, "InvokeEndpoint")

        with pytest.raises(ToolError) as raised:
            endpoint().call(ROWS)

        advice = "set AWS_PROFILE, or log in (`aws sso login`, `aws configure`)"
        assert str(raised.value) == f"'digits': AWS answers {code} to InvokeEndpoint: no good; {advice}"

    def test_missing_credentials_are_one_line(self, endpoint: Endpoint, aws: FakeAws) -> None:
        aws.refusal = NoCredentialsError()

        with pytest.raises(ToolError, match=r"^'digits': there are no AWS credentials; set AWS_PROFILE, or log in"):
            endpoint().call(ROWS)

    @pytest.mark.parametrize(
        "error",
        [
            EndpointConnectionError(endpoint_url="http://gone"),
            ConnectionClosedError(endpoint_url="http://gone"),
            *map(refused, ("ThrottlingException", "Throttling", "ServiceUnavailable", "InternalFailure")),
            refused("InternalDependencyException"),
        ],
        ids=lambda error: f"{type(error).__name__}: {error}"[:60],
    )
    def test_a_broken_connection_and_a_busy_service_are_asked_again(self, error: Exception) -> None:
        refusals = iter([error, error])
        slept: list[float] = []

        def call() -> str:
            if again := next(refusals, None):
                raise again
            return "answered"

        assert aws_calls.patiently(call, slept.append) == "answered"
        assert slept == [0.2, 0.5]

    def test_a_service_that_stays_busy_is_asked_four_times(
        self, endpoint: Endpoint, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(aws_calls, "_PAUSES", (0.0, 0.0, 0.0))
        aws.refusal = refused("ThrottlingException")

        with pytest.raises(ToolError, match=r"^'digits': AWS answers ThrottlingException to InvokeEndpoint: no$"):
            endpoint().call(ROWS)
        assert len(aws.asked) == 4

    @pytest.mark.parametrize("error", [ReadTimeoutError(endpoint_url="http://slow"), refused("ModelError")])
    def test_a_slow_answer_and_a_failing_model_are_asked_once(self, error: Exception) -> None:
        asked: list[int] = []

        def call() -> None:
            asked.append(1)
            raise error

        with pytest.raises(type(error)):
            aws_calls.patiently(call)
        assert asked == [1]


class TestStreaming:
    def test_parts_come_as_the_model_makes_them(self, endpoint: Endpoint, aws: FakeAws) -> None:
        aws.events = [{"PayloadPart": {"Bytes": b"Hel"}}, {"PayloadPart": {"Bytes": b"lo"}}]

        assert list(endpoint().stream(ROWS)) == [b"Hel", b"lo"]

    def test_an_answer_that_breaks_off_is_told(self, endpoint: Endpoint, aws: FakeAws) -> None:
        error: Any = {"Error": {"Code": "ModelStreamError", "Message": "out of memory"}}
        aws.events = [{"PayloadPart": {"Bytes": b"Hel"}}, EventStreamError(error, "InvokeEndpointWithResponseStream")]
        parts = endpoint().stream(ROWS)

        assert next(parts) == b"Hel"
        with pytest.raises(ToolError, match=r"^'digits' broke off: out of memory$"):
            next(parts)

    def test_multi_model_endpoints_do_not_stream(self, endpoint: Endpoint) -> None:
        with pytest.raises(ToolError, match=r"^SageMaker streams no answers of multi-model endpoints"):
            list(endpoint(target_model="fraud.tar.gz").stream(ROWS))


class TestAsynchronous:
    @pytest.mark.parametrize("missing", ["NoSuchKey", "404", "AccessDenied", "403"])
    def test_a_small_request_travels_along_and_its_answer_is_waited_for(
        self, missing: str, endpoint: Endpoint, aws: FakeAws
    ) -> None:
        aws.missing = missing
        aws.objects["answers/1.out"] = b"3,4\n"
        aws.answers_after = 5
        slept: list[float] = []

        answer = endpoint().call_asynchronously(ROWS, sleep=slept.append)

        assert aws.asked[0]["Body"] == b"1,2\n"
        assert (answer.body, answer.content_type) == (b"3,4\n", "text/csv")
        assert answer.details == {"output": "s3://answers/1.out"}
        assert slept == [1.0, 1.0]

    def test_a_trouble_while_waiting_does_not_end_the_wait(
        self, endpoint: Endpoint, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("constructs_lib.tools.aws._PAUSES", (0.0, 0.0))
        aws.troubles = [refused("SlowDown", "GetObject"), EndpointConnectionError(endpoint_url="https://s3")]
        aws.objects["answers/1.out"] = b"3,4\n"

        assert endpoint().call_asynchronously(ROWS).body == b"3,4\n"

    def test_whoever_waits_no_longer_is_told_where_the_answer_will_be(self, endpoint: Endpoint, aws: FakeAws) -> None:
        aws.troubles = [KeyboardInterrupt()]

        with pytest.raises(KeyboardInterrupt) as raised:
            endpoint().call_asynchronously(ROWS)

        assert raised.value.__notes__ == ["it will put its answer into s3://answers/1.out"]

    def test_a_refusal_while_waiting_says_where_the_answer_will_be(self, endpoint: Endpoint, aws: FakeAws) -> None:
        aws.troubles = [refused("ExpiredToken", "GetObject")]

        with pytest.raises(ToolError, match=r"ExpiredToken .*; it will put its answer into s3://answers/1\.out$"):
            endpoint().call_asynchronously(ROWS)

    def test_a_request_is_uploaded_under_its_digest(self, endpoint: Endpoint, aws: FakeAws) -> None:
        aws.objects["answers/1.out"] = b""

        endpoint().call_asynchronously(ROWS, upload="s3://requests/in")

        (location,) = (request["InputLocation"] for request in aws.asked)
        assert location.startswith("s3://requests/in/")
        assert aws.objects[location.removeprefix("s3://")] == b"1,2\n"
        assert aws.content_type == "text/csv"

    def test_a_failure_is_told(self, endpoint: Endpoint, aws: FakeAws) -> None:
        aws.objects["failures/1.out"] = b"the model ran out of memory"

        with pytest.raises(ToolError, match=r"^'digits' failed: the model ran out of memory \(s3://failures/1\.out\)$"):
            endpoint().call_asynchronously(ROWS)

    def test_waiting_ends(self, endpoint: Endpoint) -> None:
        with pytest.raises(ToolError) as raised:
            endpoint().call_asynchronously(ROWS, wait=0.01, sleep=lambda _: None)

        assert str(raised.value) == (
            "'digits' has not answered within 0.01 seconds; it will put its answer into s3://answers/1.out"
        )

    def test_a_large_request_needs_a_place(self, endpoint: Endpoint) -> None:
        with pytest.raises(
            ToolError, match=r"more than the 128000 that can be sent; give --upload s3://BUCKET/PREFIX/"
        ):
            endpoint().call_asynchronously(Payload(body=bytes(ASYNC_BODY_MAX + 1)))

    def test_a_place_outside_of_s3_is_refused(self, endpoint: Endpoint) -> None:
        with pytest.raises(ToolError, match=r"^'requests/' is no place in S3; give s3://BUCKET/PREFIX/$"):
            endpoint().call_asynchronously(ROWS, upload="requests/")

    def test_there_is_nothing_inside_to_choose(self, endpoint: Endpoint) -> None:
        with pytest.raises(ToolError, match=r"^an asynchronous endpoint has no target variant; leave it out$"):
            endpoint(target_variant="Candidate").call_asynchronously(ROWS)
