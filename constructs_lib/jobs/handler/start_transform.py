"""Starts a batch transform job for an event of EventBridge: a schedule's, or that of a new object in S3."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError


def handler(event: Mapping[str, Any], context: object) -> None:
    """Start the job that the function's environment describes."""
    del context
    start(event, boto3.client("sagemaker"), os.environ)


def start(event: Mapping[str, Any], sagemaker: Any, environment: Mapping[str, str]) -> None:
    """Start one job for one event, however often it is delivered: the job's name follows from the event's id."""
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
    name = f"{environment['NAME']}-{event['id']}"
    try:
        sagemaker.create_transform_job(TransformJobName=name, **request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUse":
            raise
        print(json.dumps({"job": name, "message": "runs already: the event was delivered again"}))
    else:
        print(json.dumps({"job": name, "message": "started"}))
