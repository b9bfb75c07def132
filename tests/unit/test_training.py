"""Training jobs as values: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from training_values import KEY, PLACES, training

from constructs_lib.jobs.channel import Channel
from constructs_lib.jobs.spot import Spot
from constructs_lib.jobs.training import Training
from constructs_lib.jobs.training_request import TrainingPlaces, training_request
from constructs_lib.serving.problems import InvalidValueError


def refusals(**fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidValueError) as raised:
        training(**fields)
    return [(problem.field, problem.message) for problem in raised.value.problems]


def only(**fields: Any) -> tuple[str, str]:
    (found,) = refusals(**fields)
    return found


def test_neither_framework_nor_image_is_refused() -> None:
    assert only(framework=None) == (
        "framework",
        "is missing; choose 'pytorch' or 'tensorflow', or give an 'image' of your own",
    )


def test_an_unknown_framework_is_refused() -> None:
    assert only(framework="torch") == ("framework", "must be one of pytorch, tensorflow, got 'torch'")


@pytest.mark.parametrize("field", ["version", "py_version"])
def test_a_version_beside_an_image_is_refused(field: str) -> None:
    assert only(image="example.com/train:1", **{field: "py312"}) == (
        field,
        "chooses one of AWS's images, and 'image' gives one; leave one of them out",
    )


def test_an_unknown_version_is_refused_with_those_that_train() -> None:
    field, message = only(version="3.0")
    assert field == "version"
    assert message.startswith(
        "'3.0' is not a PyTorch version with a training image for cpu on SageMaker; choose one of 2.14, 2.13, 2.12, "
    )


def test_a_python_that_the_version_lacks_is_a_problem_of_the_python() -> None:
    field, message = only(version="2.6", py_version="py38")
    assert field == "py_version"
    assert message.startswith("'py38' is not a python of PyTorch 2.6.0 with a training image for cpu on SageMaker; ")


def test_an_instance_type_that_does_not_train_is_refused_with_the_nearest() -> None:
    field, message = only(instance_type="ml.m5.huge")
    assert field == "instance_type"
    assert message.startswith("'ml.m5.huge' is not a SageMaker instance type for training; did you mean 'ml.m5.large'")


def test_an_instance_type_without_an_image_is_refused() -> None:
    assert only(instance_type="ml.trn1.2xlarge") == (
        "instance_type",
        "PyTorch has no training image for neuronx on SageMaker; it has them for cpu on SageMaker, gpu on SageMaker; "
        "or set 'image'",
    )


def test_an_image_of_ones_own_is_one_word() -> None:
    assert only(image="example.com/train 1", framework=None) == (
        "image",
        "must be the URI of a container image, without spaces, got 'example.com/train 1'",
    )


def test_an_image_for_another_device_is_refused() -> None:
    image = PLACES.image
    assert only(image=image, instance_type="ml.g5.xlarge") == (
        "image",
        f"'{image}' is built for cpu, but 'ml.g5.xlarge' is a gpu instance; choose another of the two",
    )


def test_a_missing_script_is_refused_unless_the_image_brings_one() -> None:
    assert only(entry_point=None) == (
        "entry_point",
        "is missing; give the script inside 'source_dir', such as 'train.py'",
    )
    own = Training(image="example.com/train:1", instance_type="ml.m5.large")
    made = training_request(own, TrainingPlaces(image="i", region="r", code=None, data={}, output="s3://b/p"))
    assert made == {
        "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": made["OutputDataConfig"]["S3OutputPath"]},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


def test_a_directory_without_a_script_is_refused() -> None:
    assert only(image="example.com/train:1", framework=None, entry_point=None) == (
        "source_dir",
        "is packaged for an 'entry_point'; give that as well, or leave both out",
    )


@pytest.mark.parametrize("entry_point", ["train", "/train.py", "../train.py", "a\\train.py", ""])
def test_a_script_that_is_not_in_the_directory_is_refused(entry_point: str) -> None:
    assert only(entry_point=entry_point) == (
        "entry_point",
        f"must be the path of a .py or .sh file inside 'source_dir', got '{entry_point}'",
    )


def test_a_script_without_its_directory_is_refused() -> None:
    assert only(source_dir=None) == ("source_dir", "is missing; give the local directory that 'train.py' is in")


def test_code_in_s3_is_refused() -> None:
    assert only(source_dir="s3://code/src.tar.gz") == (
        "source_dir",
        "must be a local directory, which the deployment uploads, got 's3://code/src.tar.gz'",
    )


def test_hyperparameters_that_are_no_texts_are_refused_each() -> None:
    assert refusals(hyperparameters={"epochs": 3, "rate": 0.1, "name": "a"}) == [
        ("hyperparameters.epochs", 'must be text, got 3; write "3"'),
        ("hyperparameters.rate", 'must be text, got 0.1; write "0.1"'),
    ]


def test_hyperparameters_that_are_sagemakers_own_are_refused() -> None:
    assert only(hyperparameters={"sagemaker_program": "x"}) == (
        "hyperparameters.sagemaker_program",
        "begins with 'sagemaker_', as SageMaker's own do; choose another name",
    )


def test_hyperparameters_that_are_too_long_or_too_many_are_refused() -> None:
    assert refusals(hyperparameters={"a": "x" * 2501, "n" * 257: "1"}) == [
        ("hyperparameters.a", "must have at most 2500 characters, got 2501"),
        ("hyperparameters." + "n" * 257, "must have a name of 1 to 256 characters, got 257"),
    ]
    assert only(hyperparameters={f"h{n}": "1" for n in range(97)}) == ("hyperparameters", "must be at most 96, got 97")


def test_channels_with_wrong_names_or_too_many_are_refused() -> None:
    data = Channel(data="s3://data/train/")
    allowed = "1 to 64 letters, digits, dots, hyphens and underscores"
    assert only(channels={"my data": data}) == ("channels", f"has the name 'my data', which must be {allowed}")
    assert only(channels={f"c{n}": data for n in range(21)}) == ("channels", "must be at most 20, got 21")


def test_the_channel_of_an_isolated_containers_script_is_taken() -> None:
    data = Channel(data="s3://data/train/")
    assert only(channels={"code": data}, network_isolation=True) == (
        "channels.code",
        "is how an isolated container gets its script; choose another name",
    )
    assert training(channels={"code": data}).channels == {"code": data}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("s3://bucket", "has an empty prefix: 's3://bucket' is a whole bucket; give 's3://BUCKET/PREFIX/'"),
        ("s3://bucket//", "has an empty prefix: 's3://bucket//' is a whole bucket; give 's3://BUCKET/PREFIX/'"),
        (" ", "is empty; give 's3://BUCKET/PREFIX/', or a local directory"),
        ("https://bucket/x", "must be an s3:// address or a local directory, got 'https://bucket/x'"),
        (
            "s3://B/x",
            "must look like 's3://BUCKET/PREFIX', where BUCKET has 3 to 63 lower-case letters, digits, dots and "
            "hyphens, got 's3://B/x'",
        ),
        (f"s3://bucket/{'x' * 1020}", "is 1032 characters long; SageMaker takes at most 1024"),
        (
            "${Token[TOKEN.3]}",
            "is known at deployment only; give f's3://{bucket_name}/prefix/', got '${Token[TOKEN.3]}'",
        ),
    ],
)
def test_data_that_is_nowhere_is_refused(data: str, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        Channel(data=data)
    assert [(problem.field, problem.message) for problem in raised.value.problems] == [("data", message)]


def test_a_channel_says_what_modes_and_distributions_there_are() -> None:
    with pytest.raises(InvalidValueError) as raised:
        Channel(data="data", input_mode="Stream", distribution="All", content_type="x" * 257)  # type: ignore[arg-type]
    assert str(raised.value).splitlines() == [
        "Channel: 'content_type' must have at most 256 characters, got 257",
        "Channel: 'input_mode' must be one of File, FastFile, Pipe, got 'Stream'",
        "Channel: 'distribution' must be one of FullyReplicated, ShardedByS3Key, got 'All'",
    ]


def test_the_environment_keeps_to_sagemakers_limits() -> None:
    assert refusals(environment={"1A": "x", "B": "x" * 513}) == [
        ("environment.1A", "must be named with letters, digits and underscores, and not begin with a digit"),
        ("environment.B", "must have at most 512 characters in its name and in its value"),
    ]
    assert only(environment={f"V{n}": "" for n in range(101)}) == (
        "environment",
        "must have at most 100 variables, got 101",
    )


def test_metrics_need_a_regular_expression_that_captures_a_value() -> None:
    assert refusals(metric_definitions={"a": "loss=(", "b": "loss", "c": "", "": "(x)", "d": f"({'x' * 500})"}) == [
        (
            "metric_definitions.a",
            "is no regular expression: missing ), unterminated subpattern at position 5, in 'loss=('",
        ),
        ("metric_definitions.b", "captures no value: put the number into a group, as in 'loss=([0-9.]+)', got 'loss'"),
        ("metric_definitions.c", "must have 1 to 500 characters, got 0"),
        ("metric_definitions.", "must have a name of 1 to 255 characters, got 0"),
        ("metric_definitions.d", "must have 1 to 500 characters, got 502"),
    ]
    assert only(metric_definitions={f"m{n}": "(x)" for n in range(41)}) == (
        "metric_definitions",
        "must be at most 40, got 41",
    )


def test_counts_sizes_and_times_are_at_least_one() -> None:
    assert refusals(instance_count=0, volume_size_gb=0, max_runtime_seconds=0) == [
        ("instance_count", "must be at least 1, got 0"),
        ("volume_size_gb", "must be at least 1, got 0"),
        ("max_runtime_seconds", "must be at least 1, got 0"),
    ]


def test_a_job_that_no_deployment_can_wait_for_is_refused_with_what_to_do() -> None:
    message = (
        "must be at most 41400 seconds, as a deployment waits 43200 seconds at most; run a longer job outside of the "
        "deployment, and give a model the s3:// address of its artifact"
    )
    assert only(max_runtime_seconds=41_401) == ("max_runtime_seconds", message)
    assert only(spot=Spot(max_wait_seconds=41_401)) == ("spot.max_wait_seconds", message)
    assert training(max_runtime_seconds=41_400).deployment_timeout == 43_200


def test_spot_waits_at_least_as_long_as_the_training_takes() -> None:
    assert only(spot=Spot(max_wait_seconds=600)) == (
        "spot.max_wait_seconds",
        "must be at least 'max_runtime_seconds' (3600), as it includes the training, got 600",
    )
    with pytest.raises(InvalidValueError, match=r"^Spot: 'max_wait_seconds' must be at least 1, got 0$"):
        Spot(max_wait_seconds=0)


def test_a_key_for_disks_that_no_key_encrypts_is_refused() -> None:
    assert only(instance_type="ml.g5.xlarge", volume_kms_key_arn=KEY) == (
        "volume_kms_key_arn",
        "does not encrypt the disks that 'ml.g5.xlarge' has of its own, which its hardware encrypts; choose a type "
        "without, such as 'ml.c5.xlarge', or leave it out",
    )


def test_outputs_and_keys_that_are_none_are_refused() -> None:
    shape = "must look like 'arn:aws:kms:REGION:ACCOUNT:key/ID', got 'alias/mine'"
    assert refusals(output="results", output_kms_key_arn="alias/mine", volume_kms_key_arn="alias/mine") == [
        ("output", "must look like 's3://BUCKET/PREFIX', got 'results'"),
        ("output_kms_key_arn", shape),
        ("volume_kms_key_arn", shape),
    ]
