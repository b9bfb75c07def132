"""TensorFlow on local AWS: SavedModels behind an endpoint, with and without a handler."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from constructs_lib.serving.models import TensorFlowModel
from constructs_lib.tools.package import package
from local_aws.process import LocalAws

pytestmark = pytest.mark.serving

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "tensorflow"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20-cpu"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

CALLS_SERVING_ITSELF = """
import urllib.request

def handler(data, context):
    request = urllib.request.Request(context.rest_uri, data.read(), method="POST")
    with urllib.request.urlopen(request) as response:
        return response.read(), context.accept_header
"""


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two versions, of which the newer has two inputs and two outputs in another signature."""
    import tensorflow as tf

    class Model(tf.Module):  # type: ignore[misc]
        def __init__(self, offset: float) -> None:
            super().__init__()
            self.offset = tf.Variable(offset)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def line(self, x: Any) -> Any:
            return {"y": 0.5 * x + self.offset}

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[
                tf.TensorSpec([None, 2], tf.float32, name="pairs"),
                tf.TensorSpec([None], tf.string, name="names"),
            ]
        )
        def named(self, pairs: Any, names: Any) -> Any:
            return {"sums": tf.reduce_sum(pairs, axis=1), "labels": names, "raw_bytes": names}

    directory = tmp_path_factory.mktemp("saved-model")
    for version, offset in ((1, 1.0), (12, 2.0)):
        model = Model(offset)
        signatures = {"serving_default": model.line, "named": model.named}
        tf.saved_model.save(model, str(directory / str(version)), signatures=signatures)
    return directory


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with LocalAws.start(state=tmp_path_factory.mktemp("local-aws")) as server:
        yield Aws(server)


class Aws:
    """What is needed of one local AWS."""

    def __init__(self, server: LocalAws) -> None:
        session: Any = boto3.Session("test", "test", region_name=server.region)
        self.s3, self.sagemaker, self.runtime, self.iam = (
            session.client(name, endpoint_url=server.endpoint_url)
            for name in ("s3", "sagemaker", "sagemaker-runtime", "iam")
        )
        self.s3.create_bucket(Bucket="models")
        self.role = self.iam.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
            "Arn"
        ]
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        self.iam.put_role_policy(RoleName="execution", PolicyName="all", PolicyDocument=json.dumps(everything))

    def deploy(self, name: str, model: TensorFlowModel, directory: Path) -> str:
        """Package a model as synth does, make an endpoint of it, and return what became of that."""
        packed = package(model, output=directory / "model.tar.gz")
        assert packed.path is not None
        self.s3.upload_file(str(packed.path), "models", f"{name}/model.tar.gz")
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://models/{name}/model.tar.gz"}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container)
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        for _ in range(3000):
            described = self.sagemaker.describe_endpoint(EndpointName=name)
            if described["EndpointStatus"] != "Creating":
                return str(described.get("FailureReason", described["EndpointStatus"]))
            time.sleep(0.1)
        raise AssertionError(f"{name} is still being created")

    def invoke(self, name: str, body: str, content_type: str = "application/json", **more: str) -> Any:
        """Invoke an endpoint, and parse its answer."""
        answer = self.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=content_type, **more)
        return json.loads(answer["Body"].read())

    def refusal(self, name: str, body: str, content_type: str = "application/json") -> tuple[int, str]:
        """Give the status and the message of the model's own refusal."""
        with pytest.raises(ClientError) as raised:
            self.invoke(name, body, content_type)
        response: Any = raised.value.response
        return response["OriginalStatusCode"], response["OriginalMessage"]


@pytest.fixture(scope="module")
def plain(aws: Aws, saved_model: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    status = aws.deploy("plain", TensorFlowModel(artifact=str(saved_model)), tmp_path_factory.mktemp("plain"))
    assert status == "InService"
    return "plain"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ('{"instances": [1.0, 2.0, 5.0]}', {"predictions": [2.5, 3.0, 4.5]}),
        ('{"instances": [{"x": 1.0}, {"x": 2.0}]}', {"predictions": [2.5, 3.0]}),
        ('{"inputs": [1.0]}', {"outputs": [2.5]}),
        ('{"inputs": {"x": [1.0]}}', {"outputs": [2.5]}),
        ("1.0", {"predictions": [2.5]}),
        ("[1.0]", {"predictions": [[2.5]]}),
    ],
)
def test_the_endpoint_answers_as_tensorflow_serving_does(aws: Aws, plain: str, body: str, answer: Any) -> None:
    assert aws.invoke(plain, body) == answer


def test_several_inputs_and_outputs_go_by_name(aws: Aws, plain: str) -> None:
    row = {"pairs": [1.0, 2.0], "names": "a"}
    request = {"signature_name": "named", "instances": [row, {"pairs": [3.0, 4.0], "names": {"b64": "Yg=="}}]}

    assert aws.invoke(plain, json.dumps(request)) == {
        "predictions": [
            {"sums": 3.0, "labels": "a", "raw_bytes": {"b64": "YQ=="}},
            {"sums": 7.0, "labels": "b", "raw_bytes": {"b64": "Yg=="}},
        ]
    }


def test_csv_and_json_lines_are_instances(aws: Aws, plain: str) -> None:
    assert aws.invoke(plain, "1.0\n2.0\n", "text/csv") == {"predictions": [2.5, 3.0]}
    assert aws.invoke(plain, '{"x": 1.0}\n{"x": 5.0}\n', "application/jsonlines") == {"predictions": [2.5, 4.5]}


def test_a_version_can_be_asked_for(aws: Aws, plain: str) -> None:
    assert aws.invoke(plain, "1.0", CustomAttributes="tfs-model-version=1") == {"predictions": [1.5]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"instances": [', "JSON parse error"),
        ('{"instances": []}', "'instances' must be a list that is not empty"),
        ('{"instances": ["a"]}', "float"),
        ('{"instances": [1], "inputs": [1]}', "the request must have either 'instances' or 'inputs'"),
        ('{"signature_name": "other", "instances": [1]}', "the model has no signature 'other'"),
    ],
)
def test_a_wrong_request_is_refused_as_json(aws: Aws, plain: str, body: str, words: str) -> None:
    code, message = aws.refusal(plain, body)

    assert code == 400
    assert words in json.loads(message)["error"]


def test_a_content_type_that_is_not_read_is_refused(aws: Aws, plain: str) -> None:
    code, message = aws.refusal(plain, "x", "image/png")

    assert (code, json.loads(message)) == (415, {"error": "Unsupported Media Type: image/png"})


def test_the_examples_handler_reads_csv_too(aws: Aws, saved_model: Path, tmp_path: Path) -> None:
    model = TensorFlowModel(artifact=str(saved_model), source_dir=str(EXAMPLE / "handler"), entry_point="inference.py")

    assert aws.deploy("handled", model, tmp_path) == "InService"

    assert aws.invoke("handled", '{"instances": [1.0, 2.0]}') == {"predictions": [2.5, 3.0]}
    code, message = aws.refusal("handled", "x", "image/png")
    assert code == 500
    assert json.loads(message) == {
        "error": "content type 'image/png' is not supported; use application/json or text/csv"
    }


def test_a_handler_may_call_tensorflow_serving_itself(aws: Aws, saved_model: Path, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(CALLS_SERVING_ITSELF)
    model = TensorFlowModel(artifact=str(saved_model), source_dir=str(tmp_path / "code"), entry_point="inference.py")

    assert aws.deploy("itself", model, tmp_path) == "InService"

    assert aws.invoke("itself", '{"instances": [5.0]}') == {"predictions": [4.5]}


def test_a_handler_without_its_functions_fails_the_endpoint(aws: Aws, saved_model: Path, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text("def input_handler(data, context): ...\n")
    model = TensorFlowModel(artifact=str(saved_model), source_dir=str(tmp_path / "code"), entry_point="inference.py")

    reason = aws.deploy("halfway", model, tmp_path)

    assert "code/inference.py has neither 'handler' nor both 'input_handler' and 'output_handler'" in reason
