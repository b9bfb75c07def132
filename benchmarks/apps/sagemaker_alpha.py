"""The same endpoint by `aws-cdk.aws-sagemaker-alpha`, as its own README writes it.

Its execution role carries `AmazonSageMakerFullAccess`, so the library does less than the default stack does here.
"""

from collections.abc import Sequence

import aws_cdk as cdk
import aws_cdk.aws_sagemaker_alpha as sagemaker

from benchmarks.apps import workload


def add_endpoints(stack: cdk.Stack, names: Sequence[str], artifact: str) -> None:
    """Add endpoints that serve one artifact, with everything they need."""
    image = sagemaker.ContainerImage.from_dlc(workload.IMAGE_REPOSITORY, workload.IMAGE_TAG)
    model_data = sagemaker.ModelData.from_asset(artifact)
    instance_type = sagemaker.InstanceType.of(workload.INSTANCE_TYPE)
    cooldown = cdk.Duration.seconds(workload.COOLDOWN_SECONDS)
    for name in names:
        model = sagemaker.Model(
            stack,
            f"{name}-model",
            containers=[
                sagemaker.ContainerDefinition(
                    image=image,
                    model_data=model_data,
                    environment=workload.ENVIRONMENT,
                )
            ],
        )
        config = sagemaker.EndpointConfig(
            stack,
            f"{name}-config",
            instance_production_variants=[
                sagemaker.InstanceProductionVariantProps(
                    model=model,
                    variant_name=workload.VARIANT,
                    instance_type=instance_type,
                    initial_instance_count=1,
                )
            ],
        )
        endpoint = sagemaker.Endpoint(stack, f"{name}-endpoint", endpoint_name=name, endpoint_config=config)
        scaling = endpoint.find_instance_production_variant(workload.VARIANT).auto_scale_instance_count(
            min_capacity=workload.MIN_CAPACITY, max_capacity=workload.MAX_CAPACITY
        )
        scaling.scale_on_invocations(
            "Invocations",
            max_requests_per_second=workload.INVOCATIONS_PER_INSTANCE / 60,
            safety_factor=1,
            scale_in_cooldown=cooldown,
            scale_out_cooldown=cooldown,
        )
        cdk.CfnOutput(stack, f"{name}-name", value=endpoint.endpoint_name)
        cdk.CfnOutput(stack, f"{name}-arn", value=endpoint.endpoint_arn)


if __name__ == "__main__":
    workload.synthesize(add_endpoints)
