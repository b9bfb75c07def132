"""What does not fit together: workload, server, nodes, region. Pure: no chart is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cdk8s_charts.neuron_compilation_rules import compilation_problems
from cdk8s_charts.resources import Resources
from cdk8s_charts.servers.multi_model_server import MultiModelServer
from cdk8s_charts.servers.tensorflow_serving import TensorFlowServing
from cdk8s_charts.servers.torchserve import TorchServe
from cdk8s_charts.servers.triton import Triton
from cdk8s_charts.servers.vllm import Vllm
from cdk8s_charts.service import Service
from cdk8s_charts.twin_rules import twin_problems
from cdk8s_charts.workload import Workload
from cdk8s_charts.workload_rules import placement_of, workload_problems
from constructs_lib.serving.images import Device
from constructs_lib.serving.models import (
    ContainerModel,
    LargeLanguageModel,
    OnnxModel,
    PyTorchModel,
    TensorFlowModel,
)
from constructs_lib.serving.node_group import NodeGroup
from tests.charts.conftest import CPUS, ECR, GRAVITON, INFERENTIA, NODE_GROUPS, compilation, tensorflow

MAR = PyTorchModel(artifact="s3://mybucket/model.mar")
CHAT = LargeLanguageModel(model_id="Qwen/Qwen3-8B")


def problems_of(
    workload: Workload, node_groups: tuple[NodeGroup, ...] = NODE_GROUPS, region: str | None = "us-east-1"
) -> list[str]:
    return [str(problem) for problem in workload_problems(workload, node_groups, region=region)]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown node group": (
        {"node_group": "gpus"},
        "'node_group' 'gpus' is not a node group of the cluster; it has 'gpu', 'many-gpus', 'cpu', 'graviton', "
        "'inferentia', 'inferentia2', 'inferentia2-large'",
    ),
    "gpus on cpus": (
        {"node_group": "cpu", "accelerator": "gpu"},
        "'node_group' 'cpu' has nodes without GPUs; set 'node_group' to 'gpu' or 'many-gpus'",
    ),
    "gpus on neuron": (
        {"node_group": "inferentia2", "accelerator": "gpu"},
        "'node_group' 'inferentia2' has nodes without GPUs; set 'node_group' to 'gpu' or 'many-gpus'",
    ),
    "no node group named": (
        {"accelerator": "neuron"},
        "'accelerator' asks for Inferentia (Inf1), but no node group is named; set 'node_group' to 'inferentia'",
    ),
    "accelerators on cpus": (
        {"node_group": "cpu", "accelerators": 1},
        "'accelerators' 'cpu' has nodes without accelerators; set 'node_group' to 'gpu' or 'many-gpus' or 'inferentia' "
        "or 'inferentia2' or 'inferentia2-large'",
    ),
    "more accelerators than the group's nodes have": (
        {"node_group": "gpu", "accelerators": 4},
        "'accelerators' is 4, but a pod on 'gpu' may have 1; set 'node_group' to 'many-gpus'",
    ),
    "more accelerators than the cluster's nodes have": (
        {"node_group": "gpu", "accelerators": 8},
        "'accelerators' is 8, but a pod on 'gpu' may have 1; no node group of the cluster fits: add one, such as of "
        "'g5.48xlarge', or ask for less",
    ),
    "more accelerators than any node has": (
        {"node_group": "gpu", "accelerators": 9},
        "'accelerators' is 9, but a pod on 'gpu' may have 1; no node has so many: ask for at most 8",
    ),
    "a limit below the server's memory": (
        {"resources": Resources(memory_limit="1Gi")},
        "'resources.memory_limit' is 1Gi, less than what the server commonly needs (2Gi); give 'memory'",
    ),
    "too much memory": (
        {"node_group": "gpu", "resources": Resources(memory="64Gi")},
        "'resources.memory' is 64Gi, but a node of 'gpu' offers about 13590Mi to pods; ask for less, or choose larger "
        "instances",
    ),
    "too many cpus": (
        {"node_group": "cpu", "resources": Resources(cpu="4")},
        "'resources.cpu' is 4, but a node of 'cpu' offers 3920m to pods; ask for less, or choose larger instances",
    ),
    "more disk than a node has": (
        {"node_group": "gpu", "resources": Resources(ephemeral_storage="200Gi")},
        "'resources.ephemeral_storage' is 200Gi, but a node of 'gpu' offers about 180Gi of its disk to pods; ask for less, "
        "or raise the group's 'volume_gib'",
    ),
    "too much shared memory": (
        {"resources": Resources(shared_memory="2Gi")},
        "'resources.shared_memory' is 2Gi, a part of the memory, of which there is 2Gi",
    ),
    "too little memory for the server's shared memory": (
        {"server": Vllm(), "model": CHAT, "node_group": "gpu", "resources": Resources(memory="1Gi")},
        "'resources.shared_memory' is 2Gi, a part of the memory, of which there is 1Gi",
    ),
    "image for cpus on gpus": (
        {
            "node_group": "gpu",
            "model": TensorFlowModel(
                artifact="s3://mybucket/models/", image=f"{ECR}/tensorflow-inference:2.18.0-cpu-py310-ubuntu20.04-ec2"
            ),
        },
        f"'model.image' '{ECR}/tensorflow-inference:2.18.0-cpu-py310-ubuntu20.04-ec2' is built for cpu, but the pods run "
        "on gpu; leave 'image' out to get the image for gpu, or choose other nodes",
    ),
    "the makers' image for cpus on gpus": (
        {
            "node_group": "gpu",
            "model": TensorFlowModel(artifact="s3://mybucket/models/", image="tensorflow/serving"),
        },
        "'model.image' 'tensorflow/serving' is built for cpu, but the pods run on gpu; leave 'image' out "
        "to get the image for gpu, or choose other nodes",
    ),
    "the makers' image for gpus on cpus": (
        {"server": TorchServe(), "model": replace(MAR, image="pytorch/torchserve:0.12.0-gpu")},
        "'model.image' 'pytorch/torchserve:0.12.0-gpu' is built for gpu, but the pods run on cpu; leave 'image' out to get "
        "the image for cpu, or choose other nodes",
    ),
    "image for another architecture": (
        {
            "node_group": "graviton",
            "model": TensorFlowModel(
                artifact="s3://mybucket/models/", image=f"{ECR}/tensorflow-inference:2.18.0-cpu-py310-ubuntu20.04-ec2"
            ),
        },
        f"'model.image' '{ECR}/tensorflow-inference:2.18.0-cpu-py310-ubuntu20.04-ec2' is built for x86_64, but the nodes "
        "are arm64",
    ),
    "another region": (
        {"region": "eu-west-1"},
        "'region' is 'eu-west-1', but the cluster is in 'us-east-1'; leave it out",
    ),
    "image in another region": (
        {
            "model": TensorFlowModel(
                artifact="s3://mybucket/models/", image="111122223333.dkr.ecr.eu-west-1.amazonaws.com/models:1"
            )
        },
        "'model.image' is in the registry of 'eu-west-1', but the cluster is in 'us-east-1'; replicate the image there",
    ),
    "a server for other models": (
        {"server": Triton(), "model": CHAT},
        "'model.framework' 'llm' is not served by Triton; it serves 'onnx', 'pytorch', 'tensorflow', 'container'",
    ),
    "a server for other devices": (
        {"server": Vllm(), "model": CHAT, "node_group": "cpu"},
        "'server' is vLLM, which does not run on cpu; it runs on gpu, neuronx",
    ),
    "an archive that TensorFlow Serving does not read": (
        {"model": TensorFlowModel(artifact="s3://mybucket/model.mar")},
        "'model.artifact' 's3://mybucket/model.mar' is a .mar archive, which TensorFlow Serving does not read; give a "
        "prefix of files or a .tar.gz archive",
    ),
    "an archive that TorchServe does not read": (
        {"server": TorchServe(), "model": PyTorchModel(artifact="s3://mybucket/model.tar.gz")},
        "'model.artifact' 's3://mybucket/model.tar.gz' is a .tar.gz archive, which TorchServe does not read; give a .mar "
        "archive or a prefix of files, or set the server's kind to sagemaker, which reads it as SageMaker does",
    ),
    "an archive through Mountpoint": (
        {"model": TensorFlowModel(artifact="s3://mybucket/model.tar.gz"), "artifact_access": "mountpoint"},
        "'artifact_access' is mountpoint, which shows 's3://mybucket/model.tar.gz' as the archive that it is; give a "
        "prefix of files, or set it to download",
    ),
    "nothing to mount": (
        {"server": Vllm(), "model": CHAT, "node_group": "gpu", "artifact_access": "mountpoint"},
        "'artifact_access' is mountpoint, but the model has no 'artifact' in S3",
    ),
    "no artifact": (
        {"server": TensorFlowServing(), "model": ContainerModel(image="registry.example.com/serving:1")},
        "'model.artifact' is missing; TensorFlow Serving needs the address of the model in S3",
    ),
    "an archive that is named twice": (
        {"server": TorchServe(archive="other.mar"), "model": MAR},
        "'server.archive' is 'other.mar', but the artifact 's3://mybucket/model.mar' is the archive; leave it out",
    ),
    "no image with Multi Model Server": (
        {"server": MultiModelServer(), "model": MAR},
        "'model.image' is missing: AWS's images for Kubernetes that had this server are not listed any more",
    ),
    "more workers than NeuronCores": (
        {"server": TorchServe(workers=4), "model": MAR, "node_group": "inferentia2"},
        "'server.workers' is 4, but a pod has 2 NeuronCores, each for one",
    ),
    "more parts than GPUs": (
        {
            "server": Vllm(),
            "model": LargeLanguageModel(model_id="Qwen/Qwen3-8B", tensor_parallel_degree=4),
            "node_group": "gpu",
        },
        "'model.tensor_parallel_degree' is 4, but a pod has 1 GPUs; raise 'accelerators'",
    ),
    "a handler that is not run": (
        {"model": TensorFlowModel(artifact="s3://mybucket/models/", entry_point="inference.py")},
        "'model.entry_point' 'inference.py' is not run by TensorFlow Serving, which runs no handler beside the model; "
        "build it into the model, or set the server's kind to sagemaker",
    ),
    "ports that clash": (
        {"service": Service(http_port=8500)},
        "'service.http_port' is 8500, as is the port for gRPC; give each a port of its own",
    ),
    "gRPC that is not spoken": (
        {"server": Vllm(), "model": CHAT, "node_group": "gpu", "service": Service(grpc_port=9000)},
        "'service.grpc_port' is for gRPC, which vLLM does not speak; leave it out",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_together_is_refused(name: str) -> None:
    options, text = REFUSED[name]

    assert problems_of(tensorflow(**options)) == [text]


def test_an_image_that_is_not_in_the_public_gallery_needs_the_region() -> None:
    assert problems_of(tensorflow(), region=None) == [
        "'region' is missing: the model's image is not in the public gallery; give the region of the cluster"
    ]
    assert problems_of(tensorflow(region="eu-west-1"), region=None) == []


def test_a_version_without_an_image_is_refused_with_those_that_have_one() -> None:
    (problem,) = problems_of(tensorflow(model=TensorFlowModel(artifact="s3://mybucket/models/", version="9.9")))
    assert problem.startswith("'model.version' '9.9' is not a TensorFlow version with an inference image for cpu on ")
    assert "choose one of 2.18.0, " in problem


def test_a_region_without_the_image_is_refused() -> None:
    (problem,) = problems_of(tensorflow(), region="us-east-9")
    assert problem.startswith("'region' 'us-east-9' has no registry with the image 'tensorflow-inference:")


def test_without_knowledge_of_the_cluster_a_named_group_is_trusted() -> None:
    assert problems_of(tensorflow(node_group="theirs", accelerator="gpu"), ()) == []


def test_without_knowledge_of_the_nodes_an_image_for_arm_is_as_good_as_any() -> None:
    image = f"{ECR}/tensorflow-inference-arm64:2.18.0-cpu-py310-ubuntu20.04-ec2"

    assert problems_of(tensorflow(model=TensorFlowModel(artifact="s3://mybucket/models/", image=image))) == []


@pytest.mark.parametrize(
    ("options", "device", "count"),
    [
        ({}, Device.CPU, 0),
        ({"node_group": "cpu"}, Device.CPU, 0),
        ({"node_group": "gpu"}, Device.GPU, 1),
        ({"node_group": "gpu", "accelerators": 0}, Device.CPU, 0),
        ({"node_group": "many-gpus", "accelerators": 3}, Device.GPU, 3),
        ({"node_group": "inferentia"}, Device.NEURON, 1),
        ({"node_group": "inferentia2-large", "accelerators": 6}, Device.NEURONX, 6),
        ({"accelerator": "gpu", "accelerators": 2}, Device.GPU, 2),
    ],
)
def test_a_workload_gets_what_its_nodes_have(options: dict[str, Any], device: Device, count: int) -> None:
    placement = placement_of(tensorflow(**options), NODE_GROUPS)

    assert (placement.device, placement.accelerators) == (device, count)


def test_neuron_cores_are_those_of_the_nodes() -> None:
    assert placement_of(tensorflow(node_group="inferentia"), NODE_GROUPS).cores == 4
    assert placement_of(tensorflow(node_group="inferentia2-large", accelerators=6), NODE_GROUPS).cores == 12
    assert placement_of(tensorflow(accelerator="neuronx"), ()).cores == 2


def test_arm_nodes_get_arm_images() -> None:
    workload = tensorflow(node_group="graviton", model=TensorFlowModel(artifact="s3://mybucket/models/"))
    placement = placement_of(workload, (GRAVITON,), region="us-east-1")

    assert "/tensorflow-inference-arm64:" in placement.image("tensorflow", None)


def test_workloads_share_neither_name_nor_namespace_to_make_nor_port_of_the_nodes() -> None:
    on_a_port = Service(type="NodePort", node_port=30080)
    workloads = [
        tensorflow(namespace="a", create_namespace=True, service=on_a_port),
        tensorflow(name="other", namespace="a", create_namespace=True),
        tensorflow(namespace="b"),
        tensorflow(name="third", namespace="b", service=on_a_port),
    ]

    assert [str(problem) for problem in twin_problems(workloads)] == [
        "'1.create_namespace' makes the namespace 'a', as does 'demo'; let one of them make it",
        "'2.name' is 'demo', as is another's; choose another name",
        "'3.service.node_port' is 30080, as is that of 'demo'; choose another",
    ]


def test_onnx_is_served_by_triton_on_request() -> None:
    model = OnnxModel(artifact="s3://mybucket/repository/")

    assert problems_of(tensorflow(model=model, server=Triton(), node_group="gpu")) == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"node_group": "cpu"}, "'node_group' 'cpu' has no nodes that compile for inf2; name one that has"),
        (
            {"node_group": "inferentia2", "resources": Resources(cpu="8", memory="64Gi")},
            "'resources' are 8 CPU and 64Gi, but a node of 'inferentia2' offers 3920m CPU and about 13590Mi",
        ),
        (
            {"node_group": "inferentia2", "resources": Resources(cpu="1", memory="64Gi")},
            "'resources' are 1 CPU and 64Gi, but a node of 'inferentia2' offers 3920m CPU and about 13590Mi",
        ),
        (
            {"node_group": "graviton", "target": "inf1"},
            "'node_group' 'graviton' is arm64; the Neuron compiler is built for x86_64",
        ),
        ({"region": "eu-west-1"}, "'region' is 'eu-west-1', but the cluster is in 'us-east-1'; leave it out"),
        (
            {"node_group": "nowhere"},
            "'node_group' 'nowhere' is not a node group of the cluster; it has 'cpu', 'graviton', 'inferentia', "
            "'inferentia2'",
        ),
    ],
)
def test_a_compilation_that_does_not_fit_is_refused(values: dict[str, Any], text: str) -> None:
    groups = (CPUS, GRAVITON, INFERENTIA, NodeGroup(name="inferentia2", instance_types=("inf2.xlarge",), max_size=1))

    assert [str(each) for each in compilation_problems(compilation(**values), groups, region="us-east-1")] == [text]


def test_inf1_is_compiled_for_on_cpus() -> None:
    assert compilation_problems(compilation(target="inf1", node_group="cpu"), (CPUS,), region="us-east-1") == []
