"""Clients of AWS: what the variables of the shell make of them."""

from __future__ import annotations

import pytest

from constructs_lib.tools import aws as aws_calls
from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke.payload import Payload
from constructs_lib.tools.invoke.sagemaker_endpoint import SageMakerEndpoint


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
    ],
)
def test_the_region_is_that_of_the_shell(
    variables: dict[str, str], region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert aws_calls.client("sagemaker-runtime").meta.region_name == region


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "AWS_ENDPOINT_URL",
            "nonsense",
            "Invalid endpoint: nonsense; see the variables AWS_ENDPOINT_URL and AWS_REGION",
        ),
        ("AWS_REGION", "us east", "Provided region_name 'us east' doesn't match a supported format."),
    ],
)
def test_a_shell_that_names_no_endpoint_or_region_is_told(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv(variable, value)

    with pytest.raises(ToolError) as raised:
        SageMakerEndpoint(name="digits", client=aws_calls.client).call(Payload(body=b"1,2\n", content_type="text/csv"))

    assert message in str(raised.value)
