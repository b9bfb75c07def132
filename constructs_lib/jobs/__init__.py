"""SageMaker jobs that a deployment runs and waits for: what they leave is what the stack goes on with.

Names are imported when they are first used, so that reading settings does not start jsii.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from constructs_lib.jobs.batch_transform import BatchTransform
    from constructs_lib.jobs.channel import Channel
    from constructs_lib.jobs.job import SageMakerJob
    from constructs_lib.jobs.neo_compilation import NeoCompilation
    from constructs_lib.jobs.spot import Spot
    from constructs_lib.jobs.training import Training
    from constructs_lib.jobs.training_job import TrainingJob
    from constructs_lib.jobs.transform import Transform

_HOME = {
    "BatchTransform": "batch_transform",
    "Channel": "channel",
    "NeoCompilation": "neo_compilation",
    "SageMakerJob": "job",
    "Spot": "spot",
    "Training": "training",
    "TrainingJob": "training_job",
    "Transform": "transform",
}

__all__ = [
    "BatchTransform",
    "Channel",
    "NeoCompilation",
    "SageMakerJob",
    "Spot",
    "Training",
    "TrainingJob",
    "Transform",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
