"""An inference component for the tests of its values."""

from __future__ import annotations

from typing import Any

from constructs_lib.sagemaker import ComponentSpecification
from constructs_lib.serving.models import PyTorchModel

TORCH = PyTorchModel(artifact="s3://their-models/model.tar.gz")


def specification(**choices: Any) -> ComponentSpecification:
    return ComponentSpecification(**{"model": TORCH, "min_memory_mb": 1024, **choices})
