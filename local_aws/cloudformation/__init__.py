"""The CloudFormation resource types of the services that MiniStack lacks."""

from local_aws.cloudformation.autoscaling import SCALABLE_TARGET, SCALING_POLICY
from local_aws.cloudformation.inference_component import INFERENCE_COMPONENT
from local_aws.cloudformation.resource import ResourceType
from local_aws.cloudformation.sagemaker import ENDPOINT, ENDPOINT_CONFIG, MODEL

RESOURCE_TYPES: tuple[ResourceType, ...] = (
    MODEL,
    ENDPOINT_CONFIG,
    ENDPOINT,
    INFERENCE_COMPONENT,
    SCALABLE_TARGET,
    SCALING_POLICY,
)

__all__ = ["RESOURCE_TYPES", "ResourceType"]
