"""Amazon SageMaker AI: models, endpoint configurations, endpoints, the runtime that invokes them, and jobs."""

from local_aws.services.sagemaker import endpoint_configs, endpoints, inference_components, models, tags
from local_aws.services.sagemaker.jobs import compilation, training, transform
from local_aws.services.sagemaker.service import SAGEMAKER

__all__ = [
    "SAGEMAKER",
    "compilation",
    "endpoint_configs",
    "endpoints",
    "inference_components",
    "models",
    "tags",
    "training",
    "transform",
]
