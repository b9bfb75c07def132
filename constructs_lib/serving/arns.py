"""ARNs that users give: of topics and of keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from constructs_lib.serving.problems import Problem, is_token

_TOPIC = re.compile(r"arn:aws[a-z\-]*:sns:[a-z0-9\-]*:[0-9]{12}:[a-zA-Z0-9_.-]+")  # botocore sagemaker SnsTopicArn
_KEY = re.compile(r"arn:aws[a-z\-]*:kms:[a-z0-9\-]+:[0-9]{12}:key/[a-zA-Z0-9\-]+")


def topic_problems(name: str, arn: str | None) -> Iterator[Problem]:
    """Check that a field is the ARN of an SNS topic; None and tokens are not checked."""
    if arn is not None and not is_token(arn) and not _TOPIC.fullmatch(arn):
        yield Problem(name, f"must look like 'arn:aws:sns:REGION:ACCOUNT:TOPIC', got '{arn}'")


def key_problems(name: str, arn: str | None) -> Iterator[Problem]:
    """Check that a field is the ARN of a KMS key, which a role can be limited to; None and tokens are not checked."""
    if arn is not None and not is_token(arn) and not _KEY.fullmatch(arn):
        yield Problem(name, f"must look like 'arn:aws:kms:REGION:ACCOUNT:key/ID', got '{arn}'")
