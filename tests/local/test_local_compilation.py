"""Neo's jobs on local AWS: checked as on AWS, and passed through unchanged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_clients import HOSTING_ACTIONS, Aws, refusal, unique
from model_hosts import DOUBLING, archive
from patience import looks

from local_aws.process import LocalAws
from local_aws.scope import Scope
from local_aws.services.sagemaker.jobs import neo

BUCKET = "neo"
NOTHING_COMPILED = "Nothing was compiled: Neo's compiler does not exist outside of AWS"


@pytest.fixture(scope="module")
def neo_aws(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Aws:
    aws = Aws(local_aws)
    aws.s3.create_bucket(Bucket=BUCKET)
    files = {"pytorch": "model.pth", "onnx": "double.onnx"}
    for framework, name in files.items():
        packed = archive(tmp_path_factory.mktemp(framework), {name: "weights", "code/inference.py": DOUBLING})
        aws.s3.put_object(Bucket=BUCKET, Key=f"{framework}/model.tar.gz", Body=packed.read_bytes())
    aws.s3.put_object(Bucket=BUCKET, Key="broken/model.tar.gz", Body=b"not an archive")
    return aws


def make_role(aws: Aws, *, without: str = "", logs: bool = True) -> str:
    arn = f"arn:aws:s3:::{BUCKET}"
    rights = {"s3:GetObject": f"{arn}/*", "s3:PutObject": f"{arn}/out/*"} | ({"logs:*": "*"} if logs else {})
    statements = [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in rights.items() if a != without]
    return aws.make_role_of(statements)


def job_request(aws: Aws, framework: str = "PYTORCH", **changes: Any) -> dict[str, Any]:
    shapes = {"S3Uri": f"s3://{BUCKET}/{framework.lower()}/model.tar.gz", "DataInputConfig": '{"input0": [1, 3]}'}
    request: dict[str, Any] = {
        "CompilationJobName": unique("job"),
        "RoleArn": make_role(aws) if "RoleArn" not in changes else None,
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
        **changes,
        "InputConfig": shapes | {"Framework": framework} | changes.get("InputConfig", {}),
        "OutputConfig": {"S3OutputLocation": f"s3://{BUCKET}/out/", "TargetDevice": "ml_c5"}
        | changes.get("OutputConfig", {}),
    }
    for part in ("InputConfig", "OutputConfig"):
        request[part] = {name: value for name, value in request[part].items() if value is not None}
    return request


def settled(aws: Aws, name: str) -> dict[str, Any]:
    for _ in looks():
        described = aws.sagemaker.describe_compilation_job(CompilationJobName=name)
        if described["CompilationJobStatus"] in ("COMPLETED", "FAILED", "STOPPED"):
            return dict(described)
    raise AssertionError(f"{name} is still {described['CompilationJobStatus']}")


def compiled(aws: Aws, framework: str = "PYTORCH", **changes: Any) -> dict[str, Any]:
    request = job_request(aws, framework, **changes)
    aws.sagemaker.create_compilation_job(**request)
    return settled(aws, request["CompilationJobName"])


def test_the_model_passes_through_unchanged_and_the_description_says_so(neo_aws: Aws) -> None:
    described = compiled(neo_aws)

    assert described["CompilationJobStatus"] == "COMPLETED", described["FailureReason"]
    assert described["FailureReason"].startswith(NOTHING_COMPILED)
    assert described["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://{BUCKET}/out/model-ml_c5.tar.gz"}
    assert described["InferenceImage"] == (
        "785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-inference-pytorch:2.0-cpu-py3"
    )
    given, made = (
        neo_aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        for key in ("pytorch/model.tar.gz", "out/model-ml_c5.tar.gz")
    )
    assert given == made
    (event,) = neo_aws.logs.get_log_events(
        logGroupName="/aws/sagemaker/CompilationJobs", logStreamName=described["CompilationJobName"]
    )["events"]
    assert event["message"].startswith(NOTHING_COMPILED)


@pytest.mark.parametrize("framework", ["PYTORCH", "ONNX"])
def test_what_a_job_gives_is_served(neo_aws: Aws, framework: str) -> None:
    described = compiled(neo_aws, framework, OutputConfig={"S3OutputLocation": f"s3://{BUCKET}/out/{framework}"})
    name, role = unique("neo"), make_hosting_role(neo_aws)

    neo_aws.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role,
        PrimaryContainer={
            "Image": described["InferenceImage"],
            "ModelDataUrl": described["ModelArtifacts"]["S3ModelArtifacts"],
        },
    )
    variant: Any = {
        "VariantName": "main",
        "ModelName": name,
        "InstanceType": "ml.c5.large",
        "InitialInstanceCount": 1,
    }
    neo_aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    neo_aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    assert neo_aws.settle(name)["EndpointStatus"] == "InService"
    answer = neo_aws.runtime.invoke_endpoint(
        EndpointName=name, Body=b"[1, 2]", ContentType="application/json", Accept="application/json"
    )
    assert json.loads(answer["Body"].read()) == [2, 4]


def make_hosting_role(aws: Aws) -> str:
    statements = [
        {"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/out/*"},
    ]
    return aws.make_role_of(statements)


@pytest.mark.parametrize(
    ("framework", "target", "version", "image"),
    [
        ("PYTORCH", "ml_g4dn", "1.13", "785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-inference-pytorch:1.13-gpu-py3"),
        ("TENSORFLOW", "ml_m5", None, "785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-inference-tensorflow:2.9-cpu-py3"),
        ("TENSORFLOW", "ml_inf1", None, "785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-neo-tensorflow:1.15.0-inf-py3"),
        ("ONNX", "ml_c5", "1.7", "785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-neo-onnx:1.5.0-cpu-py3"),
        ("XGBOOST", "ml_c4", None, "785573368785.dkr.ecr.us-east-1.amazonaws.com/xgboost-neo:latest"),
        (
            "PYTORCH", "ml_trn1", None,
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference-neuronx:1.13.1-neuronx-py38-sdk2.10.0-ubuntu20.04",
        ),
        ("PYTORCH", "jetson_nano", None, None),
        ("DARKNET", "ml_c5", None, None),
    ],
)  # fmt: skip
def test_the_image_is_one_of_neos(framework: str, target: str, version: str | None, image: str | None) -> None:
    given = {"Framework": framework} | ({"FrameworkVersion": version} if version else {})
    request = {"InputConfig": given, "OutputConfig": {"TargetDevice": target}}

    assert neo.inference_image(Scope("000000000000", "us-east-1"), request) == image


def test_a_platform_names_the_result_and_has_no_image(neo_aws: Aws) -> None:
    platform = {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}
    options = json.dumps({"gpu-code": "sm_62", "trt-ver": "6.0.1", "cuda-ver": "10.0"})
    described = compiled(
        neo_aws, OutputConfig={"TargetDevice": None, "TargetPlatform": platform, "CompilerOptions": options}
    )

    assert described["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/out/model-LINUX_ARM64_NVIDIA.tar.gz"
    assert "InferenceImage" not in described


@pytest.mark.parametrize(
    ("framework", "given", "reason"),
    [
        ("PYTORCH", {"S3Uri": f"s3://{BUCKET}/no/model.tar.gz"}, f"S3 object does not exist. Bucket: {BUCKET}, Key: no/model.tar.gz"),
        ("PYTORCH", {"S3Uri": f"s3://{BUCKET}/broken/model.tar.gz"}, "Unable to extract the model archive: "),
        ("PYTORCH", {"S3Uri": f"s3://{BUCKET}/onnx/model.tar.gz"}, "No .pt or .pth file found for PYTORCH model."),
        ("PYTORCH", {"DataInputConfig": '{"input0": [1, 0]}'}, "The shape of input input0 must be a list of positive integers, got [1, 0]."),
        ("ONNX", {"DataInputConfig": "[[1, 3]]"}, "DataInputConfig must be a dictionary of names and shapes for framework ONNX."),
    ],
)  # fmt: skip
def test_what_neo_cannot_compile_fails_the_job(
    neo_aws: Aws, framework: str, given: dict[str, str], reason: str
) -> None:
    described = compiled(neo_aws, framework, InputConfig=given)

    assert described["CompilationJobStatus"] == "FAILED"
    assert described["FailureReason"].startswith(f"ClientError: InputConfiguration: {reason}")


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject"])
def test_a_role_that_lacks_a_right_fails_the_job(neo_aws: Aws, action: str) -> None:
    described = compiled(neo_aws, RoleArn=make_role(neo_aws, without=action))

    assert described["CompilationJobStatus"] == "FAILED"
    assert f"is not authorized to perform: {action} on resource: " in described["FailureReason"]


def test_a_role_without_a_right_to_logs_compiles_without_a_log(neo_aws: Aws) -> None:
    described = compiled(neo_aws, RoleArn=make_role(neo_aws, logs=False))

    assert described["CompilationJobStatus"] == "COMPLETED"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"OutputConfig": {"TargetDevice": None}}, "Exactly one of TargetDevice and TargetPlatform must be specified"),
        ({"OutputConfig": {"TargetPlatform": {"Os": "LINUX", "Arch": "ARM64"}}}, "Exactly one of TargetDevice and"),
        ({"OutputConfig": {"CompilerOptions": "{gpu}"}}, "CompilerOptions is not valid JSON: Expecting property name"),
        (
            {"OutputConfig": {"TargetDevice": None, "CompilerOptions": '{"gpu-code": "sm_62"}',
                              "TargetPlatform": {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}}},
            "CompilerOptions lacks trt-ver, cuda-ver, which accelerator NVIDIA requires.",
        ),
        ({"OutputConfig": {"TargetDevice": "ml_inf2"}}, "Target device ml_inf2 is available in us-east-2 only."),
        ({"InputConfig": {"DataInputConfig": "{input0: [1]}"}}, "DataInputConfig is not valid JSON: Expecting property"),
        ({"InputConfig": {"Framework": "ONNX", "DataInputConfig": None}}, "DataInputConfig is required for framework ONNX"),
        ({"InputConfig": {"S3Uri": "s3://neo/model/"}}, "must be a single gzip compressed tar archive (.tar.gz)."),
        ({"ModelPackageVersionArn": "arn:aws:sagemaker:us-east-1:000000000000:model-package/m/1"},
         "Exactly one of InputConfig and ModelPackageVersionArn must be specified."),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused(neo_aws: Aws, changes: dict[str, Any], message: str) -> None:
    refused = refusal(neo_aws.sagemaker.create_compilation_job, **job_request(neo_aws, **changes))

    assert refused.startswith("ValidationException: ")
    assert message in refused


def test_a_job_is_listed_and_deleted_and_then_its_name_is_free(neo_aws: Aws) -> None:
    request = job_request(neo_aws)
    name = request["CompilationJobName"]
    neo_aws.sagemaker.create_compilation_job(**request)
    assert refusal(neo_aws.sagemaker.create_compilation_job, **request).startswith("ResourceInUse: ")
    settled(neo_aws, name)

    (job,) = neo_aws.sagemaker.list_compilation_jobs(NameContains=name, StatusEquals="COMPLETED")[
        "CompilationJobSummaries"
    ]
    assert job["CompilationTargetDevice"] == "ml_c5"
    assert refusal(neo_aws.sagemaker.stop_compilation_job, CompilationJobName=name) == (
        "ValidationException: The request was rejected because the compilation job is in status COMPLETED."
    )
    neo_aws.sagemaker.delete_compilation_job(CompilationJobName=name)
    assert refusal(neo_aws.sagemaker.describe_compilation_job, CompilationJobName=name).startswith("ResourceNotFound: ")
    neo_aws.sagemaker.create_compilation_job(**request)
