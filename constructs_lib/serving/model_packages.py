"""The rules of SageMaker's model packages: which ARN, where it is served, and what the role is told of its content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from constructs_lib.serving import model_checks as check
from constructs_lib.serving.artifacts import S3Artifact, parse_artifact
from constructs_lib.serving.problems import InvalidValueError, Problem, is_token
from constructs_lib.serving.regions import partition

if TYPE_CHECKING:
    from constructs_lib.serving.models import ModelPackageModel

# botocore sagemaker: VersionedArnOrName, of which this is the ARN of a package.
_ARN_MAX = 176
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sagemaker:(?P<region>[a-z0-9-]+):\d{12}:"
    r"model-package/[A-Za-z0-9][A-Za-z0-9-]{0,62}(?<!-)(/\d{1,9})?",
    re.ASCII,
)


def package_problems(model: ModelPackageModel) -> Iterator[Problem]:
    """Check a package's ARN, and that the role can be granted what the package is said to contain."""
    yield from _arn_problems(model.model_package_arn)
    for number, uri in enumerate(model.package_images):
        yield from (Problem(f"package_images.{number}", problem.message) for problem in check.image(uri))
    for number, uri in enumerate(model.package_artifacts):
        yield from _artifact_problems(f"package_artifacts.{number}", uri)
    if model.artifact_kms_key_arn is not None and not model.package_artifacts:
        yield Problem("artifact_kms_key_arn", "is the key of 'package_artifacts'; give them as well, or leave it out")
    elif model.package_artifacts:
        yield from check.artifact_key(model.package_artifacts, model.artifact_kms_key_arn)
    if model.marketplace and not model.network_isolation:
        # SageMaker developer guide, "Run training and inference containers in internet-free mode".
        yield Problem(
            "network_isolation",
            "must be true with 'marketplace': SageMaker isolates what it runs of AWS Marketplace, and refuses it "
            "otherwise",
        )


def _arn_problems(arn: str) -> Iterator[Problem]:
    if is_token(arn):
        return
    match = _ARN.fullmatch(arn)
    if match is None or len(arn) > _ARN_MAX:
        hint = "; that is a group: give one of its versions" if ":model-package-group/" in arn else ""
        shape = f"'arn:aws:sagemaker:REGION:ACCOUNT:model-package/NAME/VERSION', with at most {_ARN_MAX} characters"
        yield Problem("model_package_arn", f"must look like {shape}, got '{arn}'{hint}")
    elif match["partition"] != partition(match["region"]):
        right = partition(match["region"])
        yield Problem(
            "model_package_arn", f"is in the partition '{match['partition']}', but '{match['region']}' is in '{right}'"
        )


def _artifact_problems(field: str, uri: str) -> Iterator[Problem]:
    try:
        found = parse_artifact(uri)
    except InvalidValueError as error:
        yield from (Problem(field, problem.message) for problem in error.problems)
        return
    if not isinstance(found, S3Artifact):
        yield Problem(field, f"must be the s3:// address that the package names, got '{uri}'")


def named_artifacts(model: ModelPackageModel) -> list[S3Artifact]:
    """Give the artifacts that are told to be in a package."""
    found = map(parse_artifact, model.package_artifacts)
    return [each for each in found if isinstance(each, S3Artifact)]


def package_region_problems(model: object, region: str) -> Iterator[Problem]:
    """Check that a package is in the region that it is served in; other models, and tokens, are not checked.

    Source: botocore sagemaker, ``ContainerDefinition``: image and model data are in the region of the model.

    Yields
    ------
    Problem
        About ``region``.
    """
    match = _ARN.fullmatch(getattr(model, "model_package_arn", ""))
    if match is not None and not is_token(region) and match["region"] != region:
        there = match["region"]
        yield Problem(
            "region",
            f"is '{region}', but the model package is in '{there}', where alone SageMaker serves it; deploy to "
            f"'{there}', or register the model in '{region}' and give that 'model_package_arn'",
        )
