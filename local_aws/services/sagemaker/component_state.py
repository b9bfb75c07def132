"""What SageMaker remembers of an inference component."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local_aws.api import Parameters
from local_aws.errors import validation_error

if TYPE_CHECKING:
    from local_aws.services.sagemaker.containers import RunningContainer

_SETTLED = ("InService", "Failed", "Deleted")


@dataclass(slots=True, kw_only=True)
class InferenceComponent:
    """A model that shares an endpoint's instances with others; one container serves for all its copies."""

    name: str
    arn: str
    endpoint_name: str
    variant_name: str
    specification: Parameters
    copies: int
    status: str = "Creating"
    failure_reason: str | None = None
    container: RunningContainer | None = None
    deployment_config: Parameters | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))
    settled: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, status: str) -> None:
        """Move to a status in which something is under way.

        Raises
        ------
        ServiceError
            When something is under way already.
        """
        with self._lock:
            if self.status not in _SETTLED:
                raise validation_error(f'Cannot update in-progress inference component "{self.arn}".')
            self.set_status(status)

    def set_status(self, status: str, *, failure_reason: str | None = None) -> None:
        """Move to another status; ``InService``, ``Failed`` and ``Deleted`` end what was under way."""
        self.failure_reason = failure_reason[:1024] if failure_reason else None
        self.status = status
        self.modified = datetime.now(UTC)
        if status in _SETTLED:
            self.settled.set()
        else:
            self.settled.clear()

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
