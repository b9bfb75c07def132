"""One of the data sets that a training job reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from constructs_lib.jobs.job_data import data_problems, relative_to
from constructs_lib.serving.problems import Problems
from constructs_lib.serving.ranges import choice_problems

InputMode = Literal["File", "FastFile", "Pipe"]
Distribution = Literal["FullyReplicated", "ShardedByS3Key"]
_CONTENT_TYPE_MAX = 256  # botocore sagemaker ContentType


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A data set that a training job finds in ``/opt/ml/input/data/NAME``, which is in ``SM_CHANNEL_NAME``.

    Attributes
    ----------
    data
        ``s3://BUCKET/PREFIX/``, under which all objects are read, or a local directory, whose files the deployment
        uploads, at most 500, under a prefix that follows from their content: a changed byte trains again.
    data_version
        Any text that names the state of the data in S3, such as a date: the job runs again when it changes, since synth
        does not look into S3. None: new objects under the same prefix start nothing.
    content_type
        MIME type that the container is told, such as ``text/csv``. None: none is.
    input_mode
        ``File``: copied before the training starts; ``FastFile``: files that are fetched as they are read; ``Pipe``:
        streamed. Default: ``File``.
    distribution
        ``FullyReplicated``: every instance gets all objects; ``ShardedByS3Key``: each gets a share. Default:
        ``FullyReplicated``.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    data: str
    data_version: str | None = None
    content_type: str | None = None
    input_mode: InputMode = "File"
    distribution: Distribution = "FullyReplicated"

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(data_problems("data", self.data))
        if self.content_type is not None and len(self.content_type) > _CONTENT_TYPE_MAX:
            problems.add(
                "content_type", f"must have at most {_CONTENT_TYPE_MAX} characters, got {len(self.content_type)}"
            )
        problems.extend(choice_problems("input_mode", self.input_mode, InputMode))
        problems.extend(choice_problems("distribution", self.distribution, Distribution))
        problems.raise_any()

    def relative_to(self, directory: Path) -> Channel:
        """Read a local path as seen from ``directory`` instead of from the current one."""
        return replace(self, data=relative_to(self.data, directory))
