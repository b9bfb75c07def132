"""The same endpoint by `cdklabs.generative-ai-cdk-constructs`.

The library scales only on the backlog of asynchronous requests, by two alarms: its own autoscaling stands in for
ours. Its execution role carries `AmazonSageMakerFullAccess`.
"""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_s3_assets as assets
from cdklabs.generative_ai_cdk_constructs import sagemaker_deployment as sagemaker

from benchmarks.apps import workload


def add_endpoints(stack: cdk.Stack, names: Sequence[str], artifact: str) -> None:
    """Add endpoints that serve one artifact, with everything they need."""
    asset = assets.Asset(stack, "artifact", path=artifact)
    model_data_url = asset.s3_object_url
    image = sagemaker.DeepLearningContainerImage.from_deep_learning_container_image(
        workload.IMAGE_REPOSITORY, workload.IMAGE_TAG
    )
    instance_type = sagemaker.SageMakerInstanceType.of(workload.INSTANCE_TYPE)
    for name in names:
        endpoint = sagemaker.CustomSageMakerEndpoint(
            stack,
            name,
            model_id=name,
            endpoint_name=name,
            container=image,
            model_data_url=model_data_url,
            instance_type=instance_type,
            instance_count=1,
            min_capacity=workload.MIN_CAPACITY,
            max_capacity=workload.MAX_CAPACITY,
            environment=workload.ENVIRONMENT,
        )
        asset.grant_read(endpoint.role)
        cdk.CfnOutput(stack, f"{name}-name", value=endpoint.cfn_endpoint.attr_endpoint_name)
        cdk.CfnOutput(stack, f"{name}-arn", value=endpoint.endpoint_arn)


if __name__ == "__main__":
    workload.synthesize(add_endpoints)
