"""What each server's chart runs: image, command, ports, probes, and what the book's manifests become."""

from __future__ import annotations

from typing import Any

import pytest

from cdk8s_charts.resources import Resources
from cdk8s_charts.servers.multi_model_server import MultiModelServer
from cdk8s_charts.servers.sagemaker_container import SageMakerContainer
from cdk8s_charts.servers.tensorflow_serving import Batching, TensorFlowServing, VersionPolicy
from cdk8s_charts.servers.torchserve import TorchServe
from cdk8s_charts.servers.triton import Triton
from cdk8s_charts.servers.vllm import Vllm
from constructs_lib.serving.gpu_sharing import GpuSharing
from constructs_lib.serving.models import (
    ContainerModel,
    HuggingFaceModel,
    LargeLanguageModel,
    OnnxModel,
    PyTorchModel,
    TensorFlowModel,
)
from constructs_lib.serving.node_group import NodeGroup
from tests.charts.conftest import ECR, Json, charts_of, manifests_of, only, pod_of, server_of, tensorflow

MAR = PyTorchModel(artifact="s3://mybucket/archived_model.mar")


def ports(container: Json) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container["ports"]}


def environment(container: Json) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in container.get("env", [])}


def probes(container: Json) -> list[Any]:
    names = ("startupProbe", "readinessProbe", "livenessProbe")
    return [container[name].get("httpGet", {}).get("path") for name in names]


def config(manifests: list[Json]) -> dict[str, str]:
    data: dict[str, str] = only(manifests, "ConfigMap")["data"]
    return data


def properties(manifests: list[Json]) -> dict[str, str]:
    lines = config(manifests)["config.properties"].splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_books_tensorflow_serving_comes_out_put_right() -> None:
    chart = charts_of("eks-tensorflow-serving")["tf-inference"]
    deployment, service, server = only(chart, "Deployment"), only(chart, "Service"), server_of(chart)

    assert only(chart, "Namespace")["metadata"]["name"] == deployment["metadata"]["namespace"] == "tf-inference"
    assert deployment["metadata"]["name"] == service["metadata"]["name"] == "tf-inference"
    assert deployment["spec"]["template"]["metadata"]["labels"].items() >= {"app": "demo", "role": "master"}.items()
    assert server["image"] == f"{ECR}/tensorflow-inference:2.1.0-gpu-py36-cu101-ubuntu18.04"
    assert server["command"] == ["tensorflow_model_server"]
    assert server["args"][:4] == [
        "--port=9000",
        "--rest_api_port=8500",
        "--model_name=saved_model",
        "--model_base_path=/models/saved_model",
    ]
    assert ports(server) == {"http": 8500, "grpc": 9000}
    assert [(port["name"], port["port"]) for port in service["spec"]["ports"]] == [("http", 8500), ("grpc", 9000)]
    assert service["spec"]["type"] == "ClusterIP"
    (fetch,) = pod_of(chart)["initContainers"]
    assert fetch["args"] == ["s3://mybucket/models/", "/models/saved_model"]
    scaling = only(chart, "HorizontalPodAutoscaler")["spec"]
    assert (scaling["minReplicas"], scaling["maxReplicas"]) == (1, 10)
    assert scaling["metrics"][0]["resource"] == {
        "name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": 60},
    }
    assert "replicas" not in deployment["spec"]


def test_the_books_multi_model_server_comes_out_put_right() -> None:
    chart = charts_of("eks-torchserve")["pytorch-service"]
    server = server_of(chart)

    assert server["image"] == f"{ECR}/pytorch-inference:1.3.1-gpu-py36-cu101-ubuntu16.04"
    assert server["command"] == ["mxnet-model-server"]
    assert server["args"] == [
        "--start",
        "--foreground",
        "--mms-config",
        "/etc/model-server/config.properties",
        "--model-store",
        "/models",
        "--models",
        "archived_model=archived_model.mar",
    ]
    assert ports(server) == {"http": 8080}
    assert probes(server) == ["/ping", "/ping", "/ping"]
    assert properties(chart) == {
        "inference_address": "http://0.0.0.0:8080",
        "management_address": "http://127.0.0.1:8081",
    }


def test_the_books_neuron_deployment_comes_out_put_right() -> None:
    chart = charts_of("eks-neuron")["neuron-demo"]
    server = server_of(chart)

    assert server["image"] == f"{ECR}/tensorflow-inference-neuron:1.15.4-neuron-py37-ubuntu18.04"
    assert server["command"] == ["/usr/local/bin/entrypoint.sh"]
    assert server["args"][:3] == ["--port=8500", "--rest_api_port=9000", "--model_name=neuron_model"]
    assert ports(server) == {"http": 9000, "grpc": 8500}
    assert server["resources"]["limits"]["aws.amazon.com/neuron"] == "1"
    assert server["securityContext"]["capabilities"] == {"add": ["IPC_LOCK"], "drop": ["NET_RAW"]}
    assert pod_of(chart)["tolerations"] == [
        {"key": "aws.amazon.com/neuron", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
    ]


def test_tensorflow_serving_has_its_own_ports_said_explicitly() -> None:
    server = server_of(manifests_of(tensorflow()))

    assert server["image"].startswith(f"{ECR}/tensorflow-inference:2.18.0-cpu-")
    assert server["args"][:2] == ["--port=8500", "--rest_api_port=8501"]
    assert probes(server) == ["/v1/models/demo", "/v1/models/demo", None]
    assert server["livenessProbe"]["tcpSocket"] == {"port": "grpc"}


def test_tensorflow_serving_batches_keeps_versions_and_warms_up_as_asked() -> None:
    asked = TensorFlowServing(
        batching=Batching(max_batch_size=16, batch_timeout_micros=500, num_batch_threads=2),
        versions=VersionPolicy(specific=(3, 5)),
        warm_up=False,
        flags=("--rest_api_timeout_in_ms=60000",),
    )
    manifests = manifests_of(tensorflow(server=asked))

    assert server_of(manifests)["args"] == [
        "--port=8500",
        "--rest_api_port=8501",
        "--model_config_file=/etc/model-server/models.txt",
        "--enable_model_warmup=false",
        "--monitoring_config_file=/etc/model-server/monitoring.txt",
        "--enable_batching=true",
        "--batching_parameters_file=/etc/model-server/batching.txt",
        "--rest_api_timeout_in_ms=60000",
    ]
    assert config(manifests)["batching.txt"] == (
        "max_batch_size { value: 16 }\nbatch_timeout_micros { value: 500 }\nnum_batch_threads { value: 2 }\n"
        "max_enqueued_batches { value: 100 }\n"
    )
    assert config(manifests)["models.txt"] == (
        'model_config_list { config { name: "demo" base_path: "/models/demo" model_platform: "tensorflow" '
        "model_version_policy { specific { versions: 3 versions: 5 } } } }\n"
    )


@pytest.mark.parametrize(
    ("policy", "text"), [(VersionPolicy(latest=2), "latest { num_versions: 2 }"), (VersionPolicy(all=True), "all {}")]
)
def test_a_version_policy_is_written_as_tensorflow_serving_reads_it(policy: VersionPolicy, text: str) -> None:
    assert policy.text() == text


def test_torchserve_asks_for_no_token_and_keeps_its_management_to_itself() -> None:
    manifests = manifests_of(tensorflow(model=MAR, server=TorchServe(workers=2)))
    server, lines = server_of(manifests), properties(manifests)

    assert server["command"] == ["torchserve"]
    assert server["args"][-3:] == ["--models", "demo=archived_model.mar", "--no-config-snapshots"]
    assert lines["disable_token_authorization"] == "true"
    assert lines["enable_model_api"] == "false"
    assert lines["management_address"] == "http://127.0.0.1:8081"
    assert lines["default_workers_per_model"] == "2"
    assert ports(server) == {"http": 8080, "grpc": 7070, "metrics": 8082}
    assert [port["name"] for port in only(manifests, "Service")["spec"]["ports"]] == ["http", "grpc"]


def test_torchserve_batches_and_takes_more_properties() -> None:
    asked = TorchServe(
        model_name="net", archive="other.mar", batch_size=8, workers=1, properties={"job_queue_size": "10"}
    )
    model = PyTorchModel(artifact="s3://mybucket/archives/")
    manifests = manifests_of(tensorflow(model=model, server=asked))

    assert "net=other.mar" in server_of(manifests)["args"]
    assert properties(manifests)["job_queue_size"] == "10"
    assert properties(manifests)["models"] == (
        '{"net":{"1.0":{"defaultVersion":true,"marName":"other.mar","minWorkers":1,"maxWorkers":1,"batchSize":8,'
        '"maxBatchDelay":100,"responseTimeout":120}}}'
    )


def test_torchserve_gives_each_worker_a_neuron_core() -> None:
    manifests = manifests_of(tensorflow(model=MAR, server=TorchServe(), node_group="inferentia2"))

    assert "/pytorch-inference-neuronx:" in server_of(manifests)["image"]
    assert properties(manifests)["default_workers_per_model"] == "2"
    assert environment(server_of(manifests))["NEURON_RT_NUM_CORES"] == "1"


def test_multi_model_server_takes_its_own_image() -> None:
    model = ContainerModel(image="registry.example.com/mms:1", artifact="s3://mybucket/archived_model.mar")
    manifests = manifests_of(tensorflow(model=model, server=MultiModelServer(workers=3)))

    assert server_of(manifests)["command"] == ["multi-model-server"]
    assert properties(manifests)["default_workers_per_model"] == "3"


def test_triton_serves_a_model_repository() -> None:
    model = OnnxModel(artifact="s3://mybucket/repository/")
    manifests = manifests_of(tensorflow(model=model, server=Triton(flags=("--log-verbose=1",)), node_group="gpu"))
    server = server_of(manifests)

    assert server["image"].startswith("nvcr.io/nvidia/tritonserver:2")
    assert server["image"].endswith("-py3")
    assert server["args"][0] == "--model-repository=/models"
    assert server["args"][-1] == "--log-verbose=1"
    assert probes(server) == ["/v2/health/ready", "/v2/health/ready", "/v2/health/live"]
    assert ports(server) == {"http": 8000, "grpc": 8001, "metrics": 8002}
    assert {"name": "shared-memory", "mountPath": "/dev/shm"} in server["volumeMounts"]


def test_triton_keeps_the_release_that_is_asked_for() -> None:
    model = OnnxModel(artifact="s3://mybucket/repository/")
    server = server_of(manifests_of(tensorflow(model=model, server=Triton(version="25.09"))))

    assert server["image"] == "nvcr.io/nvidia/tritonserver:25.09-py3"


def test_vllm_is_split_over_the_gpus_of_its_pod() -> None:
    model = LargeLanguageModel(model_id="Qwen/Qwen3-8B")
    asked = Vllm(arguments=("--max-model-len=16384",))
    manifests = manifests_of(tensorflow(model=model, server=asked, node_group="many-gpus", accelerators=4))
    server = server_of(manifests)

    assert server["image"].startswith("public.ecr.aws/deep-learning-containers/vllm:server-cuda-v")
    assert "command" not in server
    assert server["args"] == [
        "--model=Qwen/Qwen3-8B",
        "--served-model-name=Qwen/Qwen3-8B",
        "--host=0.0.0.0",
        "--port=8000",
        "--tensor-parallel-size=4",
        "--max-model-len=16384",
    ]
    assert server["resources"]["limits"]["nvidia.com/gpu"] == "4"
    assert probes(server) == ["/health", "/health", "/health"]
    assert server["startupProbe"]["failureThreshold"] * server["startupProbe"]["periodSeconds"] == 3600
    assert server["resources"]["limits"]["memory"] == "30Gi"
    assert "initContainers" not in pod_of(manifests)


def test_a_server_has_no_less_time_to_start_than_it_asks_for() -> None:
    probe = server_of(manifests_of(tensorflow(start_up_seconds=605)))["startupProbe"]

    assert (probe["failureThreshold"], probe["periodSeconds"]) == (61, 10)


def test_vllm_serves_weights_from_s3_and_its_own_versions() -> None:
    model = LargeLanguageModel(artifact="s3://mybucket/qwen3-8b/", version="0.31.0")
    manifests = manifests_of(tensorflow(model=model, server=Vllm(served_model_name="chat"), node_group="gpu"))

    assert "/vllm:0.31.0-" in server_of(manifests)["image"]
    assert server_of(manifests)["args"][:2] == ["--model=/models/demo", "--served-model-name=chat"]
    assert pod_of(manifests)["initContainers"][0]["args"] == ["s3://mybucket/qwen3-8b/", "/models/demo"]


def test_vllm_runs_on_inferentia2_with_the_image_that_still_serves_it() -> None:
    chart = charts_of("eks-neuron")["chat"]
    server = server_of(chart)

    assert server["image"].startswith("public.ecr.aws/neuron/pytorch-inference-vllm-neuronx:0.16.0-")
    assert server["command"] == ["vllm", "serve", "Qwen/Qwen3-8B"]
    assert "--tensor-parallel-size=8" in server["args"]
    assert server["resources"]["limits"] == {"aws.amazon.com/neuron": "6", "memory": "132Gi"}
    token = next(each for each in server["env"] if each["name"] == "HF_TOKEN")
    assert token["valueFrom"] == {"secretKeyRef": {"name": "hugging-face", "key": "token"}}


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ({}, "--per_process_gpu_memory_fraction=0.212"),
        (
            {"server": Vllm(), "model": LargeLanguageModel(model_id="Qwen/Qwen3-0.6B")},
            "--gpu-memory-utilization=0.212",
        ),
    ],
)
def test_pods_that_take_turns_on_a_gpu_share_its_memory(options: dict[str, Any], share: str) -> None:
    four = NodeGroup(name="shared", instance_types=("g5.xlarge",), max_size=2, gpu_sharing=GpuSharing(time_slicing=4))
    workload = tensorflow(node_group="shared", resources=Resources(memory="3Gi"), **options)

    assert share in server_of(manifests_of(workload, [four]))["args"]


def test_any_model_runs_in_the_container_that_sagemaker_would_run() -> None:
    model = HuggingFaceModel(model_id="gpt2", task="text-generation")
    manifests = manifests_of(tensorflow(model=model, server=SageMakerContainer(), node_group="gpu"))
    server = server_of(manifests)

    assert server["image"].startswith(f"{ECR}/huggingface-pytorch-inference:")
    assert server["args"] == ["serve"]
    assert environment(server) == {"HF_MODEL_ID": "gpt2", "HF_TASK": "text-generation"}
    assert ports(server) == {"http": 8080}


def test_a_sagemaker_container_counts_the_accelerators_of_its_pod() -> None:
    model = LargeLanguageModel(model_id="Qwen/Qwen3-8B", server="djl-lmi")
    server = server_of(manifests_of(tensorflow(model=model, server=None, node_group="many-gpus", accelerators=2)))

    assert environment(server)["OPTION_TENSOR_PARALLEL_DEGREE"] == "2"


def test_pods_without_an_accelerator_get_the_image_for_cpus_on_nodes_that_have_one() -> None:
    model = PyTorchModel(artifact="s3://mybucket/model.tar.gz")
    asked = tensorflow(model=model, server=SageMakerContainer(), node_group="gpu", accelerators=0)

    assert "/pytorch-inference:2.6.0-cpu-" in server_of(manifests_of(asked))["image"]


def test_an_archive_is_unpacked_for_the_servers_that_read_directories() -> None:
    model = TensorFlowModel(artifact="s3://mybucket/model.tar.gz")
    fetch, unpack = pod_of(manifests_of(tensorflow(model=model)))["initContainers"]

    assert fetch["args"][:4] == ["s3", "cp", "s3://mybucket/model.tar.gz", "/models/demo/model.tar.gz"]
    assert unpack["command"] == [
        "/bin/sh",
        "-c",
        'tar -xzf "/models/demo/model.tar.gz" -C "/models/demo" && rm "/models/demo/model.tar.gz"',
    ]


def test_the_models_own_environment_wins() -> None:
    model = TensorFlowModel(
        artifact="s3://mybucket/models/", environment={"MODEL_NAME": "mine", "TF_CPP_MIN_LOG_LEVEL": "1"}
    )
    variables = environment(server_of(manifests_of(tensorflow(model=model))))

    assert variables["MODEL_NAME"] == "mine"
    assert variables["TF_CPP_MIN_LOG_LEVEL"] == "1"
