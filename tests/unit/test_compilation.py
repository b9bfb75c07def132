"""How Neo compiles a model, as a value: what it takes, what it refuses and in which words, and what it asks Neo for."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.sagemaker.endpoint_options import EndpointOptions
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.sagemaker.variants import InstanceVariant
from constructs_lib.serving import neo
from constructs_lib.serving.compatibility import hosting_problems, region_problems
from constructs_lib.serving.compilation import Compilation, TargetPlatform
from constructs_lib.serving.models import ContainerModel, OnnxModel, PyTorchModel, TensorFlowModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.notices import compilation_notices
from constructs_lib.serving.problems import InvalidValueError
from local_aws.validation import service_model

ARCHIVE = "s3://my-models/model.tar.gz"
IMAGE = {"input0": (1, 3, 224, 224)}
DEVICE = TargetPlatform(os="LINUX", arch="ARM64")


def to_c5(**more: Any) -> Compilation:
    return Compilation(**{"target": "ml_c5", "input_shape": IMAGE, **more})


def torch(**more: Any) -> PyTorchModel:
    return PyTorchModel(artifact=ARCHIVE, **more)


def test_the_tables_are_botocores() -> None:
    model = service_model("sagemaker")

    assert set(neo.TARGETS) == set(model.shape_for("TargetDevice").metadata["enum"])
    assert {each.upper() for each in get_args(neo.Framework)} == set(model.shape_for("Framework").metadata["enum"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"input_shape": IMAGE}, "'target' or 'platform' says what the model is compiled for, and neither is given; give one of them"),
        ({"target": "ml_c5", "platform": DEVICE}, "'target' or 'platform' says what the model is compiled for, and both are given; give one of them"),
        ({"target": "ml.c5"}, "'target' 'ml.c5' is no target of Neo; did you mean 'ml_c5'?"),
        ({"target": "ml_g4"}, "'target' 'ml_g4' is no target of Neo; did you mean 'ml_g4dn'?"),
        ({"target": "ml_c5", "framework": "caffe"}, "'framework' must be one of tensorflow, keras, mxnet, onnx, pytorch, xgboost, tflite, darknet, sklearn, got 'caffe'"),
        ({"target": "ml_c5", "framework_version": "v2"}, "'framework_version' must look like '1.13', got 'v2'"),
        ({"target": "ml_c5", "compiler_options": "dtype=float32"}, "'compiler_options' must be names with values, or JSON: Expecting value at character 1"),
        ({"target": "ml_c5", "compiler_options": "[1, 2]"}, "'compiler_options' must be names with values, got [1, 2]"),
        ({"target": "ml_c5", "compiler_options": {"a": "x" * 1100}}, "'compiler_options' must have 3 to 1024 characters as JSON, got 1109"),
        ({"target": "ml_c5", "compiler_options": {"a": float("nan")}}, "'compiler_options' must be names with values that JSON has: Out of range float values are not JSON compliant"),
        ({"target": "ml_c5", "compiler_options": {"a": b"x"}}, "'compiler_options' must be names with values that JSON has: Object of type bytes is not JSON serializable"),
        ({"target": "ml_c5", "compiler_options": {}}, "'compiler_options' must have 3 to 1024 characters as JSON, got 2"),
        ({"platform": TargetPlatform(os="LINUX", arch="ARM64", accelerator="NVIDIA"), "compiler_options": {"gpu-code": "sm_72"}}, "'compiler_options' lacks trt-ver, cuda-ver, which Neo needs for NVIDIA"),
        ({"platform": TargetPlatform(os="ANDROID", arch="ARM64"), "compiler_options": {"ANDROID_PLATFORM": 31}}, "'compiler_options.ANDROID_PLATFORM' must be an API level of 21 to 29, got 31"),
        ({"target": "ml_c5", "output": "my-bucket/compiled"}, "'output' must look like 's3://BUCKET/PREFIX', got 'my-bucket/compiled'"),
        ({"target": "ml_c5", "output_kms_key_arn": "alias/mine"}, "'output_kms_key_arn' must look like 'arn:aws:kms:REGION:ACCOUNT:key/ID', got 'alias/mine'"),
        ({"target": "ml_c5", "max_runtime": 50000}, "'max_runtime' must be 60 to 42300 seconds, got 50000"),
    ],
)  # fmt: skip
def test_a_wrong_compilation_says_what_is_right(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        Compilation(**fields)

    assert f"Compilation: {message}" in str(raised.value).split("\n")[0]


def test_an_unknown_target_with_no_near_one_lists_all() -> None:
    with pytest.raises(InvalidValueError, match=r"'toaster' is no target of Neo; choose of lambda, ml_m4, ml_m5"):
        Compilation(target="toaster")


def test_a_wrong_platform_says_what_is_right() -> None:
    with pytest.raises(InvalidValueError) as raised:
        TargetPlatform(os="WINDOWS", arch="MIPS", accelerator="TPU")  # type: ignore[arg-type]

    assert str(raised.value).splitlines() == [
        "TargetPlatform: 'os' must be one of LINUX, ANDROID, got 'WINDOWS'",
        "TargetPlatform: 'arch' must be one of X86_64, X86, ARM64, ARM_EABI, ARM_EABIHF, got 'MIPS'",
        "TargetPlatform: 'accelerator' must be one of INTEL_GRAPHICS, MALI, NVIDIA, NNA, got 'TPU'",
    ]


@pytest.mark.parametrize(
    ("kind", "compilation", "message"),
    [
        (PyTorchModel, {"framework_version": "2.1"}, "'compile.framework_version' '2.1' of pytorch cannot be compiled for 'ml_c5'; Neo takes 1.4, 1.5, 1.6, 1.7, 1.8, 1.12, 1.13, 2.0"),
        (PyTorchModel, {"target": "ml_inf1", "framework_version": "2.0"}, "'compile.framework_version' '2.0' of pytorch cannot be compiled for 'ml_inf1'; Neo takes 1.7, 1.8, 1.9"),
        (OnnxModel, {"target": "ml_inf1"}, "'compile.framework' 'onnx' cannot be compiled for 'ml_inf1'; Neo takes mxnet, pytorch, tensorflow"),
        (TensorFlowModel, {"framework": "tflite"}, "'compile.framework' 'tflite' cannot be compiled for 'ml_c5'; Neo takes mxnet, onnx, keras, pytorch, tensorflow, xgboost, darknet"),
        (PyTorchModel, {"framework": "keras"}, "'compile.framework' 'keras' is of a model of the framework 'tensorflow', not this one"),
        (PyTorchModel, {"input_shape": None}, "'compile.input_shape' is missing; give the shape of each input, such as {data: [1, 3, 224, 224]}"),
        (PyTorchModel, {"input_shape": {"a": (1, 0, 8)}}, "'compile.input_shape.a' must have sizes of at least 1, got 0 in [1, 0, 8]; give a fixed size"),
        (PyTorchModel, {"input_shape": {"a": (1, -1)}}, "'compile.input_shape.a' must have sizes of at least 1, got -1 in [1, -1]; give a fixed size"),
        (PyTorchModel, {"input_shape": {"a": (1, 2, 3, 4, 5, 6)}}, "'compile.input_shape.a' must have 1 to 5 sizes, got 6"),
        (PyTorchModel, {"input_shape": {"a": ()}}, "'compile.input_shape.a' must have 1 to 5 sizes, got 0"),
        (PyTorchModel, {"input_shape": {"a": (1, 224, 224, 3)}}, "'compile.input_shape.a' is [1, 224, 224, 3], but pytorch takes (batch, channels, height, width); did you mean [1, 3, 224, 224]?"),
        (TensorFlowModel, {"input_shape": {"a": (1, 3, 224, 200)}}, "'compile.input_shape.a' is [1, 3, 224, 200], but tensorflow takes (batch, height, width, channels); did you mean [1, 224, 200, 3]?"),
        (TensorFlowModel, {"framework": "keras", "input_shape": {"a": (1, 224, 224, 3)}}, "'compile.input_shape.a' is [1, 224, 224, 3], but keras takes (batch, channels, height, width); did you mean [1, 3, 224, 224]?"),
        (TensorFlowModel, {"framework": "keras", "input_shape": {"a": (1, 64)}}, "'compile.input_shape.a' must have 4 sizes (batch, channels, height, width), got 2: [1, 64]"),
        (ContainerModel, {}, "'compile.framework' is missing; give one of mxnet, xgboost, darknet, sklearn"),
        (ContainerModel, {"framework": "xgboost"}, "'compile.input_shape' is not for XGBoost, whose inputs Neo does not ask for; leave it out"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_model_says_what_does(kind: Any, compilation: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        kind(artifact=ARCHIVE, compile=to_c5(**compilation))

    assert str(raised.value) == f"{kind.__name__}: {message}"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image": "repository:tag"}, "'image' does not go with 'compile': Neo says which image serves the model, for 'compile.framework_version'; leave it out"),
        ({"version": "2.6"}, "'version' does not go with 'compile': Neo says which image serves the model, for 'compile.framework_version'; leave it out"),
        ({"artifact": "s3://my-models/model/"}, "'artifact' 's3://my-models/model/' is a prefix, but Neo compiles one archive; give a .tar.gz"),
        ({"compiled_for": "ml_c5"}, "'compiled_for' does not go with 'compile', which compiles it; leave one of them out"),
        ({"server": "triton"}, "'server' 'triton' does not serve what Neo compiles; leave 'server' or 'compile' out"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_a_compilation_is_told(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        PyTorchModel(**{"artifact": ARCHIVE, "compile": to_c5(), **fields})

    assert f"PyTorchModel: {message}" in str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"compiled_for": "ml_c5"}, "'image' is missing: a compiled model runs in the image that Neo has for it; DescribeCompilationJob names it as InferenceImage"),
        ({"compiled_for": "rasp3b", "image": "a:b"}, "'compiled_for' 'rasp3b' is nothing that SageMaker hosts; choose of ml_m4, ml_m5, ml_c4, ml_c5, ml_p2, ml_p3, ml_g4dn, ml_inf1, ml_inf2, ml_trn1"),
    ],
)  # fmt: skip
def test_a_model_that_was_compiled_elsewhere_is_checked(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        torch(**fields)

    assert str(raised.value) == f"PyTorchModel: {message}"


@pytest.mark.parametrize("model", [torch(compile=to_c5()), torch(compiled_for="ml_c5", image="repository:tag")])
def test_an_instance_of_another_family_is_refused(model: PyTorchModel) -> None:
    assert list(hosting_problems(model, "ml.c5.2xlarge", autoscaled=False)) == []

    (problem,) = hosting_problems(model, "ml.m5.large", autoscaled=False)
    assert str(problem) == (
        "'instance_type' is 'ml.m5.large', but the model is compiled for 'ml_c5', which runs on ml.c5.* alone; choose "
        "such an instance, or compile for 'ml_m5'"
    )


def test_an_instance_for_which_neo_does_not_compile_is_refused() -> None:
    (problem,) = hosting_problems(torch(compile=to_c5()), "ml.g5.xlarge", autoscaled=False)

    assert problem.message.endswith("which runs on ml.c5.* alone; choose such an instance")


def test_an_endpoint_serves_nothing_that_is_compiled_for_a_device() -> None:
    for_device = Compilation(platform=DEVICE, input_shape=IMAGE)

    (problem,) = hosting_problems(torch(compile=for_device), "ml.c5.large", autoscaled=False)

    assert str(problem).startswith(
        "'model.compile.target' is a platform, whose models no endpoint serves; choose of ml_"
    )


@pytest.mark.parametrize(
    ("model", "field"),
    [(torch(compile=to_c5()), "compile"), (torch(compiled_for="ml_c5", image="repository:tag"), "compiled_for")],
)
def test_a_serverless_endpoint_serves_nothing_that_is_compiled(model: PyTorchModel, field: str) -> None:
    (problem,) = EndpointOptions(model=model, serverless=ServerlessVariant()).problems()

    assert str(problem) == (
        f"'model.{field}' does not work with a serverless endpoint; leave it out, or give 'instance_type' instead of "
        "'serverless'"
    )


def test_every_variant_is_of_the_targets_family() -> None:
    variants = [
        InstanceVariant(name="first", instance_type="ml.c5.large"),
        InstanceVariant(name="second", instance_type="ml.c6i.large"),
    ]

    (problem,) = EndpointOptions(model=torch(compile=to_c5()), variants=variants).problems()

    assert problem.field == "variants.1.instance_type"


@pytest.mark.parametrize(("target", "only"), [("ml_inf2", "us-east-2"), ("ml_trn1", "us-east-1")])
def test_a_target_of_one_region_is_refused_in_others(target: str, only: str) -> None:
    model, host = (
        torch(compile=to_c5(target=target)),
        {"ml_inf2": "ml.inf2.xlarge", "ml_trn1": "ml.trn1.2xlarge"}[target],
    )

    assert list(region_problems(model, host, only)) == []
    (problem,) = region_problems(model, host, "eu-west-1")
    assert (
        problem.message
        == f"is 'eu-west-1', but Neo compiles for '{target}' in {only} alone; deploy there, or choose another target"
    )


def requested(model: Any) -> dict[str, Any]:
    """Give the request for a model, held against the service's own model."""
    request: dict[str, Any] = model.compile.request(framework=model.framework, artifact=ARCHIVE, output="s3://out/x")
    shape = service_model("sagemaker").operation_model("CreateCompilationJob").input_shape
    assert shape is not None
    whole = {"CompilationJobName": "a", "RoleArn": "arn:aws:iam::111111111111:role/neo", **request}
    report = ParamValidator().validate(whole, shape)
    assert not report.has_errors(), report.generate_report()
    return request


def test_the_newest_version_is_asked_for_by_name() -> None:
    assert requested(torch(compile=to_c5())) == {
        "InputConfig": {
            "S3Uri": ARCHIVE,
            "Framework": "PYTORCH",
            "DataInputConfig": '{"input0": [1, 3, 224, 224]}',
            "FrameworkVersion": "2.0",
        },
        "OutputConfig": {"S3OutputLocation": "s3://out/x", "TargetDevice": "ml_c5"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }


def test_a_patch_version_is_taken() -> None:
    request = requested(
        TensorFlowModel(artifact=ARCHIVE, compile=to_c5(framework_version="1.15.3", input_shape={"x": (1, 64)}))
    )

    assert request["InputConfig"]["FrameworkVersion"] == "1.15.3"


def test_neo_reads_the_version_of_onnx_itself() -> None:
    request = requested(OnnxModel(artifact=ARCHIVE, compile=to_c5(framework_version="1.7")))

    assert "FrameworkVersion" not in request["InputConfig"]


def test_xgboost_has_no_shapes() -> None:
    model = ContainerModel(artifact=ARCHIVE, compile=Compilation(target="ml_m5", framework="xgboost"))

    assert requested(model)["InputConfig"] == {"S3Uri": ARCHIVE, "Framework": "XGBOOST"}


def test_a_platform_key_and_vpc_are_passed_on() -> None:
    key = "arn:aws:kms:us-east-1:111111111111:key/0123"
    network = VpcConfig(subnets=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",))
    options = {"gpu-code": "sm_72", "trt-ver": "6.0.1", "cuda-ver": "10.1"}
    compilation = Compilation(
        platform=TargetPlatform(os="LINUX", arch="ARM64", accelerator="NVIDIA"),
        input_shape=IMAGE,
        compiler_options=options,
        output_kms_key_arn=key,
        vpc=network,
    )

    request = requested(torch(compile=compilation))

    assert request["OutputConfig"] == {
        "S3OutputLocation": "s3://out/x",
        "TargetPlatform": {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"},
        "CompilerOptions": json.dumps(options),
        "KmsKeyId": key,
    }
    assert request["VpcConfig"] == {
        "Subnets": ["subnet-0123456789abcdef0"],
        "SecurityGroupIds": ["sg-0123456789abcdef0"],
    }


@pytest.mark.parametrize(
    ("given_options", "expected"),
    [
        ("--verbose 1 --num-neuroncores 2 -O2", '"--verbose 1 --num-neuroncores 2 -O2"'),
        ('"--verbose 1"', '"--verbose 1"'),
        ({"fast-math": "none"}, '{"fast-math": "none"}'),
    ],
)
def test_the_neuron_compiler_gets_a_quoted_command_line(given_options: Any, expected: str) -> None:
    compilation = to_c5(target="ml_inf1", compiler_options=given_options)

    assert requested(torch(compile=compilation))["OutputConfig"]["CompilerOptions"] == expected


@pytest.mark.parametrize(
    ("target", "ids"),
    [
        ("ml_c5", ["inference:neo-frozen"]),
        ("ml_inf1", ["inference:neo-frozen", "inference:inf1-retired"]),
        ("ml_eia2", ["inference:neo-frozen", "inference:elastic-inference-retired"]),
    ],
)
def test_what_is_not_looked_after_any_more_is_said(target: str, ids: list[str]) -> None:
    assert [notice.id for notice in compilation_notices(to_c5(target=target))] == ids


@given(
    target=st.sampled_from(sorted(set(neo.TARGETS) - {"ml_inf2", "ml_trn1"})),
    shapes=st.dictionaries(st.text(min_size=1, max_size=9), st.lists(st.integers(1, 300), min_size=1, max_size=3)),
)
def test_what_is_taken_is_a_request_that_sagemaker_takes(target: str, shapes: dict[str, list[int]]) -> None:
    inputs = {name: tuple(shape) for name, shape in shapes.items()} or IMAGE
    compilation = Compilation(target=target, framework="mxnet", input_shape=inputs)

    request = requested(ContainerModel(artifact=ARCHIVE, compile=compilation))

    assert json.loads(request["InputConfig"]["DataInputConfig"]) == {
        name: list(shape) for name, shape in inputs.items()
    }
