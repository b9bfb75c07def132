"""Models with ``server: triton``: packed by the library, loaded by ONNX Runtime, and called as on SageMaker."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models as onnx
import pytest
from aws_clients import HOSTING_ACTIONS, Aws, refusal, unique
from model_hosts import DOUBLE, TRITON, Hosts, archive, failure, invoke, ping

from constructs_lib.serving.models import OnnxModel
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.packaging import file_problems, package
from local_aws.hosting import Host
from local_aws.process import LocalAws

BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size="


@pytest.fixture
def triton(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    monkeypatch.delenv("LOCAL_AWS_CACHE", raising=False)  # 30 MB: once per machine, not once per run
    hosts = Hosts(tmp_path)
    yield hosts
    hosts.stop()


def served(hosts: Hosts, content: bytes, **choices: Any) -> Host:
    """Start a host for a bare file, of which the library makes the repository."""
    directory = hosts.directory / "model"
    directory.mkdir()
    (directory / "m.onnx").write_bytes(content)
    model = OnnxModel(server="triton", artifact=str(directory), **choices)
    assert file_problems(model) == []
    return hosts.start(package(model).path, image=TRITON)


def ask(host: Host, inputs: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    tensors = [
        {"name": name, "datatype": datatype, "shape": list(np.shape(data)), "data": data}
        for name, (datatype, data) in inputs.items()
    ]
    answer = invoke(host, json.dumps({"inputs": tensors}).encode())
    assert answer.status == 200, answer.text
    return {each["name"]: (each["datatype"], each["shape"], each["data"]) for each in answer.json["outputs"]}


TYPES: dict[str, tuple[int, Any]] = {
    "BOOL": (onnx.BOOL, [True, False]),
    "UINT8": (onnx.UINT8, [0, 255]),
    "UINT16": (onnx.UINT16, [0, 65535]),
    "UINT32": (onnx.UINT32, [0, 2**32 - 1]),
    "UINT64": (onnx.UINT64, [0, 2**64 - 1]),
    "INT8": (onnx.INT8, [-128, 127]),
    "INT16": (onnx.INT16, [-32768, 32767]),
    "INT32": (onnx.INT32, [-(2**31), 2**31 - 1]),
    "INT64": (onnx.INT64, [-(2**63), 2**63 - 1]),
    "FP32": (onnx.FLOAT, [-0.5, 1e9]),
    "FP64": (onnx.DOUBLE, [-0.1, 1e300]),
    "BYTES": (onnx.STRING, ["ä", ""]),
}


def test_every_type_that_the_library_configures_is_what_onnx_runtime_has(triton: Hosts) -> None:
    host = served(triton, onnx.identity_model({name: (kind, [None, 2]) for name, (kind, _) in TYPES.items()}))

    answer = ask(host, {name: (name, [values]) for name, (_, values) in TYPES.items()})

    assert answer == {f"{name}_out": (name, [1, 2], values) for name, (_, values) in TYPES.items()}


def test_every_shape_that_the_library_configures_is_what_onnx_runtime_has(triton: Hosts) -> None:
    rows: dict[str, tuple[int, onnx.Shape]] = {"row": (onnx.FLOAT, [None]), "matrix": (onnx.FLOAT, [None, 2, None])}
    host = served(triton, onnx.identity_model(rows), max_batch_size=2)

    answer = ask(host, {"row": ("FP32", [[1], [2]]), "matrix": ("FP32", [[[1], [2]], [[3], [4]]])})

    assert answer == {"row_out": ("FP32", [2, 1], [1, 2]), "matrix_out": ("FP32", [2, 2, 1], [1, 2, 3, 4])}


def test_every_shape_without_batches_is_what_onnx_runtime_has(triton: Hosts) -> None:
    fixed: dict[str, tuple[int, onnx.Shape]] = {
        "number": (onnx.INT64, []),
        "pair": (onnx.INT64, [2]),
        "open": (onnx.INT64, [2, None]),
    }
    host = served(triton, onnx.identity_model(fixed))

    answer = ask(host, {"number": ("INT64", [7]), "pair": ("INT64", [1, 2]), "open": ("INT64", [[1], [2]])})

    assert answer == {
        "number_out": ("INT64", [1], [7]),
        "pair_out": ("INT64", [2], [1, 2]),
        "open_out": ("INT64", [2, 1], [1, 2]),
    }


def test_half_precision_goes_through_the_binary_form(triton: Hosts) -> None:
    host = served(triton, onnx.identity_model({"h": (onnx.FLOAT16, [None, 2])}))
    data = np.array([[0.5, -2]], np.float16).tobytes()
    sent = {"name": "h", "datatype": "FP16", "shape": [1, 2], "parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"inputs": [sent], "parameters": {"binary_data_output": True}}).encode()

    answer = invoke(host, head + data, f"{BINARY}{len(head)}")

    assert answer.status == 200
    assert (answer.content_type or "").startswith(BINARY)
    assert answer.body.endswith(data)


def test_a_request_that_does_not_fit_is_refused_and_the_next_is_answered(triton: Hosts) -> None:
    host = served(triton, DOUBLE.read_bytes())
    wrong = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 1], "data": [1]}]}

    refused = invoke(host, json.dumps(wrong).encode())

    assert (refused.status, refused.content_type) == (400, "application/json")
    assert refused.json == {
        "error": "[request id: <id_unknown>] inference input 'x' data-type is 'FP64', but model 'm' expects 'FP32'"
    }
    assert ask(host, {"x": ("FP32", [[1.0, 2.0]])}) == {"y": ("FP32", [1, 2], [2.0, 4.0])}
    assert ping(host) == 200


def test_fails_for_a_repository_that_triton_would_not_load(triton: Hosts) -> None:
    config = 'input { name: "x" data_type: TYPE_FP64 dims: -1 }'
    broken: dict[str, str | bytes] = {"m/1/model.onnx": b"weights"}
    unfit: dict[str, str | bytes] = {"m/1/model.onnx": DOUBLE.read_bytes(), "m/config.pbtxt": config}

    assert failure(triton, unfit, image=TRITON) == (
        "LoadError: failed to load 'm' version 1: Invalid argument: unable to load model 'm', configuration expects "
        "datatype TYPE_FP64 for input 'x', model provides TYPE_FP32"
    )
    assert failure(triton, broken, image=TRITON).startswith(
        "LoadError: failed to load 'm' version 1: Internal: onnx runtime error 7: Load model from "
        "/opt/ml/model/m/1/model.onnx failed:Protobuf parsing failed."
    )


@pytest.fixture(scope="module")
def aws(local_aws: LocalAws) -> Aws:
    made = Aws(local_aws)
    made.s3.create_bucket(Bucket="many-on-triton")
    return made


def test_many_models_on_triton_are_named_by_each_request(aws: Aws, tmp_path: Path) -> None:
    content = DOUBLE.read_bytes()
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "double.onnx").write_bytes(content)
    many = MultiModel(server="triton", models={"made.tar.gz": str(tmp_path / "made")})
    packed = {
        "made": package(many.member("made.tar.gz")).path,
        "bare": archive(tmp_path / "bare", {"1/model.onnx": content, "config.pbtxt": 'backend: "onnxruntime"'}),
        "python": archive(tmp_path / "python", {"m/1/model.py": b""}),
    }
    for name, path in packed.items():
        aws.s3.put_object(Bucket="many-on-triton", Key=f"models/{name}.tar.gz", Body=path.read_bytes())
    endpoint = multi_model_endpoint(aws)
    body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}).encode()

    for name in ("made", "bare"):
        target = f"{name}.tar.gz"
        answer = json.loads(
            aws.runtime.invoke_endpoint(EndpointName=endpoint, TargetModel=target, Body=body)["Body"].read()
        )
        assert (answer["model_name"], answer["outputs"][0]["data"]) == (target, [2.0, 4.0])
    refused = refusal(aws.runtime.invoke_endpoint, EndpointName=endpoint, TargetModel="python.tar.gz", Body=body)
    assert "local AWS serves ONNX models on Triton, and the backend of 'm' is 'python'" in refused


def multi_model_endpoint(aws: Aws) -> str:
    name = unique("triton")
    statements = [{"Effect": "Allow", "Action": [*HOSTING_ACTIONS, "s3:GetObject", "s3:ListBucket"], "Resource": "*"}]
    role = aws.make_role_of(statements)
    container: Any = {"Image": TRITON, "Mode": "MultiModel", "ModelDataUrl": "s3://many-on-triton/models/"}
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    variant: Any = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert aws.settle(name)["EndpointStatus"] == "InService"
    return name
