"""What SageMaker refuses to configure, to change and to scale."""

from __future__ import annotations

from typing import Any

import pytest
from aws_clients import HOSTING_ACTIONS, IMAGE, Aws, refusal, unique

SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2}}
INSTANCES = {"InstanceType": "ml.c6i.large", "InitialInstanceCount": 1}


def make_serverless(aws: Aws, **settings: int) -> str:
    name = unique("serverless")
    config = {**SERVERLESS["ServerlessConfig"], **settings}
    variant: Any = {"VariantName": "main", "ModelName": aws.make_config(), "ServerlessConfig": config}
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    aws.settle(name)
    return name


def config_refusal(aws: Aws, variants: list[Any], **more: Any) -> str:
    return refusal(
        aws.sagemaker.create_endpoint_config, EndpointConfigName=unique("c"), ProductionVariants=variants, **more
    )


def test_an_endpoint_whose_configuration_was_deleted_cannot_be_updated_and_serves_on(aws: Aws) -> None:
    name = aws.make_endpoint()
    config = aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    aws.sagemaker.delete_endpoint_config(EndpointConfigName=config)

    assert refusal(aws.sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=aws.make_config()) == (
        'ValidationException: Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:000000000000:'
        f'endpoint-config/{config}".'
    )
    assert aws.invoke(name)["body"] == 1


@pytest.mark.parametrize(
    ("kind", "wanted", "message"),
    [
        (
            "instances",
            {"DesiredInstanceCount": 0},
            "DesiredInstanceCount of variant main must be at least 1: only asynchronous endpoints and inference components "
            "scale to zero.",
        ),
        (
            "instances",
            {"ServerlessUpdateConfig": {"MaxConcurrency": 3}},
            "ServerlessUpdateConfig cannot be specified for variant main, which has instances.",
        ),
        (
            "serverless",
            {"DesiredInstanceCount": 1},
            "DesiredInstanceCount cannot be specified for serverless variant main.",
        ),
        (
            "serverless",
            {"ServerlessUpdateConfig": {"ProvisionedConcurrency": 3}},
            "ProvisionedConcurrency 3 for production variant main must be less than or equal to its MaxConcurrency 2.",
        ),
    ],
)
def test_fails_to_give_a_variant(aws: Aws, kind: str, wanted: Any, message: str) -> None:
    name = aws.make_endpoint() if kind == "instances" else make_serverless(aws)

    assert (
        refusal(
            aws.sagemaker.update_endpoint_weights_and_capacities,
            EndpointName=name,
            DesiredWeightsAndCapacities=[{"VariantName": "main", **wanted}],
        )
        == f"ValidationException: {message}"
    )


def test_the_concurrency_of_a_serverless_variant_is_changed_in_place(aws: Aws) -> None:
    name = make_serverless(aws)
    update: Any = {"MaxConcurrency": 5, "ProvisionedConcurrency": 1}

    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "main", "ServerlessUpdateConfig": update}]
    )

    (described,) = aws.settle(name)["ProductionVariants"]
    assert described["CurrentServerlessConfig"] == {"MemorySizeInMB": 1024, **update}
    (configured,) = aws.sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"]
    assert configured["ServerlessConfig"] == SERVERLESS["ServerlessConfig"]


def test_fails_to_configure_variants_with_and_without_a_model(aws: Aws) -> None:
    variants = [{"VariantName": "a", "ModelName": aws.make_config(), **INSTANCES}, {"VariantName": "b", **INSTANCES}]

    assert config_refusal(aws, variants, ExecutionRoleArn=aws.make_role()) == (
        "ValidationException: ModelName must be specified for all production variants or, to host components, none."
    )


def test_fails_to_configure_components_that_answer_by_way_of_s3(aws: Aws) -> None:
    settings = {"OutputConfig": {"S3OutputPath": "s3://b/c"}}

    said = config_refusal(
        aws, [{"VariantName": "a", **INSTANCES}], ExecutionRoleArn=aws.make_role(), AsyncInferenceConfig=settings
    )

    assert said == "ValidationException: local AWS does not have inference components with AsyncInferenceConfig."


def test_fails_to_configure_components_with_a_role_that_is_not_there(aws: Aws) -> None:
    role = "arn:aws:iam::000000000000:role/absent"

    assert config_refusal(aws, [{"VariantName": "main", **INSTANCES}], ExecutionRoleArn=role).startswith(
        f"ValidationException: Could not assume role {role}. Please ensure that the role exists"
    )


@pytest.mark.parametrize(
    ("production", "shadow", "message"),
    [
        (INSTANCES, SERVERLESS, "ServerlessConfig"),
        ({**INSTANCES, "InstanceType": "ml.inf1.xlarge"}, INSTANCES, "Inf1 instances"),
        ({**INSTANCES, "AcceleratorType": "ml.eia2.medium"}, INSTANCES, "AcceleratorType"),
    ],
)
def test_fails_to_shadow(aws: Aws, production: Any, shadow: Any, message: str) -> None:
    model = aws.make_config()
    shadows = [{"VariantName": "shadow", "ModelName": model, **shadow}]

    said = config_refusal(
        aws, [{"VariantName": "main", "ModelName": model, **production}], ShadowProductionVariants=shadows
    )

    assert said == f"ValidationException: ShadowProductionVariants cannot be specified together with {message}."


def make_models(aws: Aws) -> tuple[str, str]:
    """Create a model of several containers, and one of a container for several models."""
    pipeline, many = unique("pipeline"), unique("many")
    data = aws.make_artifact()
    role = aws.make_role_of([{"Effect": "Allow", "Action": [*HOSTING_ACTIONS, "s3:*"], "Resource": "*"}])
    containers: Any = [{"Image": IMAGE, "ModelDataUrl": data}] * 2
    aws.sagemaker.create_model(ModelName=pipeline, ExecutionRoleArn=role, Containers=containers)
    container: Any = {"Image": IMAGE, "ModelDataUrl": data.rpartition("/")[0] + "/", "Mode": "MultiModel"}
    aws.sagemaker.create_model(ModelName=many, ExecutionRoleArn=role, PrimaryContainer=container)
    return pipeline, many


def test_fails_to_make_a_component_of_many_containers_or_models(aws: Aws) -> None:
    name = unique("fleet")
    variants: Any = [{"VariantName": "main", **INSTANCES}]
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ExecutionRoleArn=aws.make_role(), ProductionVariants=variants
    )
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    aws.settle(name)

    for model in make_models(aws):
        assert (
            refusal(
                aws.sagemaker.create_inference_component,
                InferenceComponentName=unique("ic"),
                EndpointName=name,
                VariantName="main",
                Specification={"ModelName": model, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128}},
                RuntimeConfig={"CopyCount": 1},
            )
            == "ValidationException: local AWS does not have inference components of several containers or models."
        )


def test_fails_to_shadow_models_of_many_containers_or_models(aws: Aws) -> None:
    pipeline, many = make_models(aws)

    said = config_refusal(
        aws,
        [{"VariantName": "main", "ModelName": pipeline, **INSTANCES}],
        ShadowProductionVariants=[{"VariantName": "shadow", "ModelName": many, **INSTANCES}],
    )

    assert said == (
        "ValidationException: ShadowProductionVariants cannot be specified together with multi-container models, "
        "multi-model containers."
    )


@pytest.mark.parametrize(
    ("dimension", "message"),
    [
        ("DesiredInstanceCount", "it is serverless"),
        ("DesiredProvisionedConcurrency", "it has no ProvisionedConcurrency"),
    ],
)
def test_fails_to_scale_what_a_serverless_variant_does_not_have(aws: Aws, dimension: str, message: str) -> None:
    resource = f"endpoint/{make_serverless(aws)}/variant/main"
    full = f"sagemaker:variant:{dimension}"

    assert refusal(
        aws.autoscaling.register_scalable_target,
        ServiceNamespace="sagemaker",
        ResourceId=resource,
        ScalableDimension=full,
        MinCapacity=1,
        MaxCapacity=2,
    ) == (f"ValidationException: {resource} cannot be scaled by {full}: {message}.")


def test_provisioned_concurrency_is_scaled(aws: Aws) -> None:
    identity: Any = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{make_serverless(aws, ProvisionedConcurrency=1)}/variant/main",
        "ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency",
    }

    aws.autoscaling.register_scalable_target(**identity, MinCapacity=1, MaxCapacity=2)

    described = aws.autoscaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[identity["ResourceId"]]
    )
    assert described["ScalableTargets"][0]["ScalableDimension"] == identity["ScalableDimension"]
