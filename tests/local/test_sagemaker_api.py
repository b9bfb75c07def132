"""SageMaker's control API, over real HTTP and plain boto3."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from aws_clients import IMAGE, Aws, refusal, unique
from botocore.config import Config
from gate import Gate
from patience import eventually

from local_aws.errors import ServiceError
from local_aws.scope import Scope
from local_aws.services.autoscaling.operations import AUTOSCALING
from local_aws.services.paging import listed
from local_aws.services.sagemaker import SAGEMAKER
from local_aws.validation import _compiled, service_model


@pytest.fixture(scope="module")
def unchecked(aws: Aws) -> Any:
    """A client that sends whatever it is given, as other tools than boto3 do."""
    config = Config(parameter_validation=False, retries={"max_attempts": 0})
    session = boto3.Session("test", "test", region_name="us-east-1")
    return session.client("sagemaker", endpoint_url=aws.server.endpoint_url, config=config)


# --- Requests are checked against the service's model -----------------------------------------------------------------


def test_a_name_with_an_underscore_is_refused_in_aws_words(aws: Aws) -> None:
    message = refusal(aws.sagemaker.create_endpoint, EndpointName="a_b", EndpointConfigName="c")

    assert message == (
        "ValidationException: 1 validation error detected: Value 'a_b' at 'endpointName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
    )


def test_every_violation_is_named_at_once(unchecked: Any) -> None:
    message = refusal(
        unchecked.create_endpoint_config,
        EndpointConfigName="a" * 64,
        ProductionVariants=[
            {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.none.large", "InitialInstanceCount": -1}
        ],
    )

    assert message.startswith("ValidationException: 4 validation errors detected: ")
    assert "at 'endpointConfigName' failed to satisfy constraint: Member must have length less than or equal" in message
    assert "Value '-1' at 'productionVariants.1.member.initialInstanceCount' failed to satisfy constraint: " in message
    assert "Value 'ml.none.large' at 'productionVariants.1.member.instanceType' failed to satisfy" in message
    assert "Member must satisfy enum value set: [" in message


def test_a_missing_member_is_refused(unchecked: Any) -> None:
    assert refusal(unchecked.create_endpoint, EndpointName="a") == (
        "ValidationException: 1 validation error detected: Value null at 'endpointConfigName' failed to satisfy "
        "constraint: Member must not be null"
    )


def test_a_wrong_type_is_refused_before_anything_else(unchecked: Any) -> None:
    assert refusal(unchecked.list_models, MaxResults="ten") == (
        "SerializationException: STRING_VALUE can not be converted to an Integer"
    )


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(ServiceError, match=r"^STRING_VALUE can not be converted to a Structure$"):
        SAGEMAKER.call(Scope("000000000000", "us-east-1"), "DescribeModel", "m")


@pytest.mark.parametrize("moment", ["soon", 1e30])
def test_a_moment_that_is_none_is_refused(moment: object) -> None:
    record = SimpleNamespace(name="m", created=datetime.now(UTC))

    with pytest.raises(ServiceError, match="can not be converted to a Timestamp"):
        listed([record], {"CreationTimeAfter": moment}, "Models", vars)


def test_an_operation_that_is_not_there_says_so(aws: Aws) -> None:
    assert refusal(aws.sagemaker.list_domains) == (
        "UnknownOperationException: local AWS does not have sagemaker:ListDomains"
    )


def test_every_operation_is_one_of_the_services_own() -> None:
    assert SAGEMAKER.operations.keys() <= set(service_model("sagemaker").operation_names)


def test_every_pattern_of_an_operation_that_is_there_is_understood() -> None:
    def patterns(shape: Any, seen: set[str]) -> None:
        if shape is None or shape.name in seen:
            return
        seen.add(shape.name)
        if "pattern" in shape.metadata:
            _compiled(shape.metadata["pattern"])
        members = getattr(shape, "members", {}) if shape.type_name == "structure" else {}
        for member in [*members.values(), *(getattr(shape, name, None) for name in ("member", "key", "value"))]:
            patterns(member, seen)

    for service in (SAGEMAKER, AUTOSCALING):
        for operation in service.operations:
            patterns(service_model(service.name).operation_model(operation).input_shape, set())


# --- Models and endpoint configurations -------------------------------------------------------------------------------


def test_a_model_is_described_listed_tagged_and_deleted(aws: Aws) -> None:
    name = aws.make_config()
    arn = aws.sagemaker.describe_model(ModelName=name)["ModelArn"]

    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "b"}])
    aws.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["stage"])

    assert arn == f"arn:aws:sagemaker:us-east-1:000000000000:model/{name}"
    assert aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
    assert [model["ModelName"] for model in aws.sagemaker.list_models(NameContains=name)["Models"]] == [name]
    aws.sagemaker.delete_model(ModelName=name)
    assert refusal(aws.sagemaker.describe_model, ModelName=name) == (
        f'ValidationException: Could not find model "{arn}".'
    )


def test_names_are_taken_whatever_their_case_and_arns_are_in_lower_case(aws: Aws) -> None:
    name = unique("Case").upper()
    config = aws.make_config()
    arn = aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)["EndpointArn"]

    assert arn == f"arn:aws:sagemaker:us-east-1:000000000000:endpoint/{name.lower()}"
    assert refusal(aws.sagemaker.create_endpoint, EndpointName=name.lower(), EndpointConfigName=config) == (
        f'ValidationException: Cannot create already existing endpoint "{arn}".'
    )


def test_a_list_is_paged(aws: Aws) -> None:
    prefix = unique("page")
    role, artifact = aws.make_role(), aws.make_artifact()
    for number in range(3):
        aws.sagemaker.create_model(
            ModelName=f"{prefix}-{number}",
            ExecutionRoleArn=role,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": artifact},
        )

    first = aws.sagemaker.list_models(NameContains=prefix, MaxResults=2, SortBy="Name", SortOrder="Ascending")
    pages = aws.sagemaker.get_paginator("list_models").paginate(NameContains=prefix, PaginationConfig={"PageSize": 1})

    assert [model["ModelName"] for model in first["Models"]] == [f"{prefix}-0", f"{prefix}-1"]
    assert sum(len(page["Models"]) for page in pages) == 3


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"Image": "nginx:1"}, 'Using non-ECR image "nginx:1" without Vpc repository access mode is not supported.'),
        (
            {"Image": IMAGE, "ModelDataUrl": "s3://models/digits/absent.tar.gz"},
            'Could not access model data at s3://models/digits/absent.tar.gz. Please ensure that the role "',
        ),
        ({}, "Image is required for each container that is not from a model package."),
        (
            {"ModelPackageName": "arn:aws:sagemaker:us-east-1:000000000000:model-package/ranking/3"},
            "local AWS does not have model packages (ModelPackageName): use Image and ModelDataUrl.",
        ),
    ],
)
def test_fails_to_create_a_model_from(aws: Aws, container: dict[str, str], message: str) -> None:
    aws.make_artifact()
    parameters = {"ModelName": unique("m"), "ExecutionRoleArn": aws.make_role(), "PrimaryContainer": container}

    assert refusal(aws.sagemaker.create_model, **parameters).startswith(f"ValidationException: {message}")


@pytest.mark.parametrize("host", ["models.s3.amazonaws.com", "s3.us-east-1.amazonaws.com/models"])
def test_a_model_may_name_its_data_by_an_https_address(aws: Aws, host: str) -> None:
    key = aws.make_artifact().removeprefix("s3://models/")
    container: Any = {"Image": IMAGE, "ModelDataUrl": f"https://{host}/{key}"}

    name = unique("m")
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=aws.make_role(), PrimaryContainer=container)

    assert aws.sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["ModelDataUrl"] == f"https://{host}/{key}"


def test_fails_to_create_a_model_whose_data_is_not_there(aws: Aws) -> None:
    artifact = aws.make_artifact()
    role = aws.make_role()
    aws.s3.delete_object(Bucket=aws.bucket, Key=aws.key)

    message = refusal(
        aws.sagemaker.create_model,
        ModelName=unique("m"),
        ExecutionRoleArn=role,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": artifact},
    )

    assert message == f"ValidationException: Could not find model data at {artifact}."


def test_an_endpoint_config_needs_its_model(aws: Aws) -> None:
    variant = {"VariantName": "v", "ModelName": "absent", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}

    assert (
        refusal(aws.sagemaker.create_endpoint_config, EndpointConfigName="c", ProductionVariants=[variant])
        == 'ValidationException: Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/absent".'
    )


def test_an_endpoint_config_needs_instances_or_a_serverless_config(aws: Aws) -> None:
    model = aws.make_config()

    assert refusal(
        aws.sagemaker.create_endpoint_config,
        EndpointConfigName="c",
        ProductionVariants=[{"VariantName": "v", "ModelName": model, "InstanceType": "ml.m5.large"}],
    ) == (
        "ValidationException: Either ServerlessConfig or both InstanceType and InitialInstanceCount must be specified "
        "for production variant v."
    )


# --- The life of an endpoint ------------------------------------------------------------------------------------------


def test_an_endpoint_is_creating_and_then_in_service(aws: Aws, gate: Gate) -> None:
    name = unique("endpoint")
    config = aws.make_config({"START_GATE": str(gate.directory)})

    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)

    assert aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Creating"
    assert refusal(aws.sagemaker.delete_endpoint, EndpointName=name) == (
        'ValidationException: Cannot update in-progress endpoint "arn:aws:sagemaker:us-east-1:000000000000:endpoint/'
        f'{name}".'
    )
    assert refusal(aws.runtime.invoke_endpoint, EndpointName=name, Body=b"") == (
        f"ValidationError: Endpoint {name} of account 000000000000 not found."
    )
    gate.open()
    described = aws.settle(name)
    assert described["EndpointStatus"] == "InService"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 1


def test_a_container_that_does_not_start_fails_the_endpoint_with_its_reason(aws: Aws) -> None:
    described = aws.settle(aws.make_endpoint({"FAIL": "ValueError: no weights in /opt/ml/model"}))

    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"] == "ValueError: no weights in /opt/ml/model"
    assert refusal(
        aws.sagemaker.update_endpoint_weights_and_capacities,
        EndpointName=described["EndpointName"],
        DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredWeight": 2.0}],
    ).endswith("in status Failed.")


def test_the_old_configuration_serves_until_the_new_one_is_in_service(aws: Aws, gate: Gate) -> None:
    name = aws.make_endpoint({"VERSION": "1"})
    config = aws.make_config({"VERSION": "2", "START_GATE": str(gate.directory)})

    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)

    assert aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating"
    assert aws.invoke(name)["environment"]["VERSION"] == "1"
    assert refusal(aws.sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=config).startswith(
        "ValidationException: Cannot update in-progress endpoint"
    )
    gate.open()
    assert aws.settle(name)["EndpointConfigName"] == config
    assert aws.invoke(name)["environment"]["VERSION"] == "2"


def test_an_update_that_fails_leaves_the_old_configuration_in_service(aws: Aws) -> None:
    name = aws.make_endpoint({"VERSION": "1"})
    before = aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]

    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=aws.make_config({"FAIL": "no such layer"}))

    described = aws.settle(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", before)
    assert described["FailureReason"] == "no such layer"
    assert aws.invoke(name)["environment"]["VERSION"] == "1"


@pytest.mark.parametrize(("retain", "count"), [(True, 3), (False, 1)])
def test_an_update_keeps_the_scaled_instance_count_only_when_told(aws: Aws, retain: bool, count: int) -> None:
    name = aws.make_endpoint()
    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 3}]
    )

    aws.sagemaker.update_endpoint(
        EndpointName=name, EndpointConfigName=aws.make_config(), RetainAllVariantProperties=retain
    )

    assert aws.settle(name)["ProductionVariants"][0]["CurrentInstanceCount"] == count


def test_deleting_an_endpoint_forgets_it_and_its_configuration_may_be_deleted_first(aws: Aws) -> None:
    name = aws.make_endpoint()
    config = aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]

    aws.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    assert aws.invoke(name)["body"] == 1
    aws.sagemaker.delete_endpoint(EndpointName=name)

    assert eventually(lambda: not aws.sagemaker.list_endpoints(NameContains=name)["Endpoints"])
    assert refusal(aws.sagemaker.describe_endpoint, EndpointName=name).startswith(
        "ValidationException: Could not find endpoint "
    )
