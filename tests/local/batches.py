"""Batch transforms on local AWS, for the tests: one model, and a prefix for each test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gate
from aws_clients import HOSTING_ACTIONS, IMAGE, TRUST, Aws, unique
from model_hosts import archive
from patience import looks

BUCKET = "batches"
# Doubles numbers, in CSV and JSON; what else it does is said by its environment.
HANDLER = """
import json, os

def model_fn(model_dir):
    if "FAIL" in os.environ:
        raise RuntimeError(os.environ["FAIL"])
    return {"calls": 0}

def transform_fn(model, body, content_type, accept):
    model["calls"] += 1
    if isinstance(body, (bytes, bytearray)):
        body = bytes(body).decode("latin-1")
    if "GATE" in os.environ:
        from gate import Gate
        Gate(os.environ["GATE"]).enter()
    if model["calls"] <= int(os.environ.get("FAILURES", "0")):
        raise RuntimeError(f"call {model['calls']} failed")
    if "poison" in body:
        raise ValueError("poison")
    if os.environ.get("ECHO"):
        return json.dumps({"body": body, "accept": accept, "type": content_type, "environment": {
            k: v for k, v in os.environ.items() if k.startswith("SAGEMAKER_") or k == "COLOUR"}}), "application/json"
    if "json" in content_type:
        value = json.loads(body)
        return json.dumps([2 * x for x in value]), "application/json"
    rows = [[float(x) for x in line.split(",")] for line in body.splitlines()]
    return "\\n".join(str(2 * sum(row)) for row in rows), "text/csv"
"""


class Batches:
    """Local AWS with one model, and a prefix for each test."""

    def __init__(self, aws: Aws, directory: Path) -> None:
        self.aws = aws
        self.model = unique("doubling")
        self.prefix = ""
        aws.s3.create_bucket(Bucket=BUCKET)
        packed = archive(directory, {"code/inference.py": HANDLER, "code/gate.py": Path(gate.__file__).read_bytes()})
        aws.s3.put_object(Bucket=BUCKET, Key="model/model.tar.gz", Body=packed.read_bytes())
        self.make_model(self.model)

    def make_role(self, *, without: str = "") -> str:
        name, arn = unique("transformer"), f"arn:aws:s3:::{BUCKET}"
        rights = {"s3:GetObject": f"{arn}/*", "s3:PutObject": f"{arn}/out/*", "s3:ListBucket": arn}
        statements: list[dict[str, Any]] = [
            {"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"},
            *({"Effect": "Allow", "Action": a, "Resource": r} for a, r in rights.items() if a != without),
        ]
        iam = self.aws.iam
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName="transform", PolicyDocument=document)
        return role

    def make_model(self, name: str, *, without: str = "", **model: Any) -> str:
        container: Any = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model/model.tar.gz"}
        definition = {k: v for k, v in ({"PrimaryContainer": container} | model).items() if v is not None}
        self.aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.make_role(without=without), **definition)
        return name

    def put(self, **objects: bytes | str) -> None:
        """Upload objects under the test's prefix; a double underscore in a name is a slash."""
        for name, body in objects.items():
            self.aws.s3.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{name.replace('__', '/')}", Body=body)

    def start(
        self, *, source: dict[str, Any] | None = None, output: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        s3 = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{self.prefix}/"}
        request: dict[str, Any] = {
            "TransformJobName": unique("job"),
            "ModelName": self.model,
            "TransformInput": {"DataSource": {"S3DataSource": s3}, "ContentType": "text/csv"} | (source or {}),
            "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out/{self.prefix}"} | (output or {}),
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        } | changes
        self.aws.sagemaker.create_transform_job(**request)
        return str(request["TransformJobName"])

    def settled(self, name: str) -> dict[str, Any]:
        for _ in looks():
            described = self.aws.sagemaker.describe_transform_job(TransformJobName=name)
            if described["TransformJobStatus"] in ("Completed", "Failed", "Stopped"):
                return dict(described)
        raise AssertionError(f"{name} is still {described['TransformJobStatus']}")

    def run(self, **changes: Any) -> dict[str, Any]:
        return self.settled(self.start(**changes))

    def outputs(self) -> dict[str, bytes]:
        prefix, s3 = f"out/{self.prefix}/", self.aws.s3
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
        return {key.removeprefix(prefix): s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    def completed(self, **changes: Any) -> dict[str, bytes]:
        described = self.run(**changes)
        assert described["TransformJobStatus"] == "Completed", described.get("FailureReason")
        return self.outputs()

    def failure(self, **changes: Any) -> str:
        described = self.run(**changes)
        assert described["TransformJobStatus"] == "Failed"
        return str(described["FailureReason"])
