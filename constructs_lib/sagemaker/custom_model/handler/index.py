"""Create SageMaker models for CloudFormation, whose own type of them lacks some of the API's members.

A model never changes, and its name follows from the stack, the resource and all that it is made of. So a request that
comes twice makes one model; an update makes another one, whose predecessor CloudFormation deletes when nothing uses it
any more; and on the way back from an update CloudFormation gets the former model, which is still there. Tags are no
part of it: they change in place.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import urllib.request
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

_TRIES, _PAUSE = 12, 5  # seconds: as long as a right that CloudFormation has just given may take to reach SageMaker
_TRANSIENT = re.compile("Throttl|TooManyRequests|RequestLimit|ServiceUnavailable|Internal|AccessDenied")
_OF_RIGHTS = re.compile("Could not (access model data|assume role)|not authorized")
_NAME = re.compile("[a-z0-9-]+-[0-9a-f]{16}")
_NOT_OF_THE_MODEL = ("NamePrefix", "ServiceTimeout", "ServiceToken", "Tags")


def handler(event: Json, _context: object) -> None:
    """Do what CloudFormation asks for, and answer it whatever comes of it."""
    import boto3

    body = json.dumps(answer(event, boto3.client("sagemaker"))).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - CloudFormation's own address
        pass


def answer(event: Json, sagemaker: Any, sleep: Callable[[float], None] = time.sleep) -> Json:
    """Do what CloudFormation asks for, and say what came of it.

    Parameters
    ----------
    event
        A request of CloudFormation's. Its properties are those of ``CreateModel``, but for the name: ``NamePrefix``.
    sagemaker
        A boto3 client.
    sleep
        What waits for so many seconds.
    """
    models, failure = Models(sagemaker, sleep), ""
    name = event["PhysicalResourceId"] if event["RequestType"] == "Delete" else name_of(event)
    try:
        if event["RequestType"] != "Delete":
            models.create(name, event["ResourceProperties"], event.get("OldResourceProperties", {}))
        # What CloudFormation calls a resource whose creation was never answered is no model's name.
        elif _NAME.fullmatch(name):
            models.delete(name)
    except Exception as error:  # CloudFormation waits for an answer, and shows it
        failure = f"{type(error).__name__}: {error}"
    return {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": failure[:1000] or "OK",
        "PhysicalResourceId": name,
        "Data": {"ModelName": name},
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }


def name_of(event: Json) -> str:
    """Give the name of the model that a request asks for: at most 63 characters."""
    properties, logical_id = event["ResourceProperties"], event["LogicalResourceId"]
    text = json.dumps([event["StackId"], logical_id, _of_the_model(properties)], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{properties['NamePrefix']}-{logical_id[:24].lower()}-{digest}"


def _of_the_model(properties: Json) -> Json:
    return {key: value for key, value in properties.items() if key not in _NOT_OF_THE_MODEL}


class Models:
    """Models by their names, each of which is made of the same as long as it exists.

    Parameters
    ----------
    sagemaker
        A boto3 client.
    sleep
        What waits for so many seconds.
    """

    def __init__(self, sagemaker: Any, sleep: Callable[[float], None]) -> None:
        self._sagemaker, self._sleep = sagemaker, sleep

    def create(self, name: str, properties: Json, before: Json) -> None:
        """Create a model; one that is there already gets the tags, in place of those before."""
        shape = self._sagemaker.meta.service_model.operation_model("CreateModel").input_shape
        request = typed(shape, {**_of_the_model(properties), "ModelName": name})
        tags = properties.get("Tags", [])
        try:
            self._call("create_model", **request, Tags=tags)
        except Exception as error:
            if "already existing" not in str(error):
                raise
            self._tag(name, tags, before.get("Tags", []))

    def _tag(self, name: str, tags: list[Json], before: list[Json]) -> None:
        arn = self._call("describe_model", ModelName=name)["ModelArn"]
        gone = sorted({tag["Key"] for tag in before} - {tag["Key"] for tag in tags})
        if gone:
            self._call("delete_tags", ResourceArn=arn, TagKeys=gone)
        if tags:
            self._call("add_tags", ResourceArn=arn, Tags=tags)

    def delete(self, name: str) -> None:
        """Delete a model, if it is there."""
        try:
            self._call("delete_model", ModelName=name)
        except Exception as error:
            if "Could not find" not in str(error):
                raise

    def _call(self, operation: str, **request: Any) -> Json:
        for left in reversed(range(_TRIES)):
            try:
                return dict(getattr(self._sagemaker, operation)(**request))
            except self._sagemaker.exceptions.ClientError as error:
                if not left or not _may_pass(error.response["Error"]):
                    raise
            self._sleep(_PAUSE)
        raise AssertionError("the last try returns or raises")


def _may_pass(error: Json) -> bool:
    """Tell whether an error may be gone the next time: throttling, and rights that are not known everywhere."""
    return bool(_TRANSIENT.search(error["Code"]) or _OF_RIGHTS.search(error["Message"]))


def typed(shape: Any, value: Any) -> Any:
    """Give the values the types that the API has for them: CloudFormation spells each as text."""
    if shape.type_name == "structure":
        return {key: typed(shape.members[key], each) if key in shape.members else each for key, each in value.items()}
    if shape.type_name == "list":
        return [typed(shape.member, each) for each in value]
    if shape.type_name == "boolean":
        return str(value).lower() == "true"
    return int(value) if shape.type_name in ("integer", "long") else value
