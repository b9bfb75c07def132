"""Data capture: requests and answers as JSON lines in S3.

"Interpret captured data" in the SageMaker developer guide. One object has one line here; SageMaker collects a few.
"""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from local_aws import backend, telemetry
from local_aws.api import Parameters
from local_aws.errors import ServiceError
from local_aws.scope import Scope
from local_aws.services.sagemaker.http_client import Reply
from local_aws.services.sagemaker.state import Endpoint
from local_aws.services.sagemaker.variants import RunningVariant


def capture(
    scope: Scope, endpoint: Endpoint, variant: RunningVariant, request: Mapping[str, Any], reply: Reply
) -> None:
    """Write a request and its answer, when the endpoint's configuration asks for it.

    A capture that fails fails no request; the endpoint's log says why.
    """
    settings: Parameters | None = endpoint.config.request.get("DataCaptureConfig")
    if settings is None or not settings.get("EnableCapture", True) or variant.role is None:
        return
    if random.uniform(0, 100) >= settings["InitialSamplingPercentage"]:  # noqa: S311  a sample, not a secret
        return
    now = datetime.now(UTC)
    modes = {option["CaptureMode"] for option in settings["CaptureOptions"]}
    captured: dict[str, Any] = {}
    if modes & {"Input", "InputAndOutput"}:
        kind = request.get("ContentType", "application/octet-stream")
        captured["endpointInput"] = _side("INPUT", request["Body"], kind, settings)
    if modes & {"Output", "InputAndOutput"}:
        kind = reply.headers.get("content-type", "application/octet-stream")
        captured["endpointOutput"] = _side("OUTPUT", reply.body, kind, settings)
    event: dict[str, Any] = {
        "eventId": str(uuid.uuid4()),
        "inferenceTime": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    for name, member in (("customAttributes", "CustomAttributes"), ("inferenceId", "InferenceId")):
        if member in request:
            event[name] = [request[member]] if name == "customAttributes" else request[member]
    line = json.dumps({"captureData": captured, "eventMetadata": event, "eventVersion": "0"}) + "\n"
    parts = urlsplit(settings["DestinationS3Uri"])
    file_name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
    key = "/".join([parts.path.strip("/"), endpoint.name, variant.name, f"{now:%Y/%m/%d/%H}", file_name]).lstrip("/")
    try:
        variant.role.require("s3:PutObject", [f"arn:aws:s3:::{parts.netloc}/{key}"])
        backend.put_object(scope, parts.netloc, key, line.encode(), "application/jsonlines")
    except ServiceError as error:
        place = variant.containers[0].place
        said = f"data capture failed: {error.message}"
        telemetry.put_log_lines(scope, place.log_group, place.log_stream, [said])


def _side(mode: str, body: bytes, content_type: str, settings: Parameters) -> dict[str, str]:
    """Return one side of a request; what no header setting names is encoded in Base64."""
    headers: Parameters = settings.get("CaptureContentTypeHeader", {})
    plain = content_type.partition(";")[0].strip()
    encoding = "BASE64"
    if plain in headers.get("CsvContentTypes", []):
        encoding = "CSV"
    elif plain in headers.get("JsonContentTypes", []):
        encoding = "JSON"
    data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode("utf-8", "replace")
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


def described(config: Parameters) -> Parameters | None:
    """Return the data capture of an endpoint as DescribeEndpoint shows it."""
    settings: Parameters | None = config.get("DataCaptureConfig")
    if settings is None:
        return None
    is_on = settings.get("EnableCapture", True)
    return {
        "EnableCapture": is_on,
        "CaptureStatus": "Started" if is_on else "Stopped",
        "CurrentSamplingPercentage": settings["InitialSamplingPercentage"],
        "DestinationS3Uri": settings["DestinationS3Uri"],
        "KmsKeyId": settings.get("KmsKeyId", ""),
    }
