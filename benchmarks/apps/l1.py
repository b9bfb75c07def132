"""The default stack's template, written by hand with the L1 constructs of aws-cdk-lib: the yardstick.

What the endpoints of a stack share, it makes once per stack, as a careful author would.
"""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sagemaker as sagemaker

from benchmarks.apps import workload

SCALING_METRIC = "SageMakerVariantInvocationsPerInstance"


def add_endpoints(stack: cdk.Stack, names: Sequence[str], artifact: str) -> None:
    """Add endpoints that serve one artifact, with everything they need."""
    asset = assets.Asset(stack, "artifact", path=artifact)
    bucket_and_key = asset.s3_object_url.removeprefix("s3://")
    partition = stack.partition
    for name in names:
        add_endpoint(stack, name, bucket_and_key, partition)


def add_endpoint(stack: cdk.Stack, name: str, bucket_and_key: str, partition: str) -> None:
    """Add one endpoint: role, policy, model, configuration, endpoint, scaling, outputs."""
    role = iam.CfnRole(
        stack,
        f"{name}-role",
        assume_role_policy_document={
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}
            ],
        },
    )
    policy = iam.CfnPolicy(
        stack,
        f"{name}-policy",
        policy_name="ModelAccess",
        policy_document=policy_document(name, bucket_and_key, partition),
        roles=[role.ref],
    )
    model = sagemaker.CfnModel(
        stack,
        f"{name}-model",
        execution_role_arn=role.attr_arn,
        primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
            image=workload.IMAGE, model_data_url=f"s3://{bucket_and_key}", environment=workload.ENVIRONMENT
        ),
    )
    model.add_resource_dependency(policy)
    config = sagemaker.CfnEndpointConfig(
        stack,
        f"{name}-config",
        production_variants=[
            sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                variant_name=workload.VARIANT,
                model_name=model.attr_model_name,
                instance_type=workload.INSTANCE_TYPE,
                initial_instance_count=1,
                initial_variant_weight=1,
            )
        ],
    )
    endpoint = sagemaker.CfnEndpoint(
        stack,
        f"{name}-endpoint",
        endpoint_config_name=config.attr_endpoint_config_name,
        endpoint_name=name,
        retain_all_variant_properties=True,
    )
    endpoint_name = endpoint.attr_endpoint_name
    target = autoscaling.CfnScalableTarget(
        stack,
        f"{name}-target",
        service_namespace="sagemaker",
        scalable_dimension="sagemaker:variant:DesiredInstanceCount",
        resource_id=f"endpoint/{endpoint_name}/variant/{workload.VARIANT}",
        min_capacity=workload.MIN_CAPACITY,
        max_capacity=workload.MAX_CAPACITY,
    )
    autoscaling.CfnScalingPolicy(
        stack,
        f"{name}-scaling",
        policy_name=SCALING_METRIC,
        policy_type="TargetTrackingScaling",
        scaling_target_id=target.ref,
        target_tracking_scaling_policy_configuration=(
            autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=workload.INVOCATIONS_PER_INSTANCE,
                predefined_metric_specification=(
                    autoscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                        predefined_metric_type=SCALING_METRIC
                    )
                ),
                scale_in_cooldown=workload.COOLDOWN_SECONDS,
                scale_out_cooldown=workload.COOLDOWN_SECONDS,
                disable_scale_in=False,
            )
        ),
    )
    cdk.CfnOutput(stack, f"{name}-name", value=endpoint_name)
    cdk.CfnOutput(stack, f"{name}-arn", value=endpoint.ref)


def policy_document(name: str, bucket_and_key: str, partition: str) -> dict[str, object]:
    """Allow what the model of one endpoint needs, and no more."""
    repository = f"{workload.REGION}:{workload.IMAGE_ACCOUNT}:repository/{workload.IMAGE_REPOSITORY}"
    logs = f"arn:{partition}:logs:{workload.REGION}:{workload.ACCOUNT}:log-group:{workload.LOG_GROUP_PREFIX}/{name}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Action": "s3:GetObject", "Effect": "Allow", "Resource": f"arn:{partition}:s3:::{bucket_and_key}"},
            {
                "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Effect": "Allow",
                "Resource": f"arn:{partition}:ecr:{repository}",
            },
            {"Action": "ecr:GetAuthorizationToken", "Effect": "Allow", "Resource": "*"},
            {
                "Action": [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                "Effect": "Allow",
                "Resource": [logs, f"{logs}:*"],
            },
            {
                "Action": "cloudwatch:PutMetricData",
                "Effect": "Allow",
                "Resource": "*",
                "Condition": {"StringLike": {"cloudwatch:namespace": ["AWS/SageMaker", "/aws/sagemaker/*"]}},
            },
        ],
    }


if __name__ == "__main__":
    workload.synthesize(add_endpoints)
