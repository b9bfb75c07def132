"""The keys `workloads` and `neuron_compilations` of the settings: read into the charts' values, refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk8s_charts.servers.tensorflow_serving import Batching, TensorFlowServing
from stacks.settings import SettingsError, json_schema, load_settings

HEAD = """\
region: us-east-1
workloads:
  demo:
    model: {framework: tensorflow, artifact: s3://mybucket/models/}
"""


def load(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "inference.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    return [line.replace(f"{path}:", "") for line in str(caught.value).splitlines()]


def test_a_workload_is_named_by_its_key(tmp_path: Path) -> None:
    path = tmp_path / "inference.yaml"
    path.write_text(f"{HEAD}    server: {{kind: tensorflow-serving, batching: {{max_batch_size: 4}}}}\n")
    (workload,) = load_settings(path).workloads.values()

    assert workload.name == workload.account == "demo"
    assert workload.server == TensorFlowServing(batching=Batching(max_batch_size=4))


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (f"{HEAD}    replicas: -1\n", ["5: workloads.demo.replicas: must be at least 0, got -1"]),
        (
            f"{HEAD}    replica: 2\n",
            ["5: workloads.demo.replica: is no key here; did you mean 'replicas'? choose one of "],
        ),
        (f"{HEAD}    name: other\n", ["5: workloads.demo.name: is the key 'demo' itself; leave it out"]),
        (
            f"{HEAD}    server: {{kind: tensorflow}}\n",
            [
                "5: workloads.demo.server.kind: 'tensorflow' is no kind; did you mean 'tensorflow-serving'? choose one "
                "of tensorflow-serving, torchserve, multi-model-server, triton, vllm, sagemaker"
            ],
        ),
        (
            f"{HEAD}    server: {{rest_port: 8500}}\n",
            [
                "5: workloads.demo.server.kind: is missing; choose one of tensorflow-serving, torchserve, "
                "multi-model-server, triton, vllm, sagemaker"
            ],
        ),
        (
            f"{HEAD}    autoscaling:\n      min: 3\n      max: 2\n",
            ["7: workloads.demo.autoscaling.max: must be at least 3 ('min' is 3), got 2"],
        ),
        (
            f"{HEAD}    server: {{kind: torchserve}}\n",
            [
                "4: workloads.demo.model.framework: 'tensorflow' is not served by TorchServe; it serves 'pytorch', "
                "'container'"
            ],
        ),
        (
            f"{HEAD}    region: eu-west-1\n",
            ["5: workloads.demo.region: is 'eu-west-1', but the cluster is in 'us-east-1'; leave it out"],
        ),
        (
            HEAD.replace("demo:", "Demo_1:"),
            [
                "3: workloads.Demo_1: is 'Demo_1' (6 characters), but Kubernetes (DNS-1123) allows 1 to 46 lower-case "
                "letters, digits and hyphens, with no hyphen at either end; for example 'demo-1'"
            ],
        ),
        (
            "neuron_compilations:\n  compile:\n    framework: pytorch\n    source: s3://b-b/a/\n    destination: s3://b-b/c/\n"
            "    target: inf2\n    inputs: [{shape: [0]}]\n",
            [
                "7: neuron_compilations.compile.inputs.0.shape: must be dimensions of at least 1, such as "
                "[1, 3, 224, 224], got [0]"
            ],
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, problems: list[str], tmp_path: Path) -> None:
    found = load(tmp_path, text)

    assert len(found) == len(problems)
    for line, problem in zip(found, problems, strict=True):
        assert line.startswith(problem)


def test_workloads_alone_are_settings_and_the_region_may_come_later(tmp_path: Path) -> None:
    path = tmp_path / "inference.yaml"
    path.write_text(HEAD.replace("region: us-east-1\n", ""))

    assert list(load_settings(path).workloads) == ["demo"]


def test_the_schema_tells_the_servers_apart_and_asks_for_no_name() -> None:
    definitions = json_schema()["$defs"]

    assert "name" not in definitions["WorkloadSettings"]["properties"]
    assert "name" not in definitions["WorkloadSettings"]["required"]
    assert definitions["TorchServe"]["properties"]["kind"]["const"] == "torchserve"
    assert definitions["TorchServe"]["properties"]["workers"]["description"].startswith("Processes that run the model.")
