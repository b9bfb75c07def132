"""The rules that a training job's fields keep; none reads a file.

Bounds without another source are those of botocore's CreateTrainingJob.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, get_args

from constructs_lib.jobs.job_data import is_local
from constructs_lib.jobs.training_image import training_image
from constructs_lib.sagemaker.s3_prefixes import prefix_problems
from constructs_lib.serving import model_checks
from constructs_lib.serving.arns import key_problems
from constructs_lib.serving.compatibility import image_device
from constructs_lib.serving.images import ImageNotFoundError
from constructs_lib.serving.instance_storage import disk_key_problems
from constructs_lib.serving.instances import InstanceTypeError, Use, instance_types
from constructs_lib.serving.instances import instance_type as find_instance_type
from constructs_lib.serving.job_timeout import LONGEST
from constructs_lib.serving.problems import Problem, below, is_token
from constructs_lib.serving.ranges import choice_problems

if TYPE_CHECKING:
    from constructs_lib.jobs.training import Training

TrainingFramework = Literal["pytorch", "tensorflow"]

RESERVED = "sagemaker_"
"""How the hyperparameters begin that tell SageMaker's script mode what to run."""
CODE_CHANNEL = "code"
"""The channel through which an isolated container gets its script."""
SCRIPT_HYPERPARAMETERS = 4
"""How many of the hyperparameters script mode takes for itself."""

_HYPERPARAMETERS_MAX = 100
_HYPERPARAMETER_NAME_MAX = 256
_HYPERPARAMETER_VALUE_MAX = 2500
_CHANNELS_MAX = 20
_CHANNEL = re.compile(r"[A-Za-z0-9.\-_]{1,64}")
_ENVIRONMENT_TEXT_MAX = 512
_START_AND_END = 1800  # seconds in which instances start, the image is pulled, and the model is written
_METRICS_MAX = 40
_METRIC_NAME_MAX = 255
_METRIC_REGEX_MAX = 500


def image_problems(training: Training) -> Iterator[Problem]:
    """Check that there is an image that trains the framework on the instance type."""
    yield from choice_problems("framework", training.framework, TrainingFramework)
    if training.framework is None and training.image is None:
        yield Problem("framework", "is missing; choose 'pytorch' or 'tensorflow', or give an 'image' of your own")
    for name in ("version", "py_version"):
        if getattr(training, name) is not None and training.image is not None:
            yield Problem(name, "chooses one of AWS's images, and 'image' gives one; leave one of them out")
    yield from model_checks.image(training.image)
    try:
        instance = find_instance_type(training.instance_type, use=Use.TRAINING)
    except InstanceTypeError as error:
        yield Problem("instance_type", str(error))
        return
    if training.image is not None:
        device = image_device(training.image)
        if device not in (None, instance.device):
            yield Problem(
                "image",
                f"'{training.image}' is built for {device}, but '{instance.name}' is a {instance.device} instance; "
                "choose another of the two",
            )
    elif training.framework in get_args(TrainingFramework):
        try:
            training_image(training, instance)
        except ImageNotFoundError as error:
            # The alternatives tell which field has no image.
            instead = error.alternatives[0] if error.alternatives else None
            field = "instance_type" if instead is None else "py_version" if instead.startswith("py") else "version"
            yield Problem(field, str(error))


def script_problems(training: Training) -> Iterator[Problem]:
    """Check that script and directory are given together, and that the one is in the other."""
    entry, source = training.entry_point, training.source_dir
    if entry is None:
        if training.image is None:
            yield Problem("entry_point", "is missing; give the script inside 'source_dir', such as 'train.py'")
        elif source is not None:
            yield Problem("source_dir", "is packaged for an 'entry_point'; give that as well, or leave both out")
        return
    path = PurePosixPath(entry)
    if path.suffix not in (".py", ".sh") or path.is_absolute() or ".." in path.parts or "\\" in entry:
        yield Problem("entry_point", f"must be the path of a .py or .sh file inside 'source_dir', got '{entry}'")
    if source is None:
        yield Problem("source_dir", f"is missing; give the local directory that '{entry}' is in")
    elif not is_local(source) or is_token(source):
        yield Problem("source_dir", f"must be a local directory, which the deployment uploads, got '{source}'")


def hyperparameter_problems(training: Training) -> Iterator[Problem]:
    """Check that hyperparameters are texts that SageMaker takes."""
    given = training.hyperparameters
    most = _HYPERPARAMETERS_MAX - (SCRIPT_HYPERPARAMETERS if training.entry_point else 0)
    if len(given) > most:
        yield Problem("hyperparameters", f"must be at most {most}, got {len(given)}")
    for name, value in given.items():
        field = f"hyperparameters.{name}"
        if name.startswith(RESERVED):
            yield Problem(field, f"begins with '{RESERVED}', as SageMaker's own do; choose another name")
        if not 1 <= len(name) <= _HYPERPARAMETER_NAME_MAX:
            yield Problem(field, f"must have a name of 1 to {_HYPERPARAMETER_NAME_MAX} characters, got {len(name)}")
        if len(value) > _HYPERPARAMETER_VALUE_MAX:
            yield Problem(field, f"must have at most {_HYPERPARAMETER_VALUE_MAX} characters, got {len(value)}")


def channel_problems(training: Training) -> Iterator[Problem]:
    """Check that there are not too many channels, and that SageMaker takes their names."""
    uses_code = training.network_isolation and training.entry_point is not None
    most = _CHANNELS_MAX - uses_code
    if len(training.channels) > most:
        yield Problem("channels", f"must be at most {most}, got {len(training.channels)}")
    for name in training.channels:
        if not _CHANNEL.fullmatch(name):
            allowed = "1 to 64 letters, digits, dots, hyphens and underscores"
            yield Problem("channels", f"has the name '{name}', which must be {allowed}")
        elif uses_code and name == CODE_CHANNEL:
            why = "is how an isolated container gets its script; choose another name"
            yield Problem(f"channels.{name}", why)


def environment_problems(training: Training) -> Iterator[Problem]:
    """Check that SageMaker takes the environment variables."""
    return model_checks.environment(training.environment, longest=_ENVIRONMENT_TEXT_MAX)


def metric_problems(training: Training) -> Iterator[Problem]:
    """Check that metrics have names, and regular expressions that can be read."""
    if len(training.metric_definitions) > _METRICS_MAX:
        yield Problem("metric_definitions", f"must be at most {_METRICS_MAX}, got {len(training.metric_definitions)}")
    for name, expression in training.metric_definitions.items():
        field = f"metric_definitions.{name}"
        if not 1 <= len(name) <= _METRIC_NAME_MAX:
            yield Problem(field, f"must have a name of 1 to {_METRIC_NAME_MAX} characters, got {len(name)}")
        if not 1 <= len(expression) <= _METRIC_REGEX_MAX:
            yield Problem(field, f"must have 1 to {_METRIC_REGEX_MAX} characters, got {len(expression)}")
        try:
            groups = re.compile(expression).groups
        except re.error as error:
            yield Problem(field, f"is no regular expression: {error}, in '{expression}'")
        else:
            # SageMaker developer guide, "Define metrics": the value is what the expression captures.
            if expression and not groups:
                yield Problem(
                    field, f"captures no value: put the number into a group, as in 'loss=([0-9.]+)', got '{expression}'"
                )


def resource_problems(training: Training) -> Iterator[Problem]:
    """Check that counts, sizes and times are in bounds."""
    for name in ("instance_count", "volume_size_gb", "max_runtime_seconds"):
        if below(getattr(training, name), 1):
            yield Problem(name, f"must be at least 1, got {getattr(training, name)}")
    limit = "spot.max_wait_seconds" if training.spot else "max_runtime_seconds"
    if is_token(deployment_timeout(training)):
        yield Problem(limit, "is known at deployment only, which has to wait as long; give a plain number of seconds")
    elif deployment_timeout(training) > LONGEST:
        yield Problem(
            limit,
            f"must be at most {LONGEST - _START_AND_END} seconds, as a deployment waits {LONGEST} seconds at most; run "
            "a longer job outside of the deployment, and give a model the s3:// address of its artifact",
        )
    if training.spot is not None and below(training.spot.max_wait_seconds, training.max_runtime_seconds):
        yield Problem(
            "spot.max_wait_seconds",
            f"must be at least 'max_runtime_seconds' ({training.max_runtime_seconds}), as it includes the training, "
            f"got {training.spot.max_wait_seconds}",
        )


def deployment_timeout(training: Training) -> int:
    """Give the seconds that a deployment waits for a job, with its start and its end."""
    limit = training.spot.max_wait_seconds if training.spot else training.max_runtime_seconds
    return limit + _START_AND_END


def output_problems(training: Training) -> Iterator[Problem]:
    """Check that the output is an S3 prefix, that keys are given by their ARNs, and that volumes can be encrypted."""
    yield from prefix_problems("output", training.output)
    yield from key_problems("output_kms_key_arn", training.output_kms_key_arn)
    yield from key_problems("volume_kms_key_arn", training.volume_kms_key_arn)
    if training.instance_type in instance_types(Use.TRAINING):
        instance = find_instance_type(training.instance_type, use=Use.TRAINING)
        yield from disk_key_problems("volume_kms_key_arn", training.volume_kms_key_arn, instance)


ALL: tuple[Callable[[Training], Iterator[Problem]], ...] = (
    image_problems,
    script_problems,
    hyperparameter_problems,
    channel_problems,
    environment_problems,
    metric_problems,
    resource_problems,
    output_problems,
)
"""Every rule."""
