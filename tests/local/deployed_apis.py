"""APIs deployed on local AWS, and requests to them over plain HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aws_cdk as cdk
import boto3
import gate
from aws_clients import Aws, client, unique
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from model_hosts import archive
from patience import PATIENCE

from constructs_lib.sagemaker.api.endpoint_api import EndpointApi

ECHO = """
from gate import Gate

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    if body in (b"fail", "fail"):
        raise ValueError("no such digit")
    if isinstance(body, str) and body.startswith("gate "):
        Gate(body.removeprefix("gate ")).enter()
    return body, content_type

def predict_fn(data, model):
    return data

def output_fn(prediction, accept):
    return prediction
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Api:
    """One deployed API."""

    aws: Aws
    url: str
    arn: str
    key: str | None

    def post(self, body: bytes, *, signer: Any = None, content_type: str | None = "text/csv", **headers: str) -> Answer:
        """Send a request, signed by a boto3 session's user if there is one."""
        parts = urlsplit(self.aws.server.endpoint_url)
        api_id = self.url.removeprefix("https://").partition(".")[0]
        path = f"/_aws/execute-api/{api_id}/{self.url.split('/', 3)[3]}"
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if content_type is not None:
            given["Content-Type"] = content_type
        if signer is not None:
            request = AWSRequest("POST", f"{self.aws.server.endpoint_url}{path}", headers=given, data=body)
            SigV4Auth(signer.get_credentials(), "execute-api", self.aws.server.region).add_auth(request)
            given = dict(request.headers.items())
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
        try:
            connection.request("POST", path, body=body, headers=given)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()


def deploy(aws: Aws, directory: Path, define: Any) -> dict[str, Api]:
    """Deploy a stack of APIs, and give each by its id."""
    app = cdk.App(outdir=str(directory), analytics_reporting=False)
    name = unique("apis")
    stack = cdk.Stack(
        app,
        name,
        env=cdk.Environment(account=aws.server.account, region=aws.server.region),
        synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )
    made: dict[str, EndpointApi] = define(stack)
    for label, api in made.items():
        for what, text in {"Url": api.url, "Arn": api.method_arn, "Key": api.api_key_id or "-"}.items():
            cdk.CfnOutput(stack, f"{label}{what}", value=text)
    app.synth()
    described = aws.put_stack(name, json.loads((directory / f"{name}.template.json").read_text()))
    assert described["StackStatus"] == "CREATE_COMPLETE", aws.reasons(name)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    gateway = client(aws.server, "apigateway")
    found = {}
    for label in made:
        key = outputs[f"{label}Key"]
        value = None if key == "-" else gateway.get_api_key(apiKey=key, includeValue=True)["value"]
        found[label] = Api(aws=aws, url=outputs[f"{label}Url"], arn=outputs[f"{label}Arn"], key=value)
    return found


def put_model(aws: Aws, directory: Path) -> str:
    """Upload a model that answers with what it is asked, and return its address."""
    packed = archive(directory, {"code/inference.py": ECHO, "code/gate.py": Path(gate.__file__).read_bytes()})
    aws.s3.create_bucket(Bucket="echo")
    aws.s3.put_object(Bucket="echo", Key="model.tar.gz", Body=packed.read_bytes())
    return "s3://echo/model.tar.gz"


def user(aws: Aws, resource: str) -> boto3.Session:
    """Give a session of a user who may call one method."""
    name = unique("caller")
    aws.iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=document)
    key = aws.iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=aws.server.region)
