"""Whatever workload is accepted, its manifests are valid and keep the rules."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from cdk8s_charts.autoscaling import KedaTrigger, PodAutoscaling, ScalingRule
from cdk8s_charts.clients import Clients
from cdk8s_charts.resources import Resources
from cdk8s_charts.servers import AnyServer
from cdk8s_charts.servers.sagemaker_container import SageMakerContainer
from cdk8s_charts.servers.tensorflow_serving import Batching, TensorFlowServing, VersionPolicy
from cdk8s_charts.servers.torchserve import TorchServe
from cdk8s_charts.servers.triton import Triton
from cdk8s_charts.servers.vllm import Vllm
from cdk8s_charts.service import Ingress, Service
from cdk8s_charts.workload import Workload
from cdk8s_charts.workload_rules import workload_problems
from constructs_lib.serving.models import (
    AnyModel,
    HuggingFaceModel,
    LargeLanguageModel,
    OnnxModel,
    PyTorchModel,
    TensorFlowModel,
)
from constructs_lib.serving.problems import InvalidValueError
from tests.charts.conftest import CUSTOM, NODE_GROUPS, REGION, manifests_of, schema_errors
from tests.charts.manifest_rules import broken_rules

SERVED: list[tuple[AnyModel, AnyServer | None]] = [
    (TensorFlowModel(artifact="s3://mybucket/models/"), None),
    (TensorFlowModel(artifact="s3://mybucket/model.tar.gz"), TensorFlowServing(rest_port=8500, grpc_port=9000)),
    (
        TensorFlowModel(artifact="s3://mybucket/models/"),
        TensorFlowServing(batching=Batching(max_batch_size=8), versions=VersionPolicy(all=True)),
    ),
    (PyTorchModel(artifact="s3://mybucket/model.mar"), TorchServe(batch_size=4)),
    (PyTorchModel(artifact="s3://mybucket/archives/"), TorchServe(workers=1)),
    (OnnxModel(artifact="s3://mybucket/repository/"), Triton()),
    (LargeLanguageModel(model_id="Qwen/Qwen3-8B"), Vllm()),
    (LargeLanguageModel(artifact="s3://mybucket/qwen/"), Vllm()),
    (HuggingFaceModel(model_id="gpt2"), SageMakerContainer()),
]
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,43}[a-z0-9])?", fullmatch=True)
PORTS = st.none() | st.integers(1, 65_535)
RULES = st.none() | st.builds(
    ScalingRule,
    stabilization_seconds=st.none() | st.integers(0, 3600),
    pods=st.none() | st.integers(1, 10),
    percent=st.none() | st.integers(1, 200),
    period_seconds=st.integers(1, 1800),
)
TRIGGER = KedaTrigger(type="cron", metadata={"timezone": "UTC", "start": "0 8 * * *"})
SCALING = st.none() | st.one_of(
    st.builds(
        PodAutoscaling,
        min=st.integers(1, 5),
        max=st.integers(5, 50),
        cpu_utilization=st.none() | st.integers(1, 100),
        memory_utilization=st.none() | st.integers(1, 100),
        pod_metrics=st.dictionaries(st.sampled_from(["rps", "latency"]), st.sampled_from(["5", "100m"])),
        scale_up=RULES,
        scale_down=RULES,
    ),
    st.builds(PodAutoscaling, engine=st.just("keda"), min=st.integers(0, 2), triggers=st.just((TRIGGER,))),
)
OPTIONS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "namespace": NAMES,
        "served": st.sampled_from(SERVED),
        "node_group": st.none() | st.sampled_from([group.name for group in NODE_GROUPS]),
        "accelerators": st.none() | st.integers(0, 6),
        "resources": st.builds(
            Resources,
            cpu=st.sampled_from(["250m", "1", "3"]),
            memory=st.none() | st.sampled_from(["1Gi", "4Gi", "12Gi"]),
            shared_memory=st.none() | st.just("1Gi"),
        ),
        "service": st.builds(Service, http_port=PORTS, type=st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"])),
        "ingress": st.none() | st.just(Ingress()),
        "autoscaling": SCALING,
        "clients": st.none() | st.just(Clients(namespaces=("web",))),
        "artifact_access": st.sampled_from(["download", "mountpoint"]),
        "rollout": st.none() | st.sampled_from(["surge", "in-place"]),
        "drain_seconds": st.integers(0, 600),
        "start_up_seconds": st.none() | st.integers(10, 7200),
        "metrics": st.booleans(),
    }
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(OPTIONS)
def test_an_accepted_workload_is_valid_and_keeps_the_rules(options: dict[str, Any]) -> None:
    model, server = options.pop("served")
    try:
        workload = Workload(model=model, server=server, **options)
    except InvalidValueError:
        reject()
    assume(not workload_problems(workload, NODE_GROUPS, region=REGION))

    manifests = manifests_of(workload)

    assert broken_rules(manifests, NODE_GROUPS) == []
    assert [e for each in manifests if each["kind"] not in CUSTOM for e in schema_errors(each, "1.35")] == []
