"""What becomes of an asynchronous request outside of its container: objects and messages, with the role's rights.

Message formats: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local_aws import backend, telemetry
from local_aws.api import Parameters
from local_aws.errors import ServiceError
from local_aws.execution_role import ExecutionRole
from local_aws.scope import Scope
from local_aws.services.sagemaker.metrics import publish_async
from local_aws.services.sagemaker.models import execution_role
from local_aws.services.sagemaker.s3_data import split
from local_aws.services.sagemaker.state import Endpoint
from local_aws.services.sagemaker.variants import RunningVariant

if TYPE_CHECKING:
    from local_aws.services.sagemaker.async_inference import Job

# "If the response is larger than 128 KB, it is not included" (AsyncInferenceNotificationConfig, SNS's own limit).
_LARGEST_IN_MESSAGE = 128 * 1024


class RequestFailedError(Exception):
    """An asynchronous request that failed.

    Parameters
    ----------
    metric
        The metric that counts such failures.
    reason
        For the topic.
    body
        For the failure location.
    """

    def __init__(self, metric: str, reason: str, body: bytes | None = None) -> None:
        super().__init__(reason)
        self.metric = metric
        self.reason = reason
        self.body = reason.encode() if body is None else body


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a container answered."""

    body: bytes
    content_type: str


def locations(settings: Parameters, request: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return where the output of a request goes, and where its failure does."""
    name = str(uuid.uuid4())
    extension = f"{request['S3OutputPathExtension'].strip('/')}/" if "S3OutputPathExtension" in request else ""
    output = f"{settings['S3OutputPath'].rstrip('/')}/{extension}{request.get('Filename', f'{name}.out')}"
    failure = settings.get("S3FailurePath")
    return output, f"{failure.rstrip('/')}/{extension}{name}-error.out" if failure else None


class Results:
    """The ways in and out of one request."""

    def __init__(self, scope: Scope, endpoint: Endpoint, variant: RunningVariant, job: Job) -> None:
        assert variant.model is not None  # noqa: S101  asynchronous endpoints have a model
        self._scope = scope
        self._endpoint = endpoint
        self._job = job
        self._role: ExecutionRole = execution_role(scope, variant.model)

    def input(self) -> bytes:
        """Return the request's body.

        Raises
        ------
        RequestFailedError
            When the role may not read the input, or it is not there.
        """
        if "Body" in self._job.request:
            body: bytes = self._job.request["Body"]
            return body
        try:
            bucket, key = split(self._job.request["InputLocation"])
            self._role.require("s3:GetObject", [f"arn:aws:s3:::{bucket}/{key}"])
        except ServiceError as denied:
            raise self._not_read(denied.message) from denied
        content = backend.object_bytes(self._scope, bucket, key)
        if content is None:
            raise self._not_read("there is no such object")
        return content

    def deliver(self, prediction: Prediction) -> None:
        """Write the output and tell the success topic.

        Raises
        ------
        RequestFailedError
            When the output cannot be written.
        """
        try:
            self._write(self._job.output, prediction.body, prediction.content_type)
        except ServiceError as error:
            reason = f"ClientError: Failed to upload the output to {self._job.output}: {error.message}"
            raise RequestFailedError("ResponseUploadFailures", reason) from error
        self._count("InvocationsProcessed")
        outcome = {"contentType": prediction.content_type, "outputLocation": self._job.output}
        self._tell("SuccessTopic", {"invocationStatus": "Completed", "responseParameters": outcome}, prediction.body)

    def fail(self, failure: RequestFailedError) -> None:
        """Write the failure and tell the error topic."""
        self._count(failure.metric)
        message: dict[str, Any] = {"invocationStatus": "Failed", "failureReason": failure.reason}
        if self._job.failure is not None:
            try:
                self._write(self._job.failure, failure.body, "text/plain")
                message["responseParameters"] = {"outputLocation": self._job.failure}
            except ServiceError:
                self._count("ResponseUploadFailures")
        self._tell("ErrorTopic", message, failure.body)

    def _not_read(self, why: str) -> RequestFailedError:
        location = self._job.request["InputLocation"]
        return RequestFailedError("RequestDownloadFailures", f"ClientError: Failed to download {location}: {why}")

    def _write(self, location: str, content: bytes, content_type: str) -> None:
        bucket, key = split(location)
        self._role.require("s3:PutObject", [f"arn:aws:s3:::{bucket}/{key}"])
        backend.put_object(self._scope, bucket, key, content, content_type)

    def _tell(self, topic_kind: str, outcome: Mapping[str, Any], body: bytes) -> None:
        notification: Parameters = self._job.settings.get("NotificationConfig", {})
        topic = notification.get(topic_kind)
        if topic is None:
            return
        request = self._job.request
        parameters = {"contentType": request.get("ContentType"), "endpointName": self._endpoint.name}
        parameters["inputLocation"] = request.get("InputLocation")
        message: dict[str, Any] = {
            "awsRegion": self._scope.region,
            "eventTime": _time(datetime.now(UTC)),
            "receivedTime": _time(self._job.received),
            **outcome,
            "requestParameters": {key: value for key, value in parameters.items() if value is not None},
            "inferenceId": self._job.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        included = f"{topic_kind.removesuffix('Topic').upper()}_NOTIFICATION_TOPIC"
        if included in notification.get("IncludeInferenceResponseIn", []) and len(body) <= _LARGEST_IN_MESSAGE:
            message["responseBody"] = {"content": base64.b64encode(body).decode(), "encoding": "BASE64"}
        may_publish = self._role.allows("sns:Publish", topic)
        if not may_publish or not telemetry.publish_message(self._scope, topic, json.dumps(message)):
            self._count("NotificationFailures")

    def _count(self, metric: str) -> None:
        publish_async(self._scope, self._endpoint.name, {metric: 1.0})


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
