"""Amazon SageMaker AI: models, endpoint configurations, endpoints, and the runtime that invokes them."""

from local_aws.services.sagemaker import endpoint_configs, endpoints, inference_components, models, tags
from local_aws.services.sagemaker.service import SAGEMAKER

__all__ = ["SAGEMAKER", "endpoint_configs", "endpoints", "inference_components", "models", "tags"]
