"""What a training script is started with on local AWS, and what is said of its failure."""

from __future__ import annotations

import json

import pytest

from local_aws.hosting.training import last_error
from local_aws.hosting.training_environment import TrainingContainer


def container(**hyperparameters: str) -> TrainingContainer:
    return TrainingContainer(
        image="image",
        job_name="job",
        hyperparameters=hyperparameters,
        channels={},
        instance_type="ml.m5.large",
        environment={},
    )


@pytest.mark.parametrize(
    ("hyperparameters", "arguments"),
    [
        ({"epochs": "2", "a": "1"}, ["-a", "1", "--epochs", "2"]),
        ({"name": '"it"', "path": "s3://b/k"}, ["--name", "it", "--path", "s3://b/k"]),
        ({"flag": "true", "none": "null"}, ["--flag", "True", "--none", ""]),
        ({"layers": "[1, 2]", "sizes": '{"b": 2, "a": 1}'}, ["--layers", "[1, 2]", "--sizes", "a=1,b=2"]),
        ({"sagemaker_program": "train.py", "sagemaker_mpi_enabled": "true"}, []),
    ],
)
def test_hyperparameters_become_arguments_as_the_training_toolkit_writes_them(
    hyperparameters: dict[str, str], arguments: list[str]
) -> None:
    assert container(**hyperparameters).arguments == arguments


def test_reserved_hyperparameters_are_told_apart_from_those_for_the_framework() -> None:
    told = container(sagemaker_program='"go.py"', sagemaker_mpi_enabled="true", epochs="2").variables()

    assert told["SM_USER_ENTRY_POINT"] == "go.py"
    assert json.loads(told["SM_FRAMEWORK_PARAMS"]) == {"sagemaker_mpi_enabled": True}
    assert json.loads(told["SM_HPS"]) == {"epochs": 2}
    assert "SM_HP_SAGEMAKER_PROGRAM" not in told


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([], "the script wrote nothing"),
        (["epoch 1", "give me data", ""], "give me data"),
        (
            [
                "Traceback (most recent call last):",
                '  File "/tmp/opt/ml/code/data.py", line 3, in read',
                "KeyError: 'x'",
                "",
                "During handling of the above exception, another exception occurred:",
                "",
                "Traceback (most recent call last):",
                '  File "/tmp/opt/ml/code/train.py", line 9, in <module>',
                '  File "/usr/lib/python/json.py", line 70, in load',
                "ValueError: no rows",
                "closing the log",
            ],
            "ValueError: no rows (train.py, line 9)",
        ),
        (
            ['  File "train.py", line 1', "    def broken(:", "SyntaxError: invalid syntax"],
            "SyntaxError: invalid syntax",
        ),
        (["numpy.linalg.LinAlgError: singular", "bye"], "numpy.linalg.LinAlgError: singular"),
    ],
)
def test_the_last_error_of_a_script_is_found_in_its_output(lines: list[str], error: str) -> None:
    assert last_error(lines) == error
