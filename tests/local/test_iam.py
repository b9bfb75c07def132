"""IAM is enforced: for what an execution role does, for what a container does with it, and for who calls."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from aws_clients import HOSTING_ACTIONS, IMAGE, TRUST, Aws, unique
from botocore.exceptions import ClientError

_REPOSITORY = "arn:aws:ecr:us-east-1:763104351884:repository/pytorch-inference"


@pytest.mark.parametrize("action", HOSTING_ACTIONS)
def test_a_role_that_lacks_a_right_fails_the_endpoint(aws: Aws, action: str) -> None:
    role = aws.make_role(without=action)
    name = aws.make_endpoint(role=role)

    described = aws.settle(name)

    resources = {
        "ecr:GetAuthorizationToken": "*",
        "ecr": _REPOSITORY,
        "logs": f"arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/{name}",
        "cloudwatch": "*",
    }
    resource = resources.get(action) or resources[action.partition(":")[0]]
    user = f"arn:aws:sts::000000000000:assumed-role/{role.rpartition('/')[2]}/SageMaker"
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"].startswith(
        f"User: {user} is not authorized to perform: {action} on resource: {resource}"
    )
    assert described["FailureReason"].endswith(f" because no identity-based policy allows the {action} action")


def make_model(aws: Aws, role: str) -> None:
    container: Any = {"Image": IMAGE, "ModelDataUrl": aws.make_artifact()}
    aws.sagemaker.create_model(ModelName=unique("m"), ExecutionRoleArn=role, PrimaryContainer=container)


def test_a_role_that_may_not_read_the_model_data_fails_the_model(aws: Aws) -> None:
    role = aws.make_role(without="s3:GetObject")

    with pytest.raises(ClientError, match="Could not access model data at s3://models/digits/") as caught:
        make_model(aws, role)

    assert "is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::models/digits/model.tar.gz" in str(
        caught.value
    )


@pytest.mark.parametrize(
    "trust",
    [
        {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "lambda.amazonaws.com"}}]},  # type: ignore[dict-item]
        {**TRUST, "Statement": [{**TRUST["Statement"][0], "Action": "sts:TagSession"}]},  # type: ignore[dict-item]
        {**TRUST, "Statement": [*TRUST["Statement"], {**TRUST["Statement"][0], "Effect": "Deny"}]},  # type: ignore[dict-item]
    ],
)
def test_a_role_that_does_not_trust_sagemaker_is_refused(aws: Aws, trust: dict[str, Any]) -> None:
    role = aws.make_role(trust=trust)

    with pytest.raises(ClientError, match="Could not assume role") as caught:
        make_model(aws, role)

    assert "exists and allows principal 'sagemaker.amazonaws.com' to assume the role" in str(caught.value)


def test_a_role_that_does_not_exist_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError, match="Could not assume role arn:aws:iam::000000000000:role/absent-role"):
        make_model(aws, "arn:aws:iam::000000000000:role/absent-role")


def test_a_permissions_boundary_limits_a_role(aws: Aws) -> None:
    role = aws.make_role()
    make_model(aws, role)
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"}],
    }
    made = aws.iam.create_policy(PolicyName=unique("boundary"), PolicyDocument=json.dumps(document))
    aws.iam.put_role_permissions_boundary(RoleName=role.rpartition("/")[2], PermissionsBoundary=made["Policy"]["Arn"])

    with pytest.raises(ClientError, match="is not authorized to perform: s3:GetObject on resource"):
        make_model(aws, role)


def test_a_bucket_may_refuse_a_role(aws: Aws) -> None:
    mine = Aws(aws.server)
    mine.bucket = unique("bucket")
    mine.make_artifact()
    role = mine.make_role()
    make_model(mine, role)
    objects = f"arn:aws:s3:::{mine.bucket}/*"
    statement = {"Effect": "Deny", "Principal": {"AWS": role}, "Action": "s3:GetObject", "Resource": objects}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    mine.s3.put_bucket_policy(Bucket=mine.bucket, Policy=json.dumps(document))

    with pytest.raises(ClientError, match="is not authorized to perform: s3:GetObject on resource"):
        make_model(mine, role)


def test_a_container_has_its_roles_rights_and_no_others(aws: Aws) -> None:
    environment = aws.invoke(aws.make_endpoint())["environment"]
    session = boto3.Session(
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        environment["AWS_SESSION_TOKEN"],
        region_name=environment["AWS_REGION"],
    )
    s3 = session.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])

    assert s3.get_object(Bucket=aws.bucket, Key=aws.key)["ContentLength"] > 0
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=aws.bucket, Key="other", Body=b"")


def test_a_caller_may_invoke_the_endpoint_that_its_policy_names_and_no_other(aws: Aws) -> None:
    mine, other = aws.make_endpoint(), aws.make_endpoint()
    arn = "arn:aws:sagemaker:us-east-1:000000000000:endpoint"
    runtime = aws.as_user(
        "sagemaker-runtime", [{"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": f"{arn}/{mine}"}]
    )

    assert runtime.invoke_endpoint(EndpointName=mine, Body=b"x")["Body"].read()
    with pytest.raises(ClientError, match="AccessDenied") as caught:
        runtime.invoke_endpoint(EndpointName=other, Body=b"x")
    assert f"is not authorized to perform: sagemaker:InvokeEndpoint on resource: {arn}/{other}" in str(caught.value)


def test_a_caller_without_rights_creates_nothing(aws: Aws) -> None:
    sagemaker = aws.as_user("sagemaker", [{"Effect": "Allow", "Action": "sagemaker:ListModels", "Resource": "*"}])

    assert "Models" in sagemaker.list_models()
    with pytest.raises(ClientError, match="is not authorized to perform: sagemaker:CreateEndpoint on resource"):
        sagemaker.create_endpoint(EndpointName="a", EndpointConfigName="b")
