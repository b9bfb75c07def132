"""Stands between the API and the endpoint: takes one image as JSON, and answers with its digit alone."""

import base64
import json
import os
from typing import Any

import boto3
from botocore.exceptions import ClientError


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request of API Gateway's Lambda proxy integration."""
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"]
    try:
        pixels = json.loads(body)["pixels"]
    except (ValueError, KeyError, TypeError):
        return reply(400, {"message": 'send {"pixels": [64 numbers from 0 to 16]}'})
    runtime = boto3.client("sagemaker-runtime", region_name=os.environ["ENDPOINT_REGION"])
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=os.environ["ENDPOINT_NAME"],
            ContentType="text/csv",
            Accept="application/json",
            Body=",".join(map(str, pixels)),
        )
    except ClientError as error:
        return reply(error.response["ResponseMetadata"]["HTTPStatusCode"], {"message": "the model refused it"})
    return reply(200, {"digit": json.load(answer["Body"])["predictions"][0]["digit"]})


def reply(status: int, document: Any) -> dict[str, Any]:
    """Give an answer as API Gateway expects it of a function."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(document),
        "isBase64Encoded": False,
    }
