"""Warnings about what a cluster runs: by ids that can be acknowledged, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk8s_charts.neuron_compilation import NeuronCompilation
from cdk8s_charts.servers.torchserve import TorchServe
from cdk8s_charts.workload_notices import compilation_notices, workload_notices
from constructs_lib.serving.models import PyTorchModel, TensorFlowModel
from scripts.inference import main
from stacks.settings import load_settings
from stacks.workloads import cluster_notices
from tests.charts.conftest import EXAMPLES, NODE_GROUPS, ROOT, tensorflow


def test_a_maintained_server_with_a_patched_image_says_nothing() -> None:
    model = TensorFlowModel(artifact="s3://mybucket/models/", image="docker.io/tensorflow/serving:2.19.1")

    assert list(workload_notices(tensorflow(model=model), NODE_GROUPS)) == []


def test_torchserve_is_maintained_by_nobody() -> None:
    model = PyTorchModel(artifact="s3://mybucket/model.mar", image="registry.example.com/models:1")

    assert [notice.id for notice in workload_notices(tensorflow(model=model, server=TorchServe()), NODE_GROUPS)] == [
        "inference:torchserve-unmaintained"
    ]


def test_tensorflow_on_inf1_is_retired_in_more_than_one_way() -> None:
    found = list(workload_notices(tensorflow(node_group="inferentia"), NODE_GROUPS, region="us-east-1"))

    assert [notice.id for notice in found] == ["inference:tensorflow-neuron-retired", "inference:inf1-retired"]
    assert found[1].message == (
        "'inf1.xlarge' is Inferentia of the first generation, for which AWS makes no new software: compile the model "
        "for Inferentia2 (such as 'inf2.xlarge'), or use a GPU instance (such as 'g5.xlarge')"
    )


def test_a_compilation_for_inf1_is_retired_too() -> None:
    compilation = NeuronCompilation(
        name="compile",
        framework="tensorflow",
        version="1.15.4",
        target="inf1",
        source="s3://b-b/a/",
        destination="s3://b-b/c/",
    )
    (notice,) = compilation_notices(compilation, region="us-east-1")

    assert (notice.id, notice.message[:15]) == ("inference:inf1-retired", "'an Inf1 node' ")


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_acknowledge_what_they_know(example: str) -> None:
    assert cluster_notices(load_settings(ROOT / "examples" / example / "inference.yaml")) == []


def test_the_command_says_each_warning_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "inference.yaml"
    workload = "{model: {framework: pytorch, artifact: s3://mybucket/model.mar, image: registry.example.com/models:1}}"
    settings.write_text(f"workloads:\n  one: {workload}\n  two: {workload}\n")

    main(["charts", "-s", str(settings), "-o", str(tmp_path / "out")])

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: TorchServe gets no fixes any more")
    assert line.endswith("[inference:torchserve-unmaintained]")
