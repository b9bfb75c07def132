"""The CDK's provider framework, and CloudFormation behind it, as far as a handler sees them.

Source: aws-cdk-lib, custom-resources/lib/provider-framework/runtime. What fails before there is a waiter becomes a
failure without a physical id, whose deletion the framework keeps to itself; what fails later has one, and is deleted.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from fake_jobs import Clock, FakeS3, FakeSageMaker, FunctionDiedError

from constructs_lib.jobs.handler.index import Jobs, begin

Json = dict[str, Any]
INTERVAL = 10  # seconds between two looks
LIMIT = 3600  # seconds after which CloudFormation gives up
CREATE_FAILED = "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED"
INPUT = {"S3Uri": "s3://models/model.tar.gz", "Framework": "PYTORCH", "DataInputConfig": "[[1,3,8,8]]"}
REQUEST: Json = {
    "InputConfig": INPUT,
    "OutputConfig": {"S3OutputLocation": "s3://results/neo/", "TargetDevice": "ml_c5"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    "RoleArn": "arn:aws:iam::111111111111:role/neo",
}


def properties(request: Json | None = None, kind: str = "CompilationJob", **more: str) -> Json:
    """Give a custom resource's properties; as CloudFormation does, all of them as text."""
    given = {**REQUEST, **(request or {})} if kind == "CompilationJob" else request
    wanted = {"Kind": kind, "Name": "stack-digits", "Request": json.dumps(given), "WaitSeconds": "3300"}
    return {"ServiceToken": "arn", **wanted, **more}


OTHER = properties({"InputConfig": {**INPUT, "S3Uri": "s3://models/other.tar.gz"}})


@dataclass
class Answer:
    """What CloudFormation gets, or that it gets nothing."""

    status: str
    reason: str
    physical_id: str
    data: Json


@dataclass
class World:
    """An account with SageMaker and S3, and one stack with one custom resource in it."""

    clock: Clock = field(default_factory=Clock)
    s3: FakeS3 = field(default_factory=FakeS3)
    numbers: Any = field(default_factory=itertools.count)
    physical_id: str = ""
    current: Json = field(default_factory=dict)
    waiters_fail: bool = False

    def __post_init__(self) -> None:
        self.sagemaker = FakeSageMaker(self.clock, self.s3.objects)
        self.handler = Jobs(sagemaker=self.sagemaker, s3=lambda: self.s3, region="us-east-1", now=self.clock)

    def event(self, request_type: str, wanted: Json, old: Json | None = None) -> Json:
        event: Json = {
            "RequestType": request_type,
            "RequestId": f"request-{next(self.numbers)}",
            "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/Stack/1",
            "LogicalResourceId": "Compilation",
            "ResourceProperties": wanted,
        }
        if request_type != "Create":
            event["PhysicalResourceId"] = self.physical_id or "made-up-by-cloudformation"
        return event if old is None else {**event, "OldResourceProperties": old}

    def begin(self, event: Json) -> Json | Answer:
        """Deliver an event, and give it as the framework's waiter gets it."""
        if event["RequestType"] == "Delete" and event["PhysicalResourceId"] == CREATE_FAILED:
            return Answer("SUCCESS", "", CREATE_FAILED, {})
        answer = begin(event, self.clock())
        if self.waiters_fail:
            return Answer("FAILED", "TooManyRequests", event.get("PhysicalResourceId", CREATE_FAILED), {})
        if event["RequestType"] == "Delete":
            assert answer["PhysicalResourceId"] == event["PhysicalResourceId"]
        return {**event, **answer}

    def look(self, waiting: Json) -> Answer | None:
        """Ask once whether a request is complete."""
        try:
            answer = self.handler.is_complete(json.loads(json.dumps(waiting)))
        except (Exception, FunctionDiedError) as error:
            return Answer("FAILED", str(error), waiting["PhysicalResourceId"], {})
        if not answer["IsComplete"]:
            assert not answer.get("Data")
            return None
        return Answer("SUCCESS", "", waiting["PhysicalResourceId"], answer.get("Data", {}))

    def settle(self, waiting: Json | Answer) -> Answer:
        """Ask until a request is complete, or CloudFormation gives up."""
        for _ in range(LIMIT // INTERVAL):
            if isinstance(waiting, Answer):
                return waiting
            if answer := self.look(waiting):
                return answer
            self.clock.now += INTERVAL
        return Answer("FAILED", "CloudFormation did not receive a response", str(waiting["PhysicalResourceId"]), {})  # type: ignore[index]

    def create(self, wanted: Json) -> Answer:
        """Make the resource; what fails is deleted."""
        answer = self.settle(self.begin(self.event("Create", wanted)))
        self.physical_id, self.current = answer.physical_id, wanted
        if answer.status == "FAILED":
            assert self.delete().status == "SUCCESS"
        return answer

    def update(self, wanted: Json) -> Answer:
        """Change the resource; what fails is taken back, and what is replaced is deleted."""
        before, physical_id = self.current, self.physical_id
        answer = self.settle(self.begin(self.event("Update", wanted, before)))
        self.physical_id, self.current = answer.physical_id, wanted
        if answer.status == "FAILED":
            assert self.roll_back(before, physical_id).status == "SUCCESS"
        elif physical_id != answer.physical_id:
            assert (
                self.settle(self.begin({**self.event("Delete", before), "PhysicalResourceId": physical_id})).status
                == "SUCCESS"
            )
        return answer

    def roll_back(self, before: Json, physical_id: str) -> Answer:
        """Take an update back, and delete what it made."""
        failed, made = self.current, self.physical_id
        answer = self.settle(self.begin(self.event("Update", before, failed)))
        self.physical_id, self.current = answer.physical_id, before
        assert answer.physical_id == physical_id
        if made != physical_id:
            assert (
                self.settle(self.begin({**self.event("Delete", failed), "PhysicalResourceId": made})).status
                == "SUCCESS"
            )
        return answer

    def delete(self) -> Answer:
        """Delete the resource."""
        return self.settle(self.begin(self.event("Delete", self.current)))
