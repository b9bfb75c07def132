"""Starts a batch transform job for an event of EventBridge: a schedule's, or that of a new object in S3."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any


def handler(event: Mapping[str, Any], context: object) -> None:
    """Start the jobs of messages; what SageMaker refuses is raised, and its message stays in the queue."""
    import boto3

    sagemaker = boto3.client("sagemaker")
    for record in event["Records"]:
        start(json.loads(record["body"]), sagemaker, os.environ)


def start(event: Mapping[str, Any], sagemaker: Any, environment: Mapping[str, str]) -> None:
    """Start one job for one event, however often it is delivered: the job's name follows from the event's id."""
    from botocore.exceptions import ClientError

    request = json.loads(environment["REQUEST"])
    if event["detail-type"] == "Object Created":
        bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
        if key.endswith("/"):
            return  # what consoles make for an empty folder
        source = request["TransformInput"]["DataSource"]["S3DataSource"]
        inside = key.removeprefix(source["S3Uri"].removeprefix(f"s3://{bucket}/")).strip("/")
        # SageMaker writes the answers to one object beside each other, those to a prefix in its folders.
        folder = inside.rpartition("/")[0]
        source["S3Uri"] = f"s3://{bucket}/{key}"
        output = request["TransformOutput"]
        output["S3OutputPath"] = "/".join(filter(None, [output["S3OutputPath"].rstrip("/"), folder]))
    digest = hashlib.sha256(f"{environment['REQUEST']} {event['id']}".encode()).hexdigest()
    name = f"{environment['NAME']}-{digest[:16]}"
    try:
        sagemaker.create_transform_job(TransformJobName=name, **request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUse":
            _log(name, event, f"will be tried again: {error}")
            raise
        _log(name, event, "runs already: the event was delivered again")
    else:
        _log(name, event, "started")


def _log(name: str, event: Mapping[str, Any], message: str) -> None:
    print(json.dumps({"job": name, "event": event["id"], "message": message}))
