"""The hosting plane: a process for each model and each training script, which keeps SageMaker's container contract.

Rules: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from local_aws.hosting.container import Container, HostFailedError
from local_aws.hosting.host import Host
from local_aws.hosting.training import TrainingHost
from local_aws.hosting.training_environment import TrainingContainer

__all__ = ["Container", "Host", "HostFailedError", "TrainingContainer", "TrainingHost"]
