"""The hosting plane: one host process per model, which keeps SageMaker's container contract.

Rules: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from local_aws.hosting.container import Container, HostFailedError
from local_aws.hosting.host import Host

__all__ = ["Container", "Host", "HostFailedError"]
