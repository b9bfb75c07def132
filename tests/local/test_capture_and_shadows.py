"""Data capture to S3, and shadow variants."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest
from aws_clients import HOSTING_ACTIONS, IMAGE, Aws, refusal, unique
from patience import eventually

from local_aws.scope import Scope
from local_aws.services.sagemaker import shadows

BUCKET = "captured"


@pytest.fixture(scope="module", autouse=True)
def bucket(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket=BUCKET)


def make_model(aws: Aws, environment: dict[str, str], *, may_write: bool = True) -> str:
    name = unique("m")
    statements = [
        {"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::models/*"},
    ]
    if may_write:
        statements.append({"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/log/*"})
    role = aws.make_role_of(statements)
    container: Any = {"Image": IMAGE, "ModelDataUrl": aws.make_artifact(), "Environment": environment}
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    return name


def variant(model: str, name: str = "main", **more: Any) -> Any:
    return {"VariantName": name, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, **more}


def make_endpoint(aws: Aws, **config: Any) -> str:
    name = unique("seen")
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, **config)
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    aws.settle(name)
    return name


def settings(*modes: str, percentage: int = 100, **more: Any) -> Any:
    return {
        "InitialSamplingPercentage": percentage,
        "DestinationS3Uri": f"s3://{BUCKET}/log/",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        **more,
    }


def captured(aws: Aws, endpoint: str) -> list[tuple[str, Any]]:
    """Return the keys and the lines of what was captured."""
    found = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"log/{endpoint}/").get("Contents", [])
    return [
        (item["Key"], json.loads(aws.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read())) for item in found
    ]


def test_requests_and_answers_are_captured_as_json_lines(aws: Aws) -> None:
    headers = {"CsvContentTypes": ["text/csv"]}
    capture = settings("Input", "Output", CaptureContentTypeHeader=headers)
    name = make_endpoint(aws, ProductionVariants=[variant(make_model(aws, {}))], DataCaptureConfig=capture)

    aws.invoke(name, b"1,2", ContentType="text/csv", InferenceId="row-7")

    ((key, line),) = captured(aws, name)
    event = line["eventMetadata"]
    moment = event["inferenceTime"]
    assert key.startswith(f"log/{name}/main/{moment[:4]}/{moment[5:7]}/{moment[8:10]}/{moment[11:13]}/")
    assert key.endswith(".jsonl")
    assert event["inferenceId"] == "row-7"
    assert line["eventVersion"] == "0"
    assert line["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": "1,2",
        "encoding": "CSV",
    }
    output = line["captureData"]["endpointOutput"]
    assert (output["mode"], output["encoding"]) == ("OUTPUT", "BASE64")
    assert json.loads(base64.b64decode(output["data"]))["body"] == 3
    assert aws.sagemaker.describe_endpoint(EndpointName=name)["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/log/",
        "KmsKeyId": "",
    }


@pytest.mark.parametrize("capture", [settings("Input", percentage=0), settings("Input", EnableCapture=False)])
def test_nothing_is_captured_that_is_not_asked_for(aws: Aws, capture: Any) -> None:
    name = make_endpoint(aws, ProductionVariants=[variant(make_model(aws, {}))], DataCaptureConfig=capture)
    aws.invoke(name)
    assert captured(aws, name) == []


def test_a_role_that_may_not_write_captures_nothing_and_the_log_says_so(aws: Aws) -> None:
    model = make_model(aws, {}, may_write=False)
    name = make_endpoint(aws, ProductionVariants=[variant(model)], DataCaptureConfig=settings("Input"))

    assert aws.invoke(name)["body"] == 1

    events = aws.logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{name}")["events"]
    said = [event["message"] for event in events if event["message"].startswith("data capture failed: ")]
    assert "is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::captured/log/" in said[0]
    assert captured(aws, name) == []


def test_a_shadow_variant_gets_a_copy_and_its_answer_is_not_used(aws: Aws) -> None:
    production, shadow = make_model(aws, {"WHO": "production"}), make_model(aws, {"STATUS": "500"})
    name = make_endpoint(
        aws, ProductionVariants=[variant(production)], ShadowProductionVariants=[variant(shadow, "shadow")]
    )

    assert aws.invoke(name, b"abc")["environment"]["WHO"] == "production"

    group = f"/aws/sagemaker/Endpoints/{name}"
    assert eventually(
        lambda: (
            "invoked with 3 bytes"
            in str(aws.logs.filter_log_events(logGroupName=group, logStreamNamePrefix="shadow/")["events"])
        )
    )
    (described,) = aws.sagemaker.describe_endpoint(EndpointName=name)["ShadowProductionVariants"]
    assert described["VariantName"] == "shadow"
    assert refusal(aws.runtime.invoke_endpoint, EndpointName=name, Body=b"", TargetVariant="shadow") == (
        f"ValidationError: Variant shadow not found in endpoint {name}."
    )


@pytest.mark.parametrize(
    ("weight", "drawn", "copies"), [(1.0, 0.999, 1), (0.5, 0.499, 1), (0.5, 0.5, 0), (0.0, 0.0, 0)]
)
def test_a_shadow_variant_gets_its_share_of_the_requests(
    weight: float, drawn: float, copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(shadows, "random", SimpleNamespace(random=lambda: drawn))
    monkeypatch.setattr(shadows, "_POOL", SimpleNamespace(submit=lambda *call: sent.append(call)))
    endpoint: Any = SimpleNamespace(shadows={"shadow": SimpleNamespace(weight=weight)})
    production: Any = SimpleNamespace(weight=1.0)

    shadows.send_copies(Scope("000000000000", "us-east-1"), endpoint, production, {"Body": b"x"}, timeout=60)

    assert len(sent) == copies


def test_fails_to_configure_a_shadow_for_two_variants(aws: Aws) -> None:
    model = make_model(aws, {})
    assert refusal(
        aws.sagemaker.create_endpoint_config,
        EndpointConfigName=unique("c"),
        ProductionVariants=[variant(model, "a"), variant(model, "b")],
        ShadowProductionVariants=[variant(model, "shadow")],
    ) == (
        "ValidationException: ShadowProductionVariants requires exactly one production variant and one shadow variant, "
        "found 2 and 1."
    )
