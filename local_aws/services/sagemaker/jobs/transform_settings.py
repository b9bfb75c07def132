"""How a batch transform job makes its requests, and what its container is told of that.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass

from local_aws.api import Parameters
from local_aws.services.sagemaker.containers import RunningContainer

_DEFAULTS = {"MaxConcurrentTransforms": 1, "MaxPayloadInMB": 6, "BatchStrategy": "MultiRecord"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformSettings:
    """How requests are made: what the job asks for, else what the container recommends, else the defaults."""

    concurrency: int
    payload_mb: int
    strategy: str

    @classmethod
    def of(cls, request: Parameters, recommended: Parameters) -> TransformSettings:
        """Return the settings of a job; 0 concurrent transforms count as none asked for."""
        asked = {name: request[name] for name in _DEFAULTS if name in request}
        if asked.get("MaxConcurrentTransforms") == 0:
            del asked["MaxConcurrentTransforms"]
        chosen = {**_DEFAULTS, **recommended, **asked}
        strategy = str(chosen["BatchStrategy"]).replace("_", "").lower()
        return cls(
            concurrency=int(chosen["MaxConcurrentTransforms"]),
            payload_mb=int(chosen["MaxPayloadInMB"]),
            strategy="SingleRecord" if strategy == "singlerecord" else "MultiRecord",
        )

    def __str__(self) -> str:
        """Write them as SageMaker does in the log."""
        return (
            f"MaxConcurrentTransforms={self.concurrency}, MaxPayloadInMB={self.payload_mb}, "
            f"BatchStrategy={self._strategy_name}"
        )

    @property
    def _strategy_name(self) -> str:
        return "SINGLE_RECORD" if self.strategy == "SingleRecord" else "MULTI_RECORD"

    def environment(self) -> dict[str, str]:
        """Return what a container is told of them."""
        return {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_BATCH_STRATEGY": self._strategy_name,
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self.payload_mb),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(self.concurrency),
        }


def recommended_by(container: RunningContainer) -> Parameters:
    """Return what a container answers to ``/execution-parameters``, which it need not have."""
    try:
        reply = container.client.request("GET", "/execution-parameters", b"", {}, timeout=2.0)
        answer = json.loads(reply.body) if reply.status == 200 else {}
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    return {name: value for name, value in answer.items() if name in _DEFAULTS} if isinstance(answer, dict) else {}
