"""Training on spare capacity, which is cheaper and may be taken away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from constructs_lib.sagemaker.s3_prefixes import prefix_problems
from constructs_lib.serving.problems import Problems, below


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Runs a job on Spot capacity: when its instances are taken away, it starts again from its checkpoints.

    A script keeps checkpoints in ``/opt/ml/checkpoints``, and looks there when it starts; its content is copied to S3
    while the job runs, and back before the job starts again.

    Attributes
    ----------
    max_wait_seconds
        How long to wait for capacity and to train, together, at least the job's ``max_runtime_seconds``.
    checkpoints
        ``s3://BUCKET/PREFIX`` under which checkpoints are kept. None: beside the job's output, apart for each state of
        what is trained, so that a new training never starts from an old one's end.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    max_wait_seconds: int
    checkpoints: str | None = None

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        if below(self.max_wait_seconds, 1):
            problems.add("max_wait_seconds", f"must be at least 1, got {self.max_wait_seconds}")
        problems.extend(prefix_problems("checkpoints", self.checkpoints))
        problems.raise_any()
