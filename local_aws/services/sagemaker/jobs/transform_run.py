"""A batch transform job at work: every object of the input through the model's containers, and its answers to S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html, and CreateTransformJob's reference.
"""

from __future__ import annotations

import contextlib
import gzip
import secrets
import shutil
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from local_aws import telemetry
from local_aws.api import Parameters
from local_aws.errors import ServiceError
from local_aws.execution_role import ExecutionRole
from local_aws.services.sagemaker import s3_data
from local_aws.services.sagemaker.containers import Place, RunningContainer, open_container
from local_aws.services.sagemaker.http_client import Reply
from local_aws.services.sagemaker.jobs import records
from local_aws.services.sagemaker.jobs.data_processing import DataProcessing
from local_aws.services.sagemaker.jobs.job import JobFailedError, TransformJob
from local_aws.services.sagemaker.jobs.transform_settings import TransformSettings, recommended_by
from local_aws.services.sagemaker.plane import plane
from local_aws.services.sagemaker.state import Model
from local_aws.services.sagemaker.variants import STARTUP_TIMEOUT

_LOG_GROUP = "/aws/sagemaker/TransformJobs"
_MB = 1024 * 1024
# ModelClientConfig's reference.
_TIMEOUT, _RETRIES = 600, 3


class TransformRun:
    """The work of one batch transform job; call it on the job's thread."""

    def __init__(self, job: TransformJob, model: Model, role: ExecutionRole) -> None:
        self._job = job
        self._request = job.request
        self._input: Parameters = {"SplitType": "None", "CompressionType": "None", **job.request["TransformInput"]}
        self._output: Parameters = {"AssembleWith": "None", **job.request["TransformOutput"]}
        self._model = model
        self._role = role
        self._processing = DataProcessing(job.request)
        self._settings = TransformSettings.of(job.request, {})
        self._stream = f"{job.name}/i-{secrets.token_hex(9)[:17]}"
        self._results = plane().directory / f"{job.name}-results-{secrets.token_hex(4)}"

    def __call__(self) -> None:
        """Run the job to its end."""
        objects = self._objects()
        with self._containers() as containers:
            self._settings = TransformSettings.of(self._request, recommended_by(containers[-1]))
            self._job.begin_work()
            telemetry.open_log_stream(self._role.scope, _LOG_GROUP, f"{self._stream}/data-log")
            self._log(str(self._settings))
            try:
                failures, done = self._transform_all(containers, objects)
                # A job that is stopped stores nothing.
                self._job.check()
                for found, result in done:
                    self._store(found, result)
            finally:
                shutil.rmtree(self._results, ignore_errors=True)
        if failures:
            raise failures[0]

    def _objects(self) -> list[s3_data.S3Object]:
        source = self._input["DataSource"]["S3DataSource"]
        found = s3_data.find(self._role, source["S3Uri"], data_type=source["S3DataType"])
        if not found:
            raise JobFailedError(f"ClientError: Data download failed:S3 key: {source['S3Uri']} matched no files on s3")
        return found

    @contextlib.contextmanager
    def _containers(self) -> Iterator[list[RunningContainer]]:
        opened: list[RunningContainer] = []
        try:
            for number, definition in enumerate(self._model.containers, start=1):
                opened.append(self._open(definition, number))
                self._job.check()
            yield opened
        finally:
            for container in opened:
                container.close()

    def _open(self, definition: Parameters, number: int) -> RunningContainer:
        is_alone = len(self._model.containers) == 1
        name = "primary" if is_alone else definition.get("ContainerHostname", f"container-{number}")
        environment = {
            **definition.get("Environment", {}),
            **self._settings.environment(),
            **self._request.get("Environment", {}),
        }
        place = Place(
            owner=self._job.name,
            log_group=_LOG_GROUP,
            log_stream=self._stream if is_alone else f"{self._stream}/{name}",
            startup_timeout=STARTUP_TIMEOUT,
        )
        try:
            return open_container(self._role, {**definition, "Environment": environment}, place, name=name)
        except plane().failure as failure:
            raise JobFailedError(
                "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is "
                f"implemented and responds with an HTTP 200 status code ({failure})"
            ) from failure

    def _transform_all(
        self, containers: list[RunningContainer], objects: list[s3_data.S3Object]
    ) -> tuple[list[JobFailedError], list[tuple[s3_data.S3Object, Path]]]:
        """Return why objects failed, and where the results of the others are."""
        self._results.mkdir(parents=True)
        failures, done = [], []
        with ThreadPoolExecutor(max_workers=self._settings.concurrency, thread_name_prefix="transform") as pool:
            for number, found in enumerate(objects):
                try:
                    result = self._results / str(number)
                    result.write_bytes(self._transform(containers, found, pool))
                    done.append((found, result))
                except (JobFailedError, ServiceError) as error:
                    failure = _failure_of(found, error)
                    self._log(*str(failure).split("\n"))
                    failures.append(failure)
        return failures, done

    def _transform(
        self, containers: list[RunningContainer], found: s3_data.S3Object, pool: ThreadPoolExecutor
    ) -> bytes:
        body = found.read(self._role)
        if self._input["CompressionType"] == "Gzip":
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError, zlib.error) as error:
                raise JobFailedError(f"ClientError: the object is not compressed with gzip: {error}") from error
        batches = records.payloads(
            records.split(body, self._input["SplitType"]),
            strategy=self._settings.strategy,
            limit=self._settings.payload_mb * _MB,
        )
        answers = pool.map(lambda batch: self._answer(containers, batch), batches)
        separator = b"\n" if self._output["AssembleWith"] == "Line" else b""
        return b"".join(answer if answer.endswith(separator) else answer + separator for answer in answers)

    def _answer(self, containers: list[RunningContainer], batch: list[records.Record]) -> bytes:
        self._job.check()
        body = records.body_of(batch, strategy=self._settings.strategy)
        if not self._processing.is_active:
            return self._ask(containers, body)
        return self._processing.to_keep(body, self._ask(containers, self._processing.to_send(body)))

    def _ask(self, containers: list[RunningContainer], body: bytes) -> bytes:
        """Pass a payload through the containers, trying again what failed on their side."""
        client = self._request.get("ModelClientConfig", {})
        content_type = self._input.get("ContentType", "application/octet-stream")
        for container in containers:
            accept = self._output.get("Accept", "*/*") if container is containers[-1] else "*/*"
            headers = {"Content-Type": content_type, "Accept": accept}
            for _ in range(1 + client.get("InvocationsMaxRetries", _RETRIES)):
                self._job.check()
                timeout = float(client.get("InvocationsTimeoutInSeconds", _TIMEOUT))
                reply = container.ask(body, headers, timeout=timeout)
                if isinstance(reply, Reply) and reply.status < 500:
                    break
            if not isinstance(reply, Reply) or not 200 <= reply.status < 300:
                raise _refused(reply)
            body, content_type = reply.body, reply.headers.get("content-type", content_type)
        return body

    def _store(self, found: s3_data.S3Object, result: Path) -> None:
        uri = f"{self._output['S3OutputPath'].rstrip('/')}/{found.name}.out"
        s3_data.write(self._role, uri, result.read_bytes(), kms_key=self._output.get("KmsKeyId"))

    def _log(self, *lines: str) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        told = [f"{moment}:[sagemaker logs]: {line}" for line in lines]
        telemetry.put_log_lines(self._role.scope, _LOG_GROUP, f"{self._stream}/data-log", told)


def _refused(reply: Reply | str) -> JobFailedError:
    if isinstance(reply, str):
        return JobFailedError(f"AlgorithmError: Unable to get response from algorithm: {reply}")
    side = "ClientError" if reply.status < 500 else "AlgorithmError"
    message = reply.body.decode("utf-8", "replace").strip()
    return JobFailedError(f"{side}: Bad HTTP status received from algorithm: {reply.status}\nMessage: {message}")


def _failure_of(found: s3_data.S3Object, error: JobFailedError | ServiceError) -> JobFailedError:
    """Return the reason, which names the object after the side at fault."""
    text = f"ClientError: {error.message}" if isinstance(error, ServiceError) else str(error)
    side, _, rest = text.partition(": ")
    return JobFailedError(f"{side}: {found.bucket}/{found.key}: {rest}")
