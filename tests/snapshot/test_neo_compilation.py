"""A model that Neo compiles and an endpoint serves: the request, the rights, the model that comes out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest
from aws_cdk.assertions import Annotations, Match, Template
from botocore.validate import ParamValidator
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from constructs_lib.jobs import NeoCompilation, SageMakerJob
from constructs_lib.jobs.handler.kinds import KINDS
from constructs_lib.sagemaker import InferenceEndpoint, Model
from constructs_lib.serving.compilation import Compilation, TargetPlatform
from constructs_lib.serving.models import ContainerModel, OnnxModel, PyTorchModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import InvalidValueError
from stacks.inference_stack import InferenceStack
from stacks.settings import SettingsError, load_settings
from tests.snapshot.conftest import FIXED, MODEL, ROOT, new_app, only

Json = dict[str, Any]
ARCHIVE = "s3://my-models/model.tar.gz"
DIGITS = {"images": (1, 1, 8, 8)}
JOB = "Custom::SageMakerCompilationJob"
SETTINGS = """\
acknowledged_warnings: ["inference:neo-frozen"]
endpoints:
  digits:
    model:
      framework: onnx
      artifact: {artifact}
      entry_point: inference.py
      compile: {{target: {target}, input_shape: {{images: {shape}}}}}
    instance_type: {instance}
"""


def compilation(**more: Any) -> Compilation:
    return Compilation(**{"target": "ml_c5", "input_shape": DIGITS, "output": "s3://my-models/compiled", **more})


def onnx(**more: Any) -> OnnxModel:
    given = {"artifact": ARCHIVE, "entry_point": "inference.py", "compile": compilation(), **more}
    return OnnxModel(**given)


def request_of(template: Template) -> Json:
    """Give the job's request, with RESOLVED-AT-DEPLOYMENT for what is known at deployment only."""
    _, job = only(template, JOB)
    request = job["Properties"]["Request"]
    parts = request["Fn::Join"][1] if isinstance(request, dict) else [request]
    found: Json = json.loads("".join(part if isinstance(part, str) else "RESOLVED-AT-DEPLOYMENT" for part in parts))
    return found


def wrong_in(request: Json) -> str:
    """Hold a request against the service's own model."""
    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = service.operation_model("CreateCompilationJob").input_shape
    assert shape is not None
    return str(ParamValidator().validate({"CompilationJobName": "a", **request}, shape).generate_report())


def allowed(template: Template, action: str) -> list[Any]:
    """Give the resources of each statement of a policy that allows an action."""
    policies = template.find_resources("AWS::IAM::Policy").values()
    statements = [one for policy in policies for one in policy["Properties"]["PolicyDocument"]["Statement"]]
    return [one["Resource"] for one in statements if action in str(one["Action"])]


def test_an_endpoint_serves_what_the_job_leaves_in_the_image_that_it_names(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    compiled = NeoCompilation(stack, "Compiled", model=onnx())
    InferenceEndpoint(stack, "Endpoint", model=compiled.model, instance_type="ml.c5.large")

    made = template()
    job, _ = only(made, JOB)
    _, model = only(made, "AWS::SageMaker::Model")
    container = model["Properties"]["PrimaryContainer"]

    def result(name: str) -> Json:
        return {"Fn::GetAtt": [job, name]}

    assert container["ModelDataUrl"] == {"Fn::Join": ["", ["s3://my-models/", result("ArtifactKey")]]}
    host = [result("ImageAccount"), ".dkr.ecr.", result("ImageRegion"), ".", result("ImageDomain"), "/"]
    assert container["Image"] == {"Fn::Join": ["", [*host, result("ImageRepository"), ":", result("ImageTag")]]}
    assert {"Fn::Join": ["", ["arn:aws:s3:::my-models/", result("ArtifactKey")]]} in allowed(made, "s3:GetObject")
    neo = [
        "arn:aws:ecr:",
        result("ImageRegion"),
        ":",
        result("ImageAccount"),
        ":repository/",
        result("ImageRepository"),
    ]
    assert {"Fn::Join": ["", neo]} in allowed(made, "ecr:BatchGetImage")


def test_the_job_may_read_its_model_and_write_its_result(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    NeoCompilation(stack, "Compiled", model=onnx())

    made = template()
    assert allowed(made, "s3:GetObject") == ["arn:aws:s3:::my-models/model.tar.gz"]
    assert allowed(made, "s3:PutObject") == ["arn:aws:s3:::my-models/compiled/*"]
    assert "log-group:/aws/sagemaker/CompilationJobs" in str(allowed(made, "logs:PutLogEvents"))


def test_keys_and_network_are_allowed_and_passed_on(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    key = "arn:aws:kms:us-east-1:111111111111:key/0123"
    network = VpcConfig(subnets=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",))
    compiled = NeoCompilation(stack, "Compiled", model=onnx(compile=compilation(output_kms_key_arn=key, vpc=network)))

    made = template()
    assert allowed(made, "kms:GenerateDataKey") == [key]
    assert allowed(made, "ec2:CreateNetworkInterfacePermission") != []
    assert request_of(made)["OutputConfig"]["KmsKeyId"] == key
    assert compiled.model.artifact_kms_key_arn == key


def test_a_local_model_is_packaged_into_a_key_that_neo_takes(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    NeoCompilation(stack, "Compiled", model=onnx(artifact=MODEL))

    assert request_of(template())["InputConfig"]["S3Uri"].endswith(".tar.gz")


def test_what_a_training_leaves_is_compiled(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    output = {"OutputDataConfig": {"S3OutputPath": "s3://my-models/trained"}}
    trained = SageMakerJob(stack, "Training", kind="TrainingJob", request=output)
    model = PyTorchModel(artifact=trained.artifact, compile=compilation())

    NeoCompilation(stack, "Compiled", model=model)

    made = template()
    training, _ = only(made, "Custom::SageMakerTrainingJob")
    _, job = only(made, JOB)
    key = {"Fn::GetAtt": [training, "ArtifactKey"]}
    assert key in job["Properties"]["Request"]["Fn::Join"][1]
    assert {"Fn::Join": ["", ["arn:aws:s3:::my-models/", key]]} in allowed(made, "s3:GetObject")


def test_without_an_output_the_result_is_in_a_bucket_that_stays(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    NeoCompilation(stack, "First", model=onnx(compile=compilation(output=None)))
    NeoCompilation(stack, "Second", model=onnx(compile=compilation(output=None, target="ml_m5")))

    _, bucket = only(template(), "AWS::S3::Bucket")
    assert bucket["UpdateReplacePolicy"] == "Retain"
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}


@pytest.mark.parametrize(("framework", "patience"), [("pytorch", "500"), ("mxnet", "500"), ("xgboost", None)])
def test_the_servers_of_pytorch_and_mxnet_get_time_to_load(stack: cdk.Stack, framework: Any, patience: str) -> None:
    if framework == "pytorch":
        model: Any = PyTorchModel(artifact=ARCHIVE, compile=compilation())
    else:
        shapes = None if framework == "xgboost" else DIGITS
        model = ContainerModel(artifact=ARCHIVE, compile=compilation(framework=framework, input_shape=shapes))

    environment = NeoCompilation(stack, "Compiled", model=model).model.environment

    assert environment.get("MMS_DEFAULT_RESPONSE_TIMEOUT") == patience


def test_other_instances_than_the_targets_are_refused(stack: cdk.Stack) -> None:
    compiled = NeoCompilation(stack, "Compiled", model=onnx())

    with pytest.raises(InvalidValueError, match=r"compiled for 'ml_c5', which runs on ml\.c5\.\* alone"):
        InferenceEndpoint(stack, "Endpoint", model=compiled.model, instance_type="ml.m5.large")


def test_a_model_that_is_still_to_be_compiled_says_what_to_do(stack: cdk.Stack) -> None:
    expected = "OnnxModel: 'compile' is not done by itself: make a NeoCompilation of the model, and serve its '.model'"
    for make in (InferenceEndpoint, Model):
        with pytest.raises(InvalidValueError) as raised:
            make(stack, make.__name__, model=onnx(), instance_type="ml.c5.large")

        assert str(raised.value) == expected


def test_a_model_without_a_compilation_says_what_to_give(stack: cdk.Stack) -> None:
    with pytest.raises(InvalidValueError, match=r"^NeoCompilation: 'model' has no 'compile'; give it one, such as "):
        NeoCompilation(stack, "Compiled", model=onnx(compile=None))


def test_a_target_of_another_region_is_refused(stack: cdk.Stack) -> None:
    model = PyTorchModel(artifact=ARCHIVE, compile=compilation(target="ml_inf2"))

    with pytest.raises(InvalidValueError) as raised:
        NeoCompilation(stack, "Compiled", model=model)

    assert str(raised.value) == (
        "NeoCompilation: 'region' is 'us-east-1', but Neo compiles for 'ml_inf2' in us-east-2 alone; deploy there, or choose another target"
    )


def test_what_is_compiled_for_a_device_is_an_artifact_but_no_model(stack: cdk.Stack) -> None:
    for_device = compilation(target=None, platform=TargetPlatform(os="LINUX", arch="ARM64"))
    compiled = NeoCompilation(stack, "Compiled", model=onnx(compile=for_device))

    assert compiled.artifact.startswith("s3://my-models/")
    for name in ("model", "image"):
        with pytest.raises(InvalidValueError) as raised:
            getattr(compiled, name)
        start = (
            f"NeoCompilation: '{name}' is not there for a platform, which SageMaker does not host: use '.artifact', or"
        )
        assert str(raised.value).startswith(start)


@pytest.mark.parametrize("example", ["inference", "inferentia"])
def test_the_examples_are_what_they_were(tmp_path: Path, example: str, snapshot: SnapshotAssertion) -> None:
    settings = load_settings(ROOT / "examples" / "neo" / f"{example}.yaml")
    stack = InferenceStack(new_app(tmp_path), "InferenceStack", settings=settings, env=FIXED)

    template = Template.from_stack(stack)
    assert wrong_in(request_of(template)) == ""
    ours = {
        name: each for name, each in template.to_json()["Resources"].items() if not name.startswith("SageMakerJobs")
    }
    assert ours == snapshot(extension_class=JSONSnapshotExtension)
    assert Annotations.from_stack(stack).find_warning("*", Match.any_value()) == []


def test_the_same_model_of_two_endpoints_is_compiled_once(tmp_path: Path) -> None:
    one = SETTINGS.format(artifact=MODEL, target="ml_c5", shape="[1, 1, 8, 8]", instance="ml.c5.large")
    endpoint = one.partition("  digits:\n")[2]
    file = tmp_path / "inference.yaml"
    file.write_text(f"{one}  twin:\n{endpoint}")

    stack = InferenceStack(new_app(tmp_path / "cdk.out"), "InferenceStack", settings=load_settings(file), env=FIXED)

    Template.from_stack(stack).resource_count_is(JOB, 1)
    Template.from_stack(stack).resource_count_is("AWS::SageMaker::Model", 2)


def test_places_whose_names_differ_by_a_dot_have_outputs_of_their_own(tmp_path: Path) -> None:
    model = f"{{framework: onnx, artifact: {MODEL}, entry_point: inference.py"
    compiled = f"{model}, compile: {{target: ml_c5, input_shape: {{images: [SIZE, 1, 8, 8]}}}}}}"
    file = tmp_path / "inference.yaml"
    file.write_text(f"""\
endpoints:
  digits:
    model: {model}}}
    variants:
      - {{name: a, instance_type: ml.c5.large}}
      - {{name: b, instance_type: ml.c5.large, model: {compiled.replace("SIZE", "1")}}}
  digitsb:
    model: {compiled.replace("SIZE", "2")}
    instance_type: ml.c5.large
""")

    stack = InferenceStack(new_app(tmp_path / "cdk.out"), "InferenceStack", settings=load_settings(file), env=FIXED)

    outputs = Template.from_stack(stack).to_json()["Outputs"]
    assert len([name for name in outputs if name.startswith("CompilationsdigitsbJobName")]) == 2


@pytest.mark.parametrize(
    ("target", "shape", "instance", "message"),
    [
        ("ml_c6", "[1, 1, 8, 8]", "ml.c5.large", "inference.yaml:8: endpoints.digits.model.compile.target: 'ml_c6' is no target of Neo; did you mean 'ml_c6g'?"),
        ("ml_c5", "[1, 0, 8, 8]", "ml.c5.large", "inference.yaml:8: endpoints.digits.model.compile.input_shape.images: must have sizes of at least 1, got 0 in [1, 0, 8, 8]; give a fixed size"),
        ("ml_c5", "[1, 1, 8, 8]", "ml.c6i.large", "inference.yaml:9: endpoints.digits.instance_type: is 'ml.c6i.large', but the model is compiled for 'ml_c5', which runs on ml.c5.* alone; choose such an instance"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_with_its_line(
    tmp_path: Path, target: str, shape: str, instance: str, message: str
) -> None:
    file = tmp_path / "inference.yaml"
    file.write_text(SETTINGS.format(artifact=MODEL, target=target, shape=shape, instance=instance))

    with pytest.raises(SettingsError) as raised:
        load_settings(file)

    assert message in str(raised.value)


def test_every_result_that_a_model_uses_is_given_by_the_handler() -> None:
    described = {"ModelArtifacts": {}, "InferenceImage": ""}

    assert {f"Image{part}" for part in ("Account", "Region", "Domain", "Repository", "Tag")} | {"ArtifactKey"} == set(
        KINDS["CompilationJob"].results(described)
    )
