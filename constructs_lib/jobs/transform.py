"""What a model is asked in bulk, and where its answers go: a batch transform job as a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from constructs_lib.jobs import transform_rules as rules
from constructs_lib.jobs.job_data import relative_to
from constructs_lib.jobs.transform_rules import Assembly, Compression, JoinSource, SplitType, Strategy
from constructs_lib.serving.problems import Problem, Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A SageMaker batch transform job: a model's answers to every object under an S3 prefix.

    The answer to ``PREFIX/a/b.csv`` is ``OUTPUT/a/b.csv.out``. The job runs when the stack is deployed and model, data
    or options have changed since; and, if asked to, by a schedule and for new objects.

    Attributes
    ----------
    input
        ``s3://BUCKET/PREFIX/``, under which all objects are read, or a local directory, whose files the deployment
        uploads, at most 500, under a prefix that follows from their content.
    data_version
        Any text that names the state of the data in S3, such as a date: the job runs again when it changes, since synth
        does not look into S3. None: new objects under the same prefix run nothing at a deployment.
    content_type
        MIME type of a request, such as ``text/csv``. None: not set.
    split_type
        ``Line``, ``RecordIO`` or ``TFRecord``: how objects are cut into records; ``None``: each is one request.
        Default: ``None``.
    strategy
        ``MultiRecord``: as many records in a request as ``max_payload_mb`` allows; ``SingleRecord``: one. None:
        ``MultiRecord`` where objects are split.
    compression
        ``Gzip`` if the objects are compressed. Default: ``None``.
    max_payload_mb
        Most megabytes in a request, 0 to 100; 0 streams it in chunks, which few containers take. None: 6.
    max_concurrent_transforms
        How many requests an instance gets at a time; times ``max_payload_mb``, at most 100. None: as many as the
        container's ``/execution-parameters`` says, otherwise 1.
    invocation_timeout_seconds
        How long an answer may take, 1 to 3600. None: 600.
    invocation_max_retries
        How often a request is sent again that was not answered, 0 to 3. None: 3.
    input_filter
        JSONPath of what the model is given of each record, such as ``$[1:]``. None: all of it.
    join
        ``Input``: each answer is appended to its record. Default: ``None``, the answers alone.
    output_filter
        JSONPath of what is kept of each joined record, such as ``$[0,-1]``. None: all of it.
    output
        ``s3://BUCKET/PREFIX`` under which the answers are written, not inside of ``input``. None: a bucket of the
        stack, which stays when the stack is deleted.
    accept
        MIME type of an answer. None: the container chooses.
    assemble_with
        ``Line``: each answer ends with a newline; ``None``: answers are concatenated as they are. Default: ``None``.
    output_kms_key_arn
        ARN of the KMS key to encrypt the answers with. None: as the bucket encrypts.
    volume_kms_key_arn
        ARN of the KMS key to encrypt the instances' storage with; types with disks of their own take none. None: a key
        of SageMaker's.
    instance_type
        Type of each instance; batch transform has fewer than hosting has, such as ``ml.c6i.large`` or ``ml.g5.xlarge``.
    instance_count
        How many instances share the objects, at least 1. Default: 1.
    environment
        Environment variables of the container on top of the model's, at most 16.
    on_deploy
        Whether a deployment runs the job, and waits for it. Default: it does.
    max_runtime_seconds
        How long a deployment waits for the job, 60 to 43200; then it is stopped. Default: 3300.
    schedule
        When it runs by itself: ``rate(1 day)``, or ``cron(0 3 * * ? *)`` in UTC; it waits for instances as new objects
        do. None: it does not.
    on_new_objects
        Whether each new object under ``input`` is transformed by a job of its own; its bucket must send its events to
        EventBridge. Where more arrive at a time than your quota of instances has room for, the others wait in a queue,
        four days at most. Default: it is not.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    input: str
    data_version: str | None = None
    content_type: str | None = None
    split_type: SplitType = "None"
    strategy: Strategy | None = None
    compression: Compression = "None"
    max_payload_mb: int | None = None
    max_concurrent_transforms: int | None = None
    invocation_timeout_seconds: int | None = None
    invocation_max_retries: int | None = None
    input_filter: str | None = None
    join: JoinSource = "None"
    output_filter: str | None = None
    output: str | None = None
    accept: str | None = None
    assemble_with: Assembly = "None"
    output_kms_key_arn: str | None = None
    volume_kms_key_arn: str | None = None
    instance_type: str
    instance_count: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    on_deploy: bool = True
    max_runtime_seconds: int = 3300
    schedule: str | None = None
    on_new_objects: bool = False

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(self._problems())
        problems.raise_any()

    def _problems(self) -> Iterator[Problem]:
        for rule in rules.ALL:
            yield from rule(self)

    def relative_to(self, directory: Path) -> Self:
        """Read a local path as seen from ``directory`` instead of from the current one."""
        return replace(self, input=relative_to(self.input, directory))
