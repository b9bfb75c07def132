"""The kinds of SageMaker jobs: what its operations and fields for each are called, and what each leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

RUNNING, ENDING, COMPLETED = ("STARTING", "INPROGRESS"), ("STOPPING", "DELETING"), "COMPLETED"
"""Statuses of a job, as `Kind.status` spells them; with any other it has ended in vain."""

_IMAGE = re.compile(r"(\d+)\.dkr[.-]ecr(?:-fips)?\.([^.]+)\.([^/]+)/([^:@]+)(?::(.+))?")


@dataclass(frozen=True)
class Kind:
    """A kind of job."""

    name: str
    console: str
    uri: Callable[[Json], str]
    results: Callable[[Json], Json]

    def call(self, sagemaker: Any, verb: str, name: str, **request: Any) -> Json:
        """Create, describe or stop a job."""
        operation = verb + re.sub(r"([A-Z])", r"_\1", self.name).lower()
        return dict(getattr(sagemaker, operation)(**{f"{self.name}Name": name}, **request))

    def status(self, job: Json) -> str:
        """Give a job's status; compilations spell theirs in capitals."""
        return str(job[f"{self.name}Status"]).upper()

    def arn(self, job: Json) -> str:
        """Give a job's ARN."""
        return str(job[f"{self.name}Arn"])


def split_uri(uri: str) -> tuple[str, str]:
    """Give the bucket and the key of an ``s3://`` address."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _artifact_uri(job: Json) -> str:
    return str(job.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""))


def _trained(job: Json) -> Json:
    return {"ArtifactKey": split_uri(_artifact_uri(job))[1]}


def _compiled(job: Json) -> Json:
    parts = _IMAGE.fullmatch(job.get("InferenceImage", ""))
    names = ("Account", "Region", "Domain", "Repository", "Tag")
    image = dict.fromkeys(names, "") if parts is None else dict(zip(names, parts.groups("latest"), strict=True))
    return {**_trained(job), **{f"Image{name}": value for name, value in image.items()}}


def _output_uri(job: Json) -> str:
    return str(job.get("TransformOutput", {}).get("S3OutputPath", ""))


KINDS = {
    kind.name: kind
    for kind in (
        Kind("CompilationJob", "compilation-jobs", _artifact_uri, _compiled),
        Kind("TrainingJob", "jobs", _artifact_uri, _trained),
        Kind("TransformJob", "transform-jobs", _output_uri, lambda job: {"Output": _output_uri(job)}),
    )
}
"""By their names."""
