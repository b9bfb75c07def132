"""What SageMaker remembers of an inference component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from local_aws.api import Parameters
from local_aws.services.sagemaker.status import Moving

if TYPE_CHECKING:
    from local_aws.services.sagemaker.containers import RunningContainer


@dataclass(slots=True, kw_only=True)
class InferenceComponent(Moving):
    """A model that shares an endpoint's instances with others; one container serves for all its copies."""

    kind: ClassVar[str] = "inference component"

    endpoint_name: str
    variant_name: str
    specification: Parameters
    copies: int
    container: RunningContainer | None = None
    deployment_config: Parameters | None = None

    def summary(self, endpoint_arn: str) -> Parameters:
        """Return what ``ListInferenceComponents`` shows, which is part of the description."""
        return {
            "InferenceComponentName": self.name,
            "InferenceComponentArn": self.arn,
            "EndpointName": self.endpoint_name,
            "EndpointArn": endpoint_arn,
            "VariantName": self.variant_name,
            "InferenceComponentStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }
