"""Which container image a training job runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs_lib.serving.images import Image, find_image
from constructs_lib.serving.instances import InstanceType

if TYPE_CHECKING:
    from constructs_lib.jobs.training import Training


def training_image(training: Training, instance: InstanceType) -> Image | str:
    """Choose the image of a training job.

    Returns
    -------
    Image or str
        The job's own ``image`` as it was given; otherwise the newest of AWS's for its framework and version that runs
        on the instance.

    Raises
    ------
    ImageNotFoundError
        When AWS publishes no such image; its text lists the versions that there are.
    """
    if training.image is not None:
        return training.image
    return find_image(
        f"{training.framework}-training",
        training.version,
        device=instance.device,
        architecture=instance.architecture,
        python=training.py_version,
    )
