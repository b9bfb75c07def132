"""Charts for the tests: made once, looked at as plain manifests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cdk8s
import kubernetes_validate
import pytest
from kubernetes_validate import utils

from cdk8s_charts.neuron_compilation import Input, NeuronCompilation
from cdk8s_charts.neuron_compilation_chart import NeuronCompilationChart
from cdk8s_charts.servers.tensorflow_serving import TensorFlowServing
from cdk8s_charts.serving_chart import ServingChart
from cdk8s_charts.workload import Workload
from constructs_lib.eks.kubernetes_versions import RELEASES
from constructs_lib.serving.models import TensorFlowModel
from constructs_lib.serving.node_group import NodeGroup
from stacks.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(
    file.parent.name for file in ROOT.glob("examples/*/inference.yaml") if "\nworkloads:" in file.read_text("utf-8")
)
REGION = "us-east-1"
ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
# What EKS supports, by standard or extended support.
KUBERNETES_VERSIONS = sorted(RELEASES)
# Kinds that are not Kubernetes' own, which its schemas do not know.
CUSTOM = ("ScaledObject",)

GPUS = NodeGroup(name="gpu", instance_types=("g5.xlarge",), max_size=4)
MANY_GPUS = NodeGroup(name="many-gpus", instance_types=("g5.12xlarge",), max_size=2)
CPUS = NodeGroup(name="cpu", instance_types=("m7i.xlarge",), max_size=4)
GRAVITON = NodeGroup(name="graviton", instance_types=("m7g.xlarge",), max_size=4)
INFERENTIA = NodeGroup(name="inferentia", instance_types=("inf1.xlarge",), max_size=4)
INFERENTIA2 = NodeGroup(name="inferentia2", instance_types=("inf2.xlarge",), max_size=4)
INFERENTIA2_LARGE = NodeGroup(name="inferentia2-large", instance_types=("inf2.24xlarge",), max_size=4)
NODE_GROUPS = (GPUS, MANY_GPUS, CPUS, GRAVITON, INFERENTIA, INFERENTIA2, INFERENTIA2_LARGE)

Json = dict[str, Any]
SAVED_MODEL = TensorFlowModel(artifact="s3://mybucket/models/")


def tensorflow(**options: Any) -> Workload:
    """Make a workload that serves a SavedModel on CPUs, unless the options say otherwise."""
    values: Json = {"name": "demo", "model": SAVED_MODEL, "server": TensorFlowServing(), **options}
    return Workload(**values)


def compilation(**values: Any) -> NeuronCompilation:
    """Make a compilation of a model of text, unless the values say otherwise."""
    given = {
        "name": "compile",
        "framework": "pytorch",
        "source": "s3://mybucket/bert/",
        "destination": "s3://mybucket/compiled/",
        "target": "inf2",
        "inputs": (Input(shape=(1, 128), dtype="int64"),),
        **values,
    }
    return NeuronCompilation(**given)


def manifests_of(
    workload: Workload, node_groups: Sequence[NodeGroup] = NODE_GROUPS, region: str | None = REGION
) -> list[Json]:
    """Render a workload."""
    chart = ServingChart(cdk8s.App(), workload.name, workload=workload, node_groups=node_groups, region=region)
    return list(chart.to_json())


def job_of(compilation: NeuronCompilation, node_groups: Sequence[NodeGroup] = NODE_GROUPS) -> list[Json]:
    """Render a compilation."""
    chart = NeuronCompilationChart(
        cdk8s.App(), compilation.name, compilation=compilation, node_groups=node_groups, region=REGION
    )
    return list(chart.to_json())


def only(manifests: Sequence[Json], kind: str) -> Json:
    """Give the only object of a kind."""
    (found,) = [each for each in manifests if each["kind"] == kind]
    return found


def server_of(manifests: Sequence[Json]) -> Json:
    """Give the container of the server."""
    (found,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def pod_of(manifests: Sequence[Json]) -> Json:
    """Give the specification of the pods."""
    spec: Json = only(manifests, "Deployment")["spec"]["template"]["spec"]
    return spec


@cache
def settings_of(example: str) -> Settings:
    """Read an example's settings."""
    return load_settings(ROOT / "examples" / example / "inference.yaml")


@cache
def charts_of(example: str) -> Mapping[str, list[Json]]:
    """Render everything that an example has in the cluster, by name."""
    settings = settings_of(example)
    groups = settings.node_groups
    charts = {name: manifests_of(workload, groups) for name, workload in settings.workloads.items()}
    return charts | {name: job_of(compilation, groups) for name, compilation in settings.neuron_compilations.items()}


@pytest.fixture(scope="session", autouse=True)
def schemas_are_read_once() -> Iterator[None]:
    """Keep each schema in memory: kubernetes-validate reads its megabytes anew for each manifest."""
    original = utils.schema_contents
    utils.schema_contents = cache(original)
    yield
    utils.schema_contents = original


def schema_errors(manifest: Json, version: str) -> list[str]:
    """Validate a manifest strictly against one version of Kubernetes."""
    name = f"{manifest['kind']}/{manifest['metadata']['name']}"
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{name}: {'.'.join(map(str, error.path))}: {error.message}"]
    return []
