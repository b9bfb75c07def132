"""The CloudFormation resource types of the services that MiniStack lacks."""

from local_aws.cloudformation.autoscaling import SCALABLE_TARGET, SCALING_POLICY
from local_aws.cloudformation.eks import ACCESS_ENTRY, ADD_ON, POD_IDENTITY_ASSOCIATION
from local_aws.cloudformation.inference_component import INFERENCE_COMPONENT
from local_aws.cloudformation.kubernetes import HELM_CHART, KUBERNETES_RESOURCE
from local_aws.cloudformation.nat import ELASTIC_IP, NAT_GATEWAY
from local_aws.cloudformation.resource import ResourceType
from local_aws.cloudformation.sagemaker import ENDPOINT, ENDPOINT_CONFIG, MODEL

RESOURCE_TYPES: tuple[ResourceType, ...] = (
    MODEL,
    ENDPOINT_CONFIG,
    ENDPOINT,
    INFERENCE_COMPONENT,
    SCALABLE_TARGET,
    SCALING_POLICY,
    ADD_ON,
    ACCESS_ENTRY,
    POD_IDENTITY_ASSOCIATION,
    KUBERNETES_RESOURCE,
    HELM_CHART,
    ELASTIC_IP,
    NAT_GATEWAY,
)

__all__ = ["RESOURCE_TYPES", "ResourceType"]
