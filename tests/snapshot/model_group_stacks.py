"""Several models behind one endpoint, to look at in a template."""

from __future__ import annotations

from constructs_lib.serving.models import ContainerModel, PyTorchModel
from constructs_lib.serving.multi_container import MultiContainerModel
from constructs_lib.serving.multi_model import MultiModel

CPU, GPU = "ml.c6i.large", "ml.g5.12xlarge"
TORCH = PyTorchModel(artifact="s3://their-models/model.tar.gz")
PREFIX = MultiModel(server="pytorch", artifact="s3://their-models/all/")
BOTH = MultiContainerModel(
    containers={"prepare": ContainerModel(image="example/prepare:1"), "score": TORCH},
    inference_execution_mode="Direct",
)
