"""What a workload's own values refuse, without a cluster and without jsii."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cdk8s_charts.autoscaling import KedaTrigger, PodAutoscaling, ScalingRule
from cdk8s_charts.clients import Clients
from cdk8s_charts.neuron_compilation import Input
from cdk8s_charts.resources import Resources, cpu_millis, mebibytes
from cdk8s_charts.servers import default_server
from cdk8s_charts.servers.multi_model_server import MultiModelServer
from cdk8s_charts.servers.sagemaker_container import SageMakerContainer
from cdk8s_charts.servers.tensorflow_serving import Batching, TensorFlowServing, VersionPolicy
from cdk8s_charts.servers.torchserve import TorchServe
from cdk8s_charts.servers.triton import Triton
from cdk8s_charts.servers.vllm import Vllm
from cdk8s_charts.service import Ingress, Service
from cdk8s_charts.workload import Workload
from constructs_lib.serving.models import (
    AnyModel,
    ContainerModel,
    HuggingFaceModel,
    LargeLanguageModel,
    ModelPackageModel,
    OnnxModel,
    PyTorchModel,
    TensorFlowModel,
)
from constructs_lib.serving.problems import InvalidValueError
from tests.charts.conftest import SAVED_MODEL, compilation


def workload(**values: Any) -> Workload:
    return Workload(**{"name": "demo", "model": SAVED_MODEL, **values})


REFUSED: list[tuple[Callable[[], object], str]] = [
    # Names, and what they are of.
    (lambda: workload(name="Half_Plus_Two"), "Workload 'Half_Plus_Two': 'name' is 'Half_Plus_Two' (13 characters), but Kubernetes (DNS-1123) allows 1 to 46 lower-case letters, digits and hyphens, with no hyphen at either end; for example 'half-plus-two'"),
    (lambda: workload(name="2nd"), "Workload '2nd': 'name' is '2nd', but the name of a Service begins with a letter"),
    (lambda: workload(namespace="tf_inference"), "Workload 'demo': 'namespace' is 'tf_inference' (12 characters), but Kubernetes (DNS-1123) allows 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end; for example 'tf-inference'"),
    (lambda: workload(create_namespace=True), "Workload 'demo': 'create_namespace' is for another namespace: 'default' is in every cluster"),
    (lambda: workload(labels={"app": "a b"}), "Workload 'demo': 'labels.app' 'a b' is no value: Kubernetes allows at most 63 letters, digits, '-', '_' and '.', with a letter or digit at either end"),
    (lambda: workload(labels={"app.kubernetes.io/name": "other"}), "Workload 'demo': 'labels.app.kubernetes.io/name' is the chart's own; choose another key"),
    (lambda: workload(pod_annotations={"-": "x"}), "Workload 'demo': 'pod_annotations.-' '-' is no key: Kubernetes allows 1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at either end, after an optional prefix such as 'example.com/'"),
    # Numbers and choices.
    (lambda: workload(replicas=-1), "Workload 'demo': 'replicas' must be at least 0, got -1"),
    (lambda: workload(replicas=2, autoscaling=PodAutoscaling()), "Workload 'demo': 'replicas' is the autoscaler's to say; leave it out, or leave 'autoscaling' out"),
    (lambda: workload(accelerators=2), "Workload 'demo': 'accelerator' is missing; say which 'accelerators' are meant, or name a 'node_group'"),
    (lambda: workload(accelerator="gpu", accelerators=0), "Workload 'demo': 'accelerators' is 0, but 'accelerator' is gpu; leave one of them out"),
    (lambda: workload(accelerator="tpu"), "Workload 'demo': 'accelerator' must be one of gpu, neuron, neuronx, got 'tpu'"),
    (lambda: workload(start_up_seconds=5), "Workload 'demo': 'start_up_seconds' must be 10 to 7200 seconds, got 5"),
    (lambda: workload(drain_seconds=601), "Workload 'demo': 'drain_seconds' must be 0 to 600 seconds, got 601"),
    (lambda: workload(environment_secrets={"HF_TOKEN": "hugging-face"}), "Workload 'demo': 'environment_secrets.HF_TOKEN' must be 'VARIABLE: secret/key', got 'hugging-face'"),
    (lambda: workload(ingress=Ingress(), service=Service(type="LoadBalancer")), "Workload 'demo': 'ingress' is a second way in beside the load balancer of 'service'; leave one of them out"),
    # The model.
    (lambda: workload(model=TensorFlowModel(artifact="models")), "Workload 'demo': 'model.artifact' 'models' is not in S3, which pods read; give its s3:// address"),
    (lambda: workload(model=ContainerModel(dockerfile_directory="server")), "Workload 'demo': 'model.dockerfile_directory' is built for SageMaker alone; push the image and give 'image'"),
    (lambda: workload(model=TensorFlowModel(artifact="s3://mybucket/models/", additional_model_data_sources={"draft": "s3://mybucket/draft/"})), "Workload 'demo': 'model.additional_model_data_sources' is for SageMaker alone, and says nothing to a cluster; leave it out"),
    (lambda: workload(model=TensorFlowModel(artifact="s3://mybucket/models/", network_isolation=True)), "Workload 'demo': 'model.network_isolation' is for SageMaker alone, and says nothing to a cluster; leave it out"),
    (lambda: workload(model=ModelPackageModel(model_package_arn="arn:aws:sagemaker:us-east-1:111122223333:model-package/ranking/3")), "Workload 'demo': 'model.framework' 'model-package' is for SageMaker alone, which reads the package; give the image and the artifact that it names, as a 'container'"),
    # Resources.
    (lambda: Resources(cpu="1.5 cores"), "Resources: 'cpu' must be a quantity of Kubernetes above 0, such as '500m' or '2', got '1.5 cores'"),
    (lambda: Resources(cpu="2Gi"), "Resources: 'cpu' must be a quantity of Kubernetes above 0, such as '500m' or '2', got '2Gi'"),
    (lambda: Resources(memory="4GB"), "Resources: 'memory' must be a quantity of Kubernetes above 0, such as '4Gi' or '512Mi', got '4GB'"),
    (lambda: Resources(memory="4Gi", memory_limit="2Gi"), "Resources: 'memory_limit' is 2Gi, less than 'memory' (4Gi)"),
    (lambda: Resources(cpu="2", cpu_limit="500m"), "Resources: 'cpu_limit' is 500m, less than 'cpu' (2)"),
    # The way in.
    (lambda: Service(type="Headless"), "Service: 'type' must be one of ClusterIP, NodePort, LoadBalancer, got 'Headless'"),  # type: ignore[arg-type]
    (lambda: Service(http_port=80, grpc_port=80), "Service: 'grpc_port' is 80, as is 'http_port'; give each a port of its own"),
    (lambda: Service(http_port=0), "Service: 'http_port' must be 1 to 65535, got 0"),
    (lambda: Service(type="NodePort", node_port=80), "Service: 'node_port' must be 30000 to 32767, got 80"),
    (lambda: Service(node_port=30080), "Service: 'node_port' needs the type NodePort or LoadBalancer; a ClusterIP has no port on the nodes"),
    (lambda: Service(scheme="internet-facing"), "Service: 'scheme' is for a load balancer; set 'type' to LoadBalancer, got 'ClusterIP'"),
    (lambda: Service(type="LoadBalancer", scheme="internet-facing"), "Service: 'source_ranges' is missing: anyone on the internet could call the model; give the CIDR blocks of the callers, or '0.0.0.0/0' if that is meant"),
    (lambda: Service(type="LoadBalancer", source_ranges=("10.0.0.1/16",)), "Service: 'source_ranges.0' must be a CIDR block such as '10.0.0.0/16', got '10.0.0.1/16' (10.0.0.1/16 has host bits set)"),
    (lambda: Ingress(host="models_example"), "Ingress: 'host' must be a DNS name such as 'models.example.com', got 'models_example'"),
    (lambda: Ingress(path="models"), "Ingress: 'path' must begin with '/', got 'models'"),
    (lambda: Ingress(tls_secret="tls"), "Ingress: 'tls_secret' is not read by an Application Load Balancer; give 'certificate_arn'\nIngress: 'tls_secret' needs the 'host' that the certificate is for"),
    (lambda: Ingress(class_name="nginx", certificate_arn="arn:x"), "Ingress: 'certificate_arn' is for the class 'alb', got 'nginx'; give 'tls_secret'"),
    (lambda: Ingress(scheme="internet-facing"), "Ingress: 'source_ranges' is missing: anyone on the internet could call the model; give the CIDR blocks of the callers, or '0.0.0.0/0' if that is meant"),
    (lambda: Ingress(source_ranges=("10.0.0.0",)), "Ingress: 'source_ranges.0' must be a CIDR block such as '10.0.0.0/16', got '10.0.0.0' (it has no '/')"),
    (lambda: Ingress(class_name="nginx", source_ranges=("10.0.0.0/8",)), "Ingress: 'source_ranges' is for the class 'alb', got 'nginx'; set its controller up for it"),
    (lambda: workload(service=Service(type="LoadBalancer"), clients=Clients(namespaces=("web",))), "Workload 'demo': 'clients.cidrs' is empty, and keeps the load balancer out: give the CIDR blocks of its subnets, such as the VPC's"),
    (lambda: workload(ingress=Ingress(), clients=Clients(namespaces=("web",))), "Workload 'demo': 'clients.cidrs' is empty, and keeps the load balancer out: give the CIDR blocks of its subnets, such as the VPC's"),
    (Clients, "Clients: 'namespaces' is empty, as is 'cidrs': nobody could call; give one, or leave 'clients' out"),
    (lambda: Clients(namespaces=("Team A",)), "Clients: 'namespaces.0' is 'Team A' (6 characters), but Kubernetes (DNS-1123) allows 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end; for example 'team-a'"),
    # Autoscaling.
    (lambda: PodAutoscaling(min=5, max=2), "PodAutoscaling: 'max' must be at least 5 ('min' is 5), got 2"),
    (lambda: PodAutoscaling(min=0), "PodAutoscaling: 'min' is 0, which a HorizontalPodAutoscaler does not scale to; set 'engine' to keda"),
    (lambda: PodAutoscaling(min=0, engine="keda"), "PodAutoscaling: 'triggers' must have one that works without a pod, such as 'prometheus' or 'aws-sqs-queue', since 'min' is 0"),
    (lambda: PodAutoscaling(triggers=(KedaTrigger(type="cron", metadata={"a": "b"}),)), "PodAutoscaling: 'triggers' are KEDA's; set 'engine' to keda"),
    (lambda: PodAutoscaling(engine="keda", pod_metrics={"rps": "5"}), "PodAutoscaling: 'pod_metrics' are for the engine hpa; KEDA reads metrics itself: give 'triggers'"),
    (lambda: PodAutoscaling(pod_metrics={"rps": "many"}), "PodAutoscaling: 'pod_metrics.rps' must be a quantity of Kubernetes above 0, such as '20' or '500m', got 'many'"),
    (lambda: PodAutoscaling(cpu_utilization=0), "PodAutoscaling: 'cpu_utilization' must be at least 1 percent, got 0"),
    (lambda: KedaTrigger(type="", metadata={}), "KedaTrigger: 'type' is empty; give the name of a scaler of KEDA's, such as 'prometheus'\nKedaTrigger: 'metadata' is empty; give the parameters of the scaler ''"),
    (lambda: ScalingRule(stabilization_seconds=4000), "ScalingRule: 'stabilization_seconds' must be 0 to 3600 seconds, got 4000"),
    (lambda: ScalingRule(pods=0), "ScalingRule: 'pods' must be at least 1, got 0"),
    # Servers.
    (lambda: TensorFlowServing(rest_port=8500), "TensorFlowServing: 'grpc_port' is 8500, as is 'rest_port'; give each a port of its own"),
    (lambda: TensorFlowServing(model_name="half plus two"), "TensorFlowServing: 'model_name' must have letters, digits, '_', '.' and '-' only, got 'half plus two'"),
    (lambda: TensorFlowServing(flags=("rest_api_timeout_in_ms=1",)), "TensorFlowServing: 'flags.0' must begin with '--', got 'rest_api_timeout_in_ms=1'"),
    (lambda: Batching(max_batch_size=0), "Batching: 'max_batch_size' must be at least 1, got 0"),
    (VersionPolicy, "VersionPolicy: 'latest' or 'specific' or 'all' must be given, and one of them only"),
    (lambda: VersionPolicy(latest=0), "VersionPolicy: 'latest' must be at least 1, got 0"),
    (lambda: TorchServe(archive="model.tar.gz"), "TorchServe: 'archive' must be the file name of a .mar archive, such as 'model.mar', got 'model.tar.gz'"),
    (lambda: TorchServe(workers=0), "TorchServe: 'workers' must be at least 1, got 0"),
    (lambda: TorchServe(properties={"management_address": "http://0.0.0.0:8081"}), "TorchServe: 'properties.management_address' is the chart's own: the Service and the probes rely on the ports"),
    (lambda: TorchServe(properties={"a": "b\nc"}), "TorchServe: 'properties.a' must be one line of config.properties, 'KEY: VALUE'"),
    (lambda: MultiModelServer(command="mms"), "MultiModelServer: 'command' must be one of multi-model-server, mxnet-model-server, got 'mms'"),  # type: ignore[arg-type]
    (lambda: Triton(flags=("-v",)), "Triton: 'flags.0' must begin with '--', got '-v'"),
    (lambda: Vllm(arguments=("max-model-len",)), "Vllm: 'arguments.0' must begin with '--', such as '--max-model-len=16384', got 'max-model-len'"),
    # Compilations.
    (lambda: Input(shape=(0, 3)), "Input: 'shape' must be dimensions of at least 1, such as [1, 3, 224, 224], got [0, 3]"),
    (lambda: compilation(inputs=()), "NeuronCompilation 'compile': 'inputs' is empty; give the shape of each input, such as [1, 3, 224, 224]"),
    (lambda: compilation(neuron_cores=4), "NeuronCompilation 'compile': 'neuron_cores' is 4, but a model for inf2 is compiled for 1; serve it with more workers"),
    (lambda: compilation(destination="s3://mybucket/a.tar.gz"), "NeuronCompilation 'compile': 'destination' must be a prefix that ends with '/', got 's3://mybucket/a.tar.gz'"),
    (lambda: compilation(source="bert"), "NeuronCompilation 'compile': 'source' must be an s3:// address, got 'bert'"),
    (lambda: compilation(source="s3://mybucket/bert.mar"), "NeuronCompilation 'compile': 'source' 's3://mybucket/bert.mar' is a .mar archive; compile the model that goes into it"),
    (lambda: compilation(framework="tensorflow", version="1.15.4"), "NeuronCompilation 'compile': 'version' is 1.15.4, which the compiler for inf2 does not take; give 2.10"),
    (lambda: compilation(compiler_args=("O2",)), "NeuronCompilation 'compile': 'compiler_args.0' must begin with '-', got 'O2'"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), REFUSED, ids=[text[:60] for _, text in REFUSED])
def test_a_wrong_value_is_refused_in_the_users_words(make: Callable[[], object], text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        make()

    assert str(caught.value) == text


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(InvalidValueError) as caught:
        workload(name="Demo", replicas=-1, drain_seconds=900)

    assert [problem.field for problem in caught.value.problems] == ["name", "replicas", "drain_seconds"]


@pytest.mark.parametrize(("quantity", "millis"), [("1", 1000), ("500m", 500), ("1.5", 1500)])
def test_cpus_are_read_in_thousandths(quantity: str, millis: float) -> None:
    assert cpu_millis(quantity) == millis


@pytest.mark.parametrize(("quantity", "mib"), [("1Gi", 1024), ("512Mi", 512), ("1048576", 1), ("2Ti", 2 * 1024**2)])
def test_bytes_are_read_in_mebibytes(quantity: str, mib: float) -> None:
    assert mebibytes(quantity) == mib


def test_what_is_no_quantity_is_not_read() -> None:
    with pytest.raises(ValueError, match=r"^'much' is not a quantity of Kubernetes$"):
        mebibytes("much")


@pytest.mark.parametrize(
    ("model", "server"),
    [
        (SAVED_MODEL, TensorFlowServing()),
        (PyTorchModel(artifact="s3://mybucket/model.mar"), TorchServe()),
        (LargeLanguageModel(model_id="Qwen/Qwen3-8B"), Vllm()),
        (LargeLanguageModel(model_id="Qwen/Qwen3-8B", server="djl-lmi"), SageMakerContainer()),
        (OnnxModel(artifact="s3://mybucket/model.tar.gz"), SageMakerContainer()),
        (OnnxModel(artifact="s3://mybucket/repository/", server="triton"), Triton()),
        (HuggingFaceModel(model_id="gpt2"), SageMakerContainer()),
        (ContainerModel(image="registry.example.com/models:1"), SageMakerContainer()),
    ],
)
def test_each_kind_of_model_has_a_server_by_default(model: AnyModel, server: object) -> None:
    assert default_server(model) == server


def test_cpu_is_followed_at_60_percent_unless_something_else_is() -> None:
    assert PodAutoscaling().cpu_target == 60
    assert PodAutoscaling(memory_utilization=70).cpu_target is None
    assert PodAutoscaling(memory_utilization=70, cpu_utilization=50).cpu_target == 50
