"""Where a model is in the network: VPC, private registry, isolation, keys; what is refused, and in which words."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.sagemaker.endpoint_options import EndpointOptions
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.serving.models import ContainerModel, HuggingFaceModel, Model, OnnxModel, PyTorchModel
from constructs_lib.serving.network import PrivateRegistry, VpcConfig
from constructs_lib.serving.packaging import file_problems, package
from constructs_lib.serving.problems import InvalidValueError

SUBNET, GROUP = "subnet-0123456789abcdef0", "sg-0123456789abcdef0"
VPC = VpcConfig(subnets=(SUBNET,), security_group_ids=(GROUP,))
FUNCTION = "arn:aws:lambda:us-east-1:111111111111:function:credentials"
KEY = "arn:aws:kms:us-east-1:111111111111:key/0123-abcd"
S3 = "s3://my-models/model.tar.gz"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"subnets": (), "security_group_ids": (GROUP,)}, "'subnets' must be 1 to 16, got 0"),
        ({"subnets": (SUBNET,), "security_group_ids": ()}, "'security_group_ids' must be 1 to 5, got 0"),
        (
            {"subnets": ("vpc-0123",), "security_group_ids": (GROUP,)},
            "'subnets.0' must look like 'subnet-0123456789abcdef0', got 'vpc-0123'",
        ),
        (
            {"subnets": (SUBNET,), "security_group_ids": ("default",)},
            "'security_group_ids.0' must look like 'sg-0123456789abcdef0', got 'default'",
        ),
        (
            {"subnets": (SUBNET, SUBNET), "security_group_ids": (GROUP,)},
            f"'subnets.1' is '{SUBNET}' again; give each once",
        ),
    ],
)
def test_fails_at_a_vpc_that_sagemaker_would_refuse(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        VpcConfig(**fields)

    assert str(raised.value) == f"VpcConfig: {message}"


def test_tokens_are_ids() -> None:
    token = "${Token[TOKEN.7]}"

    assert VpcConfig(subnets=(token,), security_group_ids=(token,)).subnets == (token,)


def test_fails_at_a_function_that_is_none() -> None:
    with pytest.raises(InvalidValueError) as raised:
        PrivateRegistry(credentials_function_arn="credentials")

    assert str(raised.value) == (
        "PrivateRegistry: 'credentials_function_arn' must look like 'arn:aws:lambda:REGION:ACCOUNT:function:NAME', "
        "got 'credentials'"
    )


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (
            ContainerModel,
            {"image": "registry.example.com/mine:1", "private_registry": PrivateRegistry()},
            "'private_registry' is reached through your VPC only; give 'vpc'",
        ),
        (
            ContainerModel,
            {
                "image": "111111111111.dkr.ecr.us-east-1.amazonaws.com/mine:1",
                "vpc": VPC,
                "private_registry": PrivateRegistry(),
            },
            "'private_registry' is for images outside of ECR, got "
            "'111111111111.dkr.ecr.us-east-1.amazonaws.com/mine:1'; leave it out",
        ),
        (
            ContainerModel,
            {"dockerfile_directory": "app", "vpc": VPC, "private_registry": PrivateRegistry()},
            "'private_registry' is for an 'image' that is there already; the deployment pushes to ECR",
        ),
        (
            ContainerModel,
            {"dockerfile_directory": "app", "image": "example/mine:1"},
            "'dockerfile_directory' and 'image' exclude each other; give the one that is to be served",
        ),
        (
            HuggingFaceModel,
            {"model_id": "a/b", "network_isolation": True},
            "'network_isolation' keeps the container from fetching 'model_id' from the hub; give the weights as an "
            "'artifact', which SageMaker fetches",
        ),
        (
            PyTorchModel,
            {"artifact": S3, "artifact_kms_key_arn": "alias/mine"},
            "'artifact_kms_key_arn' must look like 'arn:aws:kms:REGION:ACCOUNT:key/ID', got 'alias/mine'",
        ),
        (
            PyTorchModel,
            {"artifact": "model/", "artifact_kms_key_arn": KEY},
            "'artifact_kms_key_arn' is for an artifact that is in S3 already; the role may decrypt what the deployment "
            "uploads without it",
        ),
    ],
)
def test_fails_at_choices_that_clash(kind: type[Model], fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        kind(**fields)

    assert str(raised.value) == f"{kind.__name__}: {message}"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "model.onnx").write_bytes(b"weights")
    (model / "code" / "inference.py").write_text("")
    return model


def isolated(artifact: Path, **fields: Any) -> list[str]:
    return [str(found) for found in file_problems(OnnxModel(artifact=str(artifact), network_isolation=True, **fields))]


def requirements(directory: Path, text: str) -> Path:
    (directory / "code" / "requirements.txt").write_text(text)
    return directory


@pytest.mark.parametrize("form", ["directory", "archive"])
def test_fails_at_packages_that_an_isolated_container_cannot_download(directory: Path, form: str) -> None:
    artifact = requirements(directory, "# the runtime\nonnxruntime>=1.20,<2  # newest\nnumpy\n")
    if form == "archive":
        artifact = directory.with_suffix(".tar.gz")
        with tarfile.open(artifact, "w:gz") as archive:
            archive.add(directory, arcname=".")

    assert isolated(artifact) == [
        "'network_isolation' keeps the container from installing what code/requirements.txt names "
        "(onnxruntime>=1.20,<2, numpy); put wheels into code/ and name them by their path, or give an 'image' that has "
        "them"
    ]


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "./onnxruntime-1.20-cp312.whl\n", "--no-index\n--find-links /opt/ml/model/code\nonnxruntime\n"],
)
def test_an_isolated_container_may_install_what_it_brings(directory: Path, text: str) -> None:
    assert isolated(requirements(directory, text)) == []


def test_an_image_of_ones_own_may_have_the_packages(directory: Path) -> None:
    assert isolated(requirements(directory, "onnxruntime\n"), image="example/mine:1") == []


def test_the_librarys_handler_needs_a_download_too(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"weights")

    (problem,) = isolated(tmp_path)
    assert problem.startswith("'network_isolation' keeps the container from installing")
    with pytest.raises(InvalidValueError, match=r"^OnnxModel: 'network_isolation' keeps the container from installing"):
        package(OnnxModel(artifact=str(tmp_path), network_isolation=True))


def test_without_isolation_anything_may_be_installed(directory: Path) -> None:
    assert file_problems(OnnxModel(artifact=str(requirements(directory, "onnxruntime\n")))) == []


@pytest.mark.parametrize(("exists", "what"), [(True, "has no file called 'Dockerfile'"), (False, "is no directory")])
def test_fails_at_a_directory_without_a_dockerfile(tmp_path: Path, exists: bool, what: str) -> None:
    directory = tmp_path if exists else tmp_path / "nowhere"

    (problem,) = file_problems(ContainerModel(dockerfile_directory=str(directory)))
    assert str(problem) == f"'dockerfile_directory' {what}: '{directory}'"


def test_a_dockerfile_is_seen_from_the_settings_file(tmp_path: Path) -> None:
    model = ContainerModel(dockerfile_directory="app").relative_to(tmp_path)

    assert model.dockerfile_directory == str(tmp_path / "app")


@pytest.mark.parametrize(("name", "value"), [("network_isolation", True), ("vpc", VPC)])
def test_fails_at_a_private_network_for_a_serverless_endpoint(name: str, value: Any) -> None:
    model = PyTorchModel(artifact=S3, **{name: value})
    options = EndpointOptions(model=model, serverless=ServerlessVariant(memory_size_mb=2048, max_concurrency=5))

    assert [str(problem) for problem in options.problems()] == [
        f"'model.{name}' does not work with a serverless endpoint; leave it out, or give 'instance_type' instead of "
        "'serverless'"
    ]
