"""boto3 clients for one local AWS, and what most tests need to make first."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import OperationModel
from patience import looks

from local_aws.process import LocalAws
from local_aws.validation import check

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
# What an execution role needs besides its model's data.
HOSTING_ACTIONS = [
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "cloudwatch:PutMetricData",
]


class Aws:
    """boto3 clients for one local AWS, and what most tests need to make first."""

    bucket = "models"
    key = "digits/model.tar.gz"

    def __init__(self, server: LocalAws) -> None:
        self.server = server
        self._session = boto3.Session("test", "test", region_name=server.region)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def _client(self, name: str) -> Any:
        with self._lock:  # threads may use a client together, but not make one
            if name not in self._clients:
                self._clients[name] = self._make_client(name)
            return self._clients[name]

    def _make_client(self, name: str) -> Any:
        config = Config(retries={"max_attempts": 0}, max_pool_connections=64)
        client = self._session.client(name, endpoint_url=self.server.endpoint_url, config=config)  # type: ignore[call-overload]
        if name in ("sagemaker", "application-autoscaling"):
            client.meta.events.register("before-parse", conforms)
        return client

    @property
    def sagemaker(self) -> SageMakerClient:
        return self._client("sagemaker")  # type: ignore[no-any-return]

    @property
    def runtime(self) -> SageMakerRuntimeClient:
        return self._client("sagemaker-runtime")  # type: ignore[no-any-return]

    @property
    def autoscaling(self) -> ApplicationAutoScalingClient:
        return self._client("application-autoscaling")  # type: ignore[no-any-return]

    @property
    def cloudformation(self) -> CloudFormationClient:
        return self._client("cloudformation")  # type: ignore[no-any-return]

    @property
    def cloudwatch(self) -> CloudWatchClient:
        return self._client("cloudwatch")  # type: ignore[no-any-return]

    @property
    def iam(self) -> IAMClient:
        return self._client("iam")  # type: ignore[no-any-return]

    @property
    def logs(self) -> CloudWatchLogsClient:
        return self._client("logs")  # type: ignore[no-any-return]

    @property
    def s3(self) -> S3Client:
        return self._client("s3")  # type: ignore[no-any-return]

    def make_artifact(self) -> str:
        """Upload a small archive and return its address."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.addfile(tarfile.TarInfo("weights"))
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(Bucket=self.bucket, Key=self.key, Body=packed.getvalue())
        return f"s3://{self.bucket}/{self.key}"

    def make_role(self, *, without: str = "", trust: dict[str, Any] | None = None) -> str:
        """Create an execution role that lacks at most one action, and return its ARN."""
        statements = [
            {"Effect": "Allow", "Action": [a for a in HOSTING_ACTIONS if a != without], "Resource": "*"},
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/{self.key}"},
        ]
        if without == "s3:GetObject":
            del statements[1]
        return self.make_role_of(statements, trust=trust)

    def make_role_of(self, statements: list[Any], *, trust: dict[str, Any] | None = None) -> str:
        """Create an execution role that has just these rights, and return its ARN."""
        name = unique("role")
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust or TRUST))["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.iam.put_role_policy(RoleName=name, PolicyName="execution", PolicyDocument=document)
        return arn

    def make_config(self, environment: dict[str, str] | None = None, *, role: str | None = None, **variant: Any) -> str:
        """Create a model and an endpoint configuration for it, and return the configuration's name."""
        name = unique("config")
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=role or self.make_role(),
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": self.make_artifact(),
                "Environment": environment or {},
            },
        )
        settings: dict[str, Any] = {
            "VariantName": "main",
            "InstanceType": "ml.c6i.large",
            "InitialInstanceCount": 1,
        } | variant
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[{"ModelName": name, **settings}],  # type: ignore[list-item]
        )
        return name

    def make_endpoint(self, environment: dict[str, str] | None = None, **more: Any) -> str:
        """Create an endpoint, wait until nothing is under way, and return its name."""
        name = unique("endpoint")
        config = self.make_config(environment, **more)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        self.settle(name)
        return name

    def settle(self, endpoint: str) -> dict[str, Any]:
        """Wait until an endpoint is in service or has failed, and return its description."""
        for _ in looks():
            described = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            if described["EndpointStatus"] in ("InService", "Failed"):
                return dict(described)
        raise AssertionError(f"{endpoint} is still {described['EndpointStatus']}")

    def invoke(self, endpoint: str, body: bytes = b"x", **more: Any) -> dict[str, Any]:
        """Invoke an endpoint and return what the fake container saw."""
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **more)["Body"].read()
        return dict(json.loads(answer))

    def as_user(self, name: str, statements: list[dict[str, Any]]) -> Any:
        """Return a client of a user who has just these rights."""
        user = unique("user")
        self.iam.create_user(UserName=user)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.iam.put_user_policy(UserName=user, PolicyName="rights", PolicyDocument=document)
        key = self.iam.create_access_key(UserName=user)["AccessKey"]
        session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=self.server.region)
        return session.client(name, endpoint_url=self.server.endpoint_url)  # type: ignore[call-overload]

    def put_stack(self, name: str, template: dict[str, Any]) -> dict[str, Any]:
        """Create or update a stack, wait until the operation has ended, and return the stack's description."""
        stacks = {stack["StackName"] for stack in self.cloudformation.describe_stacks()["Stacks"]}
        put = self.cloudformation.update_stack if name in stacks else self.cloudformation.create_stack
        put(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
        return self.settled_stack(name)

    def settled_stack(self, name: str) -> dict[str, Any]:
        """Wait until nothing is under way in a stack, and return its description."""
        for _ in looks():
            stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return dict(stack)
        raise AssertionError(f"{name} is still {stack['StackStatus']}")

    def delete_stack(self, name: str) -> None:
        """Delete a stack, and wait until it is gone."""
        self.cloudformation.delete_stack(StackName=name)
        for _ in looks():
            found = {s["StackName"]: s["StackStatus"] for s in self.cloudformation.describe_stacks()["Stacks"]}
            if found.get(name, "DELETE_COMPLETE") == "DELETE_COMPLETE":
                return
            assert found[name] == "DELETE_IN_PROGRESS", self.reasons(name)
        raise AssertionError(f"{name} is still there")

    def reasons(self, stack: str) -> list[str]:
        """Return the reasons of a stack's failed events, the latest first."""
        events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if event["ResourceStatus"].endswith("_FAILED")]


def client(server: LocalAws, service: str) -> Any:
    """Return a client of any service, as a user makes one."""
    session = boto3.Session("test", "test", region_name=server.region)
    return session.client(service, endpoint_url=server.endpoint_url)  # type: ignore[call-overload]


def conforms(operation_model: OperationModel, response_dict: dict[str, Any], **_: object) -> None:
    """Check an answer against the service's model: boto3 drops what it does not know, and misses nothing."""
    if response_dict["status_code"] == 200 and operation_model.output_shape is not None:
        check(operation_model.output_shape, json.loads(response_dict["body"]))


def refusal(call: Any, **parameters: Any) -> str:
    """Return the code and the message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def unique(prefix: str) -> str:
    """Return a name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"
