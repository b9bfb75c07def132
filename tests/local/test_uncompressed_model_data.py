"""Model data that lies in S3 as it is: a prefix of files in place of an archive, served and refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_clients import HOSTING_ACTIONS, IMAGE, Aws, refusal, unique
from model_hosts import DOUBLE, DOUBLING, TRITON

from local_aws.process import LocalAws

BUCKET = "loose-files"
TENSOR = {"datatype": "FP32", "shape": [1, 2]}


@pytest.fixture(scope="module")
def aws(local_aws: LocalAws) -> Aws:
    made = Aws(local_aws)
    made.s3.create_bucket(Bucket=BUCKET)
    made.s3.put_object(Bucket=BUCKET, Key="handler/code/inference.py", Body=DOUBLING.encode())
    made.s3.put_object(Bucket=BUCKET, Key="repository/double/1/model.onnx", Body=DOUBLE.read_bytes())
    return made


def create_model(aws: Aws, image: str, prefix: str, *, listed: bool = True) -> str:
    name = unique("loose")
    may = ["s3:GetObject", "s3:ListBucket"] if listed else ["s3:GetObject"]
    statements = [
        {"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"},
        {"Effect": "Allow", "Action": may, "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]},
    ]
    role = aws.make_role_of(statements)
    source: Any = {"S3Uri": f"s3://{BUCKET}/{prefix}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container: Any = {"Image": image, "ModelDataSource": {"S3DataSource": source}}
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    return name


@pytest.mark.parametrize(
    ("image", "prefix", "body", "answer"),
    [
        (IMAGE, "handler", [1, 2], [2.0, 4.0]),
        (TRITON, "repository", {"inputs": [TENSOR | {"name": "x", "data": [1, 2]}]}, {"model_name": "double", "model_version": "1", "outputs": [TENSOR | {"name": "y", "data": [2.0, 4.0]}]}),
    ],
)  # fmt: skip
def test_a_prefix_of_files_is_served(aws: Aws, image: str, prefix: str, body: Any, answer: Any) -> None:
    name = create_model(aws, image, prefix)
    variant: Any = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert aws.settle(name)["EndpointStatus"] == "InService"

    found = aws.runtime.invoke_endpoint(EndpointName=name, Body=json.dumps(body), ContentType="application/json")

    assert json.loads(found["Body"].read()) == answer


def test_fails_for_a_prefix_without_files_or_without_the_right_to_list_it(aws: Aws) -> None:
    empty = refusal(create_model, aws=aws, image=IMAGE, prefix="nothing")
    unlisted = refusal(create_model, aws=aws, image=IMAGE, prefix="handler", listed=False)

    assert f"s3://{BUCKET}/nothing/" in empty
    assert "s3:ListBucket" in unlisted
