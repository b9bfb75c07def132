"""What an endpoint's API may look like: its defaults, its bounds, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.model import StructureShape

from constructs_lib.sagemaker.api.front import INVOCATION_HEADERS, ApiFront
from constructs_lib.serving.problems import InvalidValueError
from local_aws.validation import service_model
from stacks.settings import load_settings
from stacks.yaml_source import SettingsError

SETTINGS = """\
endpoints:
  digits:
    model: {{framework: container, image: example/mine:1}}
    instance_type: ml.c6i.large
    api: {api}
"""


def refusal(**choices: Any) -> str:
    with pytest.raises(InvalidValueError) as caught:
        ApiFront(**choices)
    return str(caught.value)


def test_nobody_may_call_who_was_not_granted_it_unless_something_else_is_asked_for() -> None:
    assert ApiFront().authorization == "iam"


def test_every_header_that_sagemaker_reads_is_passed_on() -> None:
    shape = service_model("sagemaker-runtime").operation_model("InvokeEndpoint").input_shape
    assert isinstance(shape, StructureShape)
    headers = {member.serialization["name"] for member in shape.members.values() if "location" in member.serialization}

    assert {*ApiFront().passed_headers, "Content-Type", "Accept"} == headers - {"EndpointName"}


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        ({"authorization": "open"}, "'authorization' must be 'iam', 'api_key' or 'none', got 'open'"),
        ({"authorization": ""}, "'authorization' must be 'iam', 'api_key' or 'none', got ''"),
        ({"path": "predict"}, "each after one '/', such as '/invocations', got 'predict'"),
        ({"path": ""}, "such as '/invocations', got ''"),
        ({"path": "/"}, "such as '/invocations', got '/'"),
        ({"path": "/a//b"}, "such as '/invocations', got '/a//b'"),
        ({"path": "/a/"}, "such as '/invocations', got '/a/'"),
        ({"path": "/{proxy+}"}, "such as '/invocations', got '/{proxy+}'"),
        ({"path": "/a\n"}, "such as '/invocations', got"),
        ({"path": "/ping"}, "'path' '/ping' is answered by API Gateway itself; choose another, such as '/predict'"),
        ({"stage": "a.b"}, "'stage' must be 1 to 128 letters, digits, hyphens and underscores, such as 'prod'"),
        ({"stage": ""}, "such as 'prod', got ''"),
        ({"stage": "a" * 129}, "must be 1 to 128 letters"),
        ({"rate_limit": 0.0}, "'rate_limit' must be a finite number of requests per second above 0, got 0.0"),
        ({"rate_limit": float("inf")}, "above 0, got inf"),
        ({"rate_limit": float("nan")}, "above 0, got nan"),
        ({"burst_limit": 0}, "'burst_limit' must be at least 1 request, got 0"),
        (
            {"authorization": "api_key", "requests_per_day": 0},
            "'requests_per_day' must be at least 1 request, got 0",
        ),
        (
            {"requests_per_day": 5},
            "'requests_per_day' counts the requests of an API key, and there is none; set 'authorization' to 'api_key'",
        ),
        ({"timeout": 0}, "'timeout' must be 1 to 60 seconds, which is what SageMaker gives a model, got 0"),
        ({"timeout": 61}, "which is what SageMaker gives a model, got 61"),
        (
            {"timeout": 481, "streaming": True},
            "'timeout' must be 1 to 480 seconds, which is what SageMaker gives a model, got 481",
        ),
        (
            {"streaming": True, "processor": "before"},
            "'streaming' passes on what the model sends, and a processor answers in its place, as a whole; leave "
            "'streaming' or 'processor' out",
        ),
        ({"passed_headers": ("Cookie",)}, "'passed_headers.0' 'Cookie' is no header that SageMaker reads; choose of"),
        ({"passed_headers": "Accept"}, "'passed_headers' must be a list, got 'Accept'; put it into a list: [...]"),
        (
            {"passed_headers": (INVOCATION_HEADERS[0], INVOCATION_HEADERS[0].lower())},
            "'passed_headers' names a header twice; give each once",
        ),
        ({"log_retention_days": 31}, "'log_retention_days' must be one of 1, 3, 5, 7, 14, 30, 60"),
    ],
)
def test_fails_on_a_value_that_aws_would_refuse(choices: dict[str, Any], problem: str) -> None:
    assert problem in refusal(**choices)


@pytest.mark.parametrize(
    ("choices", "seconds"),
    [({}, 29), ({"streaming": True}, 480), ({"timeout": 5}, 5), ({"timeout": 29, "streaming": True}, 29)],
)
def test_an_answer_is_waited_for_as_long_as_is_said_or_as_its_kind_may_take(
    choices: dict[str, Any], seconds: int
) -> None:
    assert ApiFront(**choices).integration_timeout == seconds


def test_fails_with_every_problem_at_once() -> None:
    assert len(refusal(path="", stage="", timeout=0).splitlines()) == 3


@pytest.mark.parametrize(
    "choices",
    [
        {"path": "/v1/models/digits:predict"},
        {"stage": "a" * 128},
        {"rate_limit": 0.5, "burst_limit": 1},
        {"timeout": 1},
        {"timeout": 60},
        {"timeout": 480, "streaming": True},
        {"passed_headers": ()},
        {"passed_headers": ("x-amzn-sagemaker-target-model",)},
        {"authorization": "api_key", "requests_per_day": 1},
    ],
)
def test_the_bounds_themselves_are_taken(choices: dict[str, Any]) -> None:
    assert ApiFront(**choices) == ApiFront(**choices)


class TestSettings:
    def api(self, text: str, tmp_path: Path) -> ApiFront | None:
        (tmp_path / "inference.yaml").write_text(SETTINGS.format(api=text))
        return load_settings(tmp_path / "inference.yaml").endpoints["digits"].api

    def test_an_empty_mapping_is_an_api_with_the_defaults(self, tmp_path: Path) -> None:
        assert self.api("{}", tmp_path) == ApiFront()

    def test_a_list_of_headers_is_read(self, tmp_path: Path) -> None:
        front = self.api("{authorization: none, passed_headers: [X-Amzn-SageMaker-Target-Model]}", tmp_path)

        assert front == ApiFront(authorization="none", passed_headers=("X-Amzn-SageMaker-Target-Model",))

    def test_a_processor_is_looked_for_beside_the_settings(self, tmp_path: Path) -> None:
        (tmp_path / "before").mkdir()
        (tmp_path / "before" / "handler.py").write_text("")

        assert self.api("{processor: before}", tmp_path) == ApiFront(processor=str(tmp_path / "before"))

    def test_fails_on_an_api_that_would_wait_for_an_asynchronous_answer(self, tmp_path: Path) -> None:
        text = "{}\n    async_inference: {output: s3://amzn-s3-demo-bucket/answers/}"

        with pytest.raises(
            SettingsError, match="api: waits for the answer, which an endpoint with 'async_inference' puts into S3"
        ):
            self.api(text, tmp_path)

    def test_fails_on_a_stream_of_a_multi_model_endpoint(self, tmp_path: Path) -> None:
        model = "{framework: multi-model, server: pytorch, artifact: s3://amzn-s3-demo-bucket/models/}"
        text = SETTINGS.format(api="{streaming: true}").replace("{framework: container, image: example/mine:1}", model)
        (tmp_path / "inference.yaml").write_text(text)

        with pytest.raises(SettingsError) as caught:
            load_settings(tmp_path / "inference.yaml")

        assert (
            "inference.yaml:5: endpoints.digits.api.streaming: SageMaker streams no answers of multi-model endpoints, as "
            "no such request can name the model; leave it out"
        ) in str(caught.value)

    def test_streaming_is_a_key(self, tmp_path: Path) -> None:
        assert self.api("{streaming: true}", tmp_path) == ApiFront(streaming=True)

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("{streaming: maybe}", "endpoints.digits.api.streaming: must be true or false, got 'maybe'"),
            ("{processor: before}", "inference.yaml:5: endpoints.digits.api.processor: must be a directory with a"),
            ("{authorization: open}", "inference.yaml:5: endpoints.digits.api.authorization: must be 'iam', 'api_key'"),
            ("{path: predict}", "inference.yaml:5: endpoints.digits.api.path: must be parts of letters"),
            (
                "{rate_limits: 5}",
                "inference.yaml:5: endpoints.digits.api.rate_limits: is no key here; did you mean 'rate_limit'?",
            ),
            ("{passed_headers: [Cookie]}", "endpoints.digits.api.passed_headers.0: 'Cookie' is no header"),
            ("{timeout: soon}", "endpoints.digits.api.timeout: must be a whole number, got 'soon'"),
            ("true", "inference.yaml:5: endpoints.digits.api: must be a mapping of keys to values, got true"),
        ],
    )
    def test_fails_with_the_line_and_the_key(self, text: str, problem: str, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as caught:
            self.api(text, tmp_path)

        assert problem in str(caught.value)
