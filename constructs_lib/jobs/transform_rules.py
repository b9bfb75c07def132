"""The rules that a batch transform's fields keep; none reads a file.

Bounds without another source are those of botocore's CreateTransformJob, and of what it says of each field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Literal

from constructs_lib.jobs.job_data import data_problems, is_local
from constructs_lib.sagemaker.s3_prefixes import prefix_problems
from constructs_lib.serving.arns import key_problems
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.compatibility import hosting_problems
from constructs_lib.serving.instance_storage import disk_key_problems
from constructs_lib.serving.instances import InstanceTypeError, Use, instance_types
from constructs_lib.serving.instances import instance_type as find_instance_type
from constructs_lib.serving.job_timeout import timeout_problems
from constructs_lib.serving.models import AnyModel, Model
from constructs_lib.serving.problems import Problem, below, is_token
from constructs_lib.serving.ranges import choice_problems, range_problems

if TYPE_CHECKING:
    from constructs_lib.jobs.transform import Transform

SplitType = Literal["None", "Line", "RecordIO", "TFRecord"]
Strategy = Literal["MultiRecord", "SingleRecord"]
Assembly = Literal["None", "Line"]
JoinSource = Literal["None", "Input"]
Compression = Literal["None", "Gzip"]

_WORDS = {
    "split_type": SplitType,
    "strategy": Strategy,
    "assemble_with": Assembly,
    "join": JoinSource,
    "compression": Compression,
}
_PAYLOAD_MAX = 100
_PAYLOAD_DEFAULT = 6
_IN_FLIGHT_MAX = 100  # megabytes: max_concurrent_transforms * max_payload_mb
_TEXT_MAX = 256
_FILTER_MAX = 63
# SageMaker developer guide, "Supported JSONPath Operators": names, all, and unions of names, indexes and slices.
_NAME, _PLACE = r"\s*'[^']+'\s*", r"\s*(-?\d+|-?\d*:-?\d*)\s*"
_JSON_PATH = re.compile(rf"\$(\.[A-Za-z_][\w-]*|\.\*|\[\*\]|\[{_NAME}(,{_NAME})*\]|\[{_PLACE}(,{_PLACE})*\])*")
_ENVIRONMENT_MAX = 16
_ENVIRONMENT_NAME_MAX = 1024
_ENVIRONMENT_VALUE_MAX = 10240
_EVENT_ENVIRONMENT_MAX = 1500  # of the 4 KB that a Lambda function's own environment may have
# SageMaker developer guide, "Associate Prediction Results with Input Records".
_JOINABLE = ("text/csv", "application/json", "application/jsonlines")
# EventBridge user guide, "Creating a rule that runs on a schedule".
_RATE = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)")
_CRON = re.compile(r"cron\(\S+( \S+){5}\)")


def input_problems(transform: Transform) -> Iterator[Problem]:
    """Check that the input is a prefix or a directory, and that the output is not inside of it."""
    wrong = [*data_problems("input", transform.input), *prefix_problems("output", transform.output)]
    yield from wrong
    if wrong or transform.output is None or is_local(transform.input):
        return
    source, target = transform.input.removeprefix("s3://"), transform.output.removeprefix("s3://")
    if target.startswith(source):
        yield Problem(
            "output",
            f"'{transform.output}' is inside of 'input' ({transform.input}), so that the next run would transform its "
            "own answers; choose a prefix outside",
        )


def format_problems(transform: Transform) -> Iterator[Problem]:
    """Check that splitting, joining and filtering go together."""
    for name, choices in _WORDS.items():
        yield from choice_problems(name, getattr(transform, name), choices)
    for name in ("content_type", "accept"):
        given = getattr(transform, name)
        if given is not None and len(given) > _TEXT_MAX:
            yield Problem(name, f"must have at most {_TEXT_MAX} characters, got {len(given)}")
    if transform.strategy is not None and transform.split_type == "None":
        yield Problem(
            "strategy", "is how records become requests, and without a 'split_type' there are none; give 'split_type'"
        )
    filters = ("input_filter", "output_filter")
    for name in filters:
        given = getattr(transform, name)
        if given is None or is_token(given):
            continue
        if not _JSON_PATH.fullmatch(given):
            yield Problem(name, f"must be a JSONPath, such as '$', '$[1:]', '$.features' or \"$['id']\", got '{given}'")
        if len(given) > _FILTER_MAX:
            yield Problem(name, f"must have at most {_FILTER_MAX} characters, got {len(given)}")
    processed = [name for name in filters if getattr(transform, name) is not None]
    processed += ["join"] if transform.join == "Input" else []
    kind = (transform.content_type or "").partition(";")[0].strip()
    if processed and kind not in _JOINABLE and not is_token(kind):
        got = f"'{transform.content_type}'" if transform.content_type else "none"
        yield Problem(processed[0], f"works on a 'content_type' of {', '.join(_JOINABLE)} only, got {got}")


def size_problems(transform: Transform) -> Iterator[Problem]:
    """Check that payload, concurrency and time-outs are in bounds."""
    payload, concurrent = transform.max_payload_mb, transform.max_concurrent_transforms
    yield from range_problems("max_payload_mb", payload, 0, _PAYLOAD_MAX, "MB")
    if concurrent is not None and below(concurrent, 0):
        yield Problem("max_concurrent_transforms", f"must be at least 0, got {concurrent}")
    each = _PAYLOAD_DEFAULT if payload is None else payload
    if concurrent and not is_token(concurrent) and not is_token(each) and each * concurrent > _IN_FLIGHT_MAX >= each:
        most = _IN_FLIGHT_MAX // each
        yield Problem(
            "max_concurrent_transforms",
            f"times 'max_payload_mb' must be at most {_IN_FLIGHT_MAX} MB, got {concurrent} times {each} MB; give at "
            f"most {most} with {each} MB",
        )
    yield from range_problems("invocation_timeout_seconds", transform.invocation_timeout_seconds, 1, 3600, "seconds")
    yield from range_problems("invocation_max_retries", transform.invocation_max_retries, 0, 3)


def instance_problems(transform: Transform) -> Iterator[Problem]:
    """Check that batch transform has the instance type, with a volume where one is to be encrypted."""
    try:
        instance = find_instance_type(transform.instance_type, use=Use.TRANSFORM)
    except InstanceTypeError as error:
        yield Problem("instance_type", str(error))
    else:
        yield from disk_key_problems("volume_kms_key_arn", transform.volume_kms_key_arn, instance)
    if below(transform.instance_count, 1):
        yield Problem("instance_count", f"must be at least 1, got {transform.instance_count}")


def environment_problems(transform: Transform) -> Iterator[Problem]:
    """Check that SageMaker takes the environment variables."""
    if len(transform.environment) > _ENVIRONMENT_MAX:
        yield Problem(
            "environment", f"must have at most {_ENVIRONMENT_MAX} variables, got {len(transform.environment)}"
        )
    for name, value in transform.environment.items():
        field = f"environment.{name}"
        if not (name.isascii() and name.isidentifier() and len(name) <= _ENVIRONMENT_NAME_MAX):
            yield Problem(field, "must be named with letters, digits and underscores, and not begin with a digit")
        if len(value) > _ENVIRONMENT_VALUE_MAX:
            yield Problem(field, f"must have at most {_ENVIRONMENT_VALUE_MAX} characters, got {len(value)}")


def encryption_problems(transform: Transform) -> Iterator[Problem]:
    """Check that keys are given by their ARNs."""
    yield from key_problems("output_kms_key_arn", transform.output_kms_key_arn)
    yield from key_problems("volume_kms_key_arn", transform.volume_kms_key_arn)


def trigger_problems(transform: Transform) -> Iterator[Problem]:
    """Check that something runs the job, and that EventBridge understands when."""
    if not (transform.on_deploy or transform.schedule or transform.on_new_objects):
        yield Problem(
            "on_deploy", "is off, and nothing else runs the job; give 'schedule' or 'on_new_objects', or leave it out"
        )
    for problem in timeout_problems(transform.max_runtime_seconds):
        limits = problem.message.partition(";")[0]
        yield Problem("max_runtime_seconds", f"{limits}; run a longer job by 'schedule', with 'on_deploy: false'")
    characters = sum(map(len, chain(*transform.environment.items())))
    if (transform.schedule or transform.on_new_objects) and characters > _EVENT_ENVIRONMENT_MAX:
        yield Problem(
            "environment",
            f"must have at most {_EVENT_ENVIRONMENT_MAX} characters in all, as the function that starts jobs by "
            "'schedule' or 'on_new_objects' holds it; set longer ones on the model",
        )
    schedule = transform.schedule
    if schedule is not None and not is_token(schedule) and not (_RATE.fullmatch(schedule) or _CRON.fullmatch(schedule)):
        yield Problem("schedule", f"must look like 'rate(1 day)' or 'cron(0 3 * * ? *)', got '{schedule}'")
    if transform.on_new_objects and is_local(transform.input):
        yield Problem("on_new_objects", "needs an 'input' in S3; a local directory's copy there never gets new objects")


def model_problems(model: AnyModel, instance_type: str) -> Iterator[Problem]:
    """Check that batch transform can run a model on an instance type.

    Yields
    ------
    Problem
        Its field is ``instance_type``, or begins with ``model``. A type that batch transform lacks is no problem of the
        model's.
    """
    yield from model_data_problems(model)
    if instance_type in instance_types(Use.TRANSFORM):
        yield from hosting_problems(model, instance_type, autoscaled=False)


def model_data_problems(model: Model) -> Iterator[Problem]:
    """Check that model data is compressed, and in one place."""
    location = model.location
    if isinstance(location, S3Artifact) and not location.is_archive:
        # https://github.com/aws/sagemaker-python-sdk/issues/4777
        yield Problem(
            "model.artifact",
            f"'{location.uri}' is a prefix of uncompressed files, which batch transform does not take; give a .tar.gz",
        )
    if model.additional_model_data_sources:
        # botocore sagemaker ContainerDefinition: ModelDataSource, to which they come in addition, is not for it.
        yield Problem(
            "model.additional_model_data_sources",
            "do not work with batch transform; put their files into the artifact",
        )


ALL: tuple[Callable[[Transform], Iterator[Problem]], ...] = (
    input_problems,
    format_problems,
    size_problems,
    instance_problems,
    environment_problems,
    encryption_problems,
    trigger_problems,
)
"""Every rule."""
