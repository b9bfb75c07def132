"""Data capture: requests and answers of an endpoint, kept in S3 to be looked at later."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from constructs_lib.sagemaker.s3_prefixes import prefix_problems
from constructs_lib.serving.arns import key_problems
from constructs_lib.serving.problems import Problems, is_token
from constructs_lib.serving.ranges import choice_problems, range_problems

Captured = Literal["Input", "Output", "InputAndOutput"]
# botocore sagemaker CsvContentTypes, JsonContentTypes
_CONTENT_TYPES_MAX = 10
_CONTENT_TYPE = re.compile(r"(?=.{1,256}$)[a-zA-Z0-9](-*[a-zA-Z0-9])*/[a-zA-Z0-9](-*[a-zA-Z0-9.])*")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCapture:
    """What of an endpoint's traffic is kept, and where.

    Attributes
    ----------
    destination
        ``s3://BUCKET/PREFIX`` under which SageMaker writes; the execution role is given the right to.
    sampling_percentage
        Percent of the requests that are kept, 0 to 100. Default: all of them.
    capture
        ``Input``, ``Output`` or ``InputAndOutput``. Default: both.
    kms_key_arn
        ARN of the KMS key to encrypt with; the execution role is given the right to. None: as the bucket encrypts.
    csv_content_types
        Content types that are kept as CSV text rather than in base64, at most 10. Default: SageMaker's own.
    json_content_types
        Content types that are kept as JSON text rather than in base64, at most 10. Default: SageMaker's own.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    destination: str
    sampling_percentage: int = 100
    capture: Captured = "InputAndOutput"
    kms_key_arn: str | None = None
    csv_content_types: tuple[str, ...] = ()
    json_content_types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(prefix_problems("destination", self.destination))
        problems.extend(range_problems("sampling_percentage", self.sampling_percentage, 0, 100))
        problems.extend(choice_problems("capture", self.capture, Captured))
        for name in ("csv_content_types", "json_content_types"):
            if len(getattr(self, name)) > _CONTENT_TYPES_MAX:
                problems.add(name, f"must be at most {_CONTENT_TYPES_MAX}, got {len(getattr(self, name))}")
            for number, given in enumerate(getattr(self, name)):
                if not is_token(given) and not _CONTENT_TYPE.fullmatch(given):
                    problems.add(f"{name}.{number}", f"must be a content type, such as 'text/csv', got '{given}'")
        problems.extend(key_problems("kms_key_arn", self.kms_key_arn))
        problems.raise_any()
