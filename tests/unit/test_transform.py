"""Batch transforms as values: each rule with its text, and the request that SageMaker gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.jobs.transform import Transform
from constructs_lib.jobs.transform_request import transform_request
from constructs_lib.jobs.transform_rules import model_problems
from constructs_lib.serving.models import ContainerModel, OnnxModel
from constructs_lib.serving.problems import InvalidValueError
from local_aws.services.sagemaker.jobs.json_path import JsonPath
from local_aws.validation import service_model

KEY = "arn:aws:kms:eu-west-1:111111111111:key/abc"
PLAIN: dict[str, Any] = {"input": "s3://incoming/images/", "instance_type": "ml.c6i.large"}


def transform(**fields: Any) -> Transform:
    return Transform(**{**PLAIN, **fields})


def refusals(**fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidValueError) as raised:
        transform(**fields)
    return [(problem.field, problem.message) for problem in raised.value.problems]


def only(**fields: Any) -> tuple[str, str]:
    (found,) = refusals(**fields)
    return found


def request(**fields: Any) -> dict[str, Any]:
    """Give the request, held against botocore's own model of CreateTransformJob."""
    made = transform_request(transform(**fields), model_name="m", source="s3://incoming/images/", output="s3://out/x")
    shape = service_model("sagemaker").shape_for("CreateTransformJobRequest")
    assert ParamValidator().validate({"TransformJobName": "t", **made}, shape).generate_report() == ""
    return made


@pytest.mark.parametrize("given_input", ["s3://incoming", "s3://incoming/"])
def test_an_empty_input_prefix_is_refused(given_input: str) -> None:
    assert only(input=given_input) == (
        "input",
        f"has an empty prefix: '{given_input}' is a whole bucket; give 's3://BUCKET/PREFIX/'",
    )


@pytest.mark.parametrize(
    "output", ["s3://incoming/images/", "s3://incoming/images/out", "s3://incoming/images/deep/er/"]
)
def test_an_output_inside_of_the_input_is_refused(output: str) -> None:
    assert only(output=output) == (
        "output",
        f"'{output}' is inside of 'input' (s3://incoming/images/), so that the next run would transform its own "
        "answers; choose a prefix outside",
    )


@pytest.mark.parametrize("output", ["s3://incoming/answers/", "s3://answers/images/", "s3://incoming/image/"])
def test_an_output_beside_the_input_is_right(output: str) -> None:
    assert transform(output=output).output == output


def test_a_prefix_without_a_slash_covers_what_begins_like_it() -> None:
    field, message = only(input="s3://incoming/images", output="s3://incoming/images-out/")
    assert (field, "is inside of 'input' (s3://incoming/images)" in message) == ("output", True)


def test_a_strategy_without_records_is_refused() -> None:
    assert only(strategy="MultiRecord") == (
        "strategy",
        "is how records become requests, and without a 'split_type' there are none; give 'split_type'",
    )


def test_filters_have_at_most_63_characters() -> None:
    assert only(content_type="text/csv", output_filter="$." + "x" * 62) == (
        "output_filter",
        "must have at most 63 characters, got 64",
    )


@pytest.mark.parametrize("path", ["[1:]", "$[1:", "$[a]", "$features", "$..a", "$[?(@.x)]", "$[1:2:3]", ""])
def test_a_filter_that_batch_transform_cannot_read_is_refused(path: str) -> None:
    assert only(content_type="text/csv", input_filter=path) == (
        "input_filter",
        f"must be a JSONPath, such as '$', '$[1:]', '$.features' or \"$['id']\", got '{path}'",
    )


@pytest.mark.parametrize(
    "path", ["$", "$[1:]", "$[0,-1]", "$[:3, 5]", "$.a[0].b_c", "$['id','SageMakerOutput']", "$.*"]
)
def test_a_filter_that_batch_transform_reads_is_taken_and_read_by_local_aws(path: str) -> None:
    assert transform(content_type="text/csv", output_filter=path).output_filter == JsonPath(path).text


def test_a_key_for_disks_that_no_key_encrypts_is_refused() -> None:
    assert only(instance_type="ml.g5.xlarge", volume_kms_key_arn=KEY) == (
        "volume_kms_key_arn",
        "does not encrypt the disks that 'ml.g5.xlarge' has of its own, which its hardware encrypts; choose a type "
        "without, such as 'ml.c5.xlarge', or leave it out",
    )


@pytest.mark.parametrize(("content_type", "got"), [(None, "none"), ("application/x-npy", "'application/x-npy'")])
@pytest.mark.parametrize(("field", "value"), [("join", "Input"), ("input_filter", "$[1:]"), ("output_filter", "$[0]")])
def test_only_csv_and_json_are_joined_and_filtered(content_type: str | None, got: str, field: str, value: str) -> None:
    assert only(content_type=content_type, **{field: value}) == (
        field,
        f"works on a 'content_type' of text/csv, application/json, application/jsonlines only, got {got}",
    )
    assert transform(content_type="text/csv; charset=utf-8", **{field: value})


def test_payload_times_concurrency_is_at_most_100_mb() -> None:
    assert only(max_payload_mb=30, max_concurrent_transforms=4) == (
        "max_concurrent_transforms",
        "times 'max_payload_mb' must be at most 100 MB, got 4 times 30 MB; give at most 3 with 30 MB",
    )
    assert only(max_concurrent_transforms=17) == (
        "max_concurrent_transforms",
        "times 'max_payload_mb' must be at most 100 MB, got 17 times 6 MB; give at most 16 with 6 MB",
    )
    assert transform(max_payload_mb=25, max_concurrent_transforms=4).max_payload_mb == 25
    assert transform(max_payload_mb=0, max_concurrent_transforms=400).max_payload_mb == 0


@given(payload=st.integers(1, 100), concurrent=st.integers(1, 200))
def test_a_refused_concurrency_is_refused_with_the_largest_that_is_right(payload: int, concurrent: int) -> None:
    if payload * concurrent <= 100:
        assert transform(max_payload_mb=payload, max_concurrent_transforms=concurrent)
        return
    _, message = only(max_payload_mb=payload, max_concurrent_transforms=concurrent)
    most = int(message.partition("give at most ")[2].partition(" ")[0])
    assert transform(max_payload_mb=payload, max_concurrent_transforms=most)
    assert payload * (most + 1) > 100


def test_numbers_keep_to_their_bounds() -> None:
    assert refusals(
        max_payload_mb=101,
        max_concurrent_transforms=-1,
        invocation_timeout_seconds=3601,
        invocation_max_retries=4,
        instance_count=0,
        max_runtime_seconds=50_000,
    ) == [
        ("max_payload_mb", "must be 0 to 100 MB, got 101"),
        ("max_concurrent_transforms", "must be at least 0, got -1"),
        ("invocation_timeout_seconds", "must be 1 to 3600 seconds, got 3601"),
        ("invocation_max_retries", "must be 0 to 3, got 4"),
        ("instance_count", "must be at least 1, got 0"),
        (
            "max_runtime_seconds",
            "must be 60 to 43200 seconds (12 hours), got 50000; run a longer job by 'schedule', with 'on_deploy: false'",
        ),
    ]


def test_an_instance_type_that_only_hosts_is_refused_with_the_nearest() -> None:
    field, message = only(instance_type="ml.c8g.large")
    assert field == "instance_type"
    assert message.startswith(
        "'ml.c8g.large' is not a SageMaker instance type for batch transform (SageMaker has it for hosting only); "
        "did you mean 'ml."
    )


def test_the_environment_keeps_to_sagemakers_limits() -> None:
    assert refusals(environment={"1A": "x", "B": "x" * 10_241}) == [
        ("environment.1A", "must be named with letters, digits and underscores, and not begin with a digit"),
        ("environment.B", "must have at most 10240 characters, got 10241"),
    ]
    assert only(environment={f"V{n}": "" for n in range(17)}) == (
        "environment",
        "must have at most 16 variables, got 17",
    )


def test_an_environment_that_the_starting_function_cannot_hold_is_refused() -> None:
    assert only(environment={"A": "x" * 1500}, schedule="rate(1 day)") == (
        "environment",
        "must have at most 1500 characters in all, as the function that starts jobs by 'schedule' or 'on_new_objects' "
        "holds it; set longer ones on the model",
    )


def test_texts_and_keys_that_are_none_are_refused() -> None:
    shape = "must look like 'arn:aws:kms:REGION:ACCOUNT:key/ID', got 'mine'"
    assert refusals(content_type="x" * 257, accept="x" * 257, output_kms_key_arn="mine", volume_kms_key_arn="mine") == [
        ("content_type", "must have at most 256 characters, got 257"),
        ("accept", "must have at most 256 characters, got 257"),
        ("output_kms_key_arn", shape),
        ("volume_kms_key_arn", shape),
    ]


def test_words_that_sagemaker_does_not_know_are_refused() -> None:
    assert refusals(split_type="Lines", join="Both", assemble_with="line", compression="zip") == [
        ("split_type", "must be one of None, Line, RecordIO, TFRecord, got 'Lines'"),
        ("assemble_with", "must be one of None, Line, got 'line'"),
        ("join", "must be one of None, Input, got 'Both'"),
        ("compression", "must be one of None, Gzip, got 'zip'"),
    ]
    assert only(split_type="Line", strategy="Many") == (
        "strategy",
        "must be one of MultiRecord, SingleRecord, got 'Many'",
    )


def test_something_has_to_run_it() -> None:
    assert only(on_deploy=False) == (
        "on_deploy",
        "is off, and nothing else runs the job; give 'schedule' or 'on_new_objects', or leave it out",
    )
    assert transform(on_deploy=False, schedule="cron(0 3 * * ? *)").schedule == "cron(0 3 * * ? *)"


@pytest.mark.parametrize("schedule", ["daily", "rate(1 days)", "rate(2 day)", "rate(0 days)", "cron(0 3 * * ?)"])
def test_a_schedule_that_eventbridge_does_not_understand_is_refused(schedule: str) -> None:
    assert only(schedule=schedule) == (
        "schedule",
        f"must look like 'rate(1 day)' or 'cron(0 3 * * ? *)', got '{schedule}'",
    )


@pytest.mark.parametrize("schedule", ["rate(1 hour)", "rate(12 minutes)", "cron(0/15 8-17 ? * MON-FRI *)"])
def test_a_schedule_that_eventbridge_understands_is_right(schedule: str) -> None:
    assert transform(schedule=schedule).schedule == schedule


def test_new_objects_come_to_s3_only() -> None:
    assert only(input="images", on_new_objects=True) == (
        "on_new_objects",
        "needs an 'input' in S3; a local directory's copy there never gets new objects",
    )


def test_uncompressed_model_data_is_refused() -> None:
    (problem,) = model_problems(OnnxModel(artifact="s3://models/digits/"), "ml.c6i.large")
    assert str(problem) == (
        "'model.artifact' 's3://models/digits/' is a prefix of uncompressed files, which batch transform does not take; "
        "give a .tar.gz"
    )
    assert list(model_problems(OnnxModel(artifact="s3://models/digits.tar.gz"), "ml.c6i.large")) == []
    assert list(model_problems(ContainerModel(image="example.com/mine:1"), "ml.c6i.large")) == []


def test_a_model_without_an_image_for_the_instance_is_refused() -> None:
    (problem,) = model_problems(OnnxModel(artifact="s3://models/m.tar.gz", version="3.0"), "ml.c6i.large")
    assert problem.field == "model.version"


def test_the_request_says_everything_that_the_value_does() -> None:
    assert request(
        content_type="text/csv",
        accept="text/csv",
        split_type="Line",
        strategy="SingleRecord",
        compression="Gzip",
        max_payload_mb=0,
        max_concurrent_transforms=2,
        invocation_timeout_seconds=60,
        invocation_max_retries=0,
        input_filter="$[1:]",
        join="Input",
        output_filter="$[0,-1]",
        assemble_with="Line",
        output_kms_key_arn=KEY,
        volume_kms_key_arn=KEY,
        instance_count=2,
        environment={"A": "b"},
    ) == {
        "ModelName": "m",
        "MaxConcurrentTransforms": 2,
        "MaxPayloadInMB": 0,
        "BatchStrategy": "SingleRecord",
        "Environment": {"A": "b"},
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 0},
        "DataProcessing": {"InputFilter": "$[1:]", "OutputFilter": "$[0,-1]", "JoinSource": "Input"},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://incoming/images/"}},
            "SplitType": "Line",
            "CompressionType": "Gzip",
            "ContentType": "text/csv",
        },
        "TransformOutput": {
            "S3OutputPath": "s3://out/x",
            "AssembleWith": "Line",
            "Accept": "text/csv",
            "KmsKeyId": KEY,
        },
        "TransformResources": {"InstanceType": "ml.c6i.large", "InstanceCount": 2, "VolumeKmsKeyId": KEY},
    }


def test_what_is_left_out_is_left_to_sagemaker() -> None:
    assert request() == {
        "ModelName": "m",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://incoming/images/"}},
            "SplitType": "None",
            "CompressionType": "None",
        },
        "TransformOutput": {"S3OutputPath": "s3://out/x", "AssembleWith": "None"},
        "TransformResources": {"InstanceType": "ml.c6i.large", "InstanceCount": 1},
    }


def test_a_local_input_is_read_as_seen_from_a_directory() -> None:
    assert transform(input="images").relative_to(Path("/x")).input == "/x/images"
    assert transform().relative_to(Path("/x")).input == "s3://incoming/images/"
