"""Values of several models behind one endpoint: what they refuse, and where they run."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx_bytes import FLOAT, model, tensor

from constructs_lib.serving.compatibility import hosting_problems
from constructs_lib.serving.hosted_files import hosted_file_problems
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.models import (
    ContainerModel,
    HuggingFaceModel,
    LargeLanguageModel,
    PyTorchModel,
    TensorFlowModel,
)
from constructs_lib.serving.multi_container import MultiContainerModel, containers_of
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.packaging import package
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.servers import host_needs, sagemaker_environment, sagemaker_image

CPU = "ml.c6i.large"
PREFIX = "s3://their-models/all/"
VPC = VpcConfig(subnets=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",))
LABEL = "com.amazonaws.sagemaker.capabilities.multi-models=true"
TORCH = PyTorchModel(artifact="s3://their-models/model.tar.gz")


def many(**choices: Any) -> MultiModel:
    return MultiModel(**{"server": "pytorch", "models": {"a.tar.gz": "a"}, **choices})


def several(**choices: Any) -> MultiContainerModel:
    return MultiContainerModel(**{"containers": {"one": TORCH, "two": TORCH}, **choices})


WRONG: dict[str, tuple[Callable[[], object], list[str]]] = {
    "an unknown server": (
        lambda: many(server="flask", image="x"),
        ["'server' must be one of pytorch, tensorflow, onnx, triton, container, got 'flask'"],
    ),
    "an unknown cache setting": (
        lambda: many(model_cache_setting="off"),
        ["'model_cache_setting' must be one of Enabled, Disabled, got 'off'"],
    ),
    "no models": (
        lambda: many(models={}),
        ["'models' are missing; give local models by name, or an 'artifact': s3://BUCKET/PREFIX/"],
    ),
    "models twice": (
        lambda: many(artifact=PREFIX),
        ["'models' are given as well as 'artifact'; put them there yourself, or leave it out"],
    ),
    "an object where a prefix belongs": (
        lambda: many(models={}, artifact="s3://their-models/model.tar.gz"),
        [
            "'artifact' must be a prefix under which the models are, 's3://BUCKET/PREFIX/', got "
            "'s3://their-models/model.tar.gz'; local models are 'models'"
        ],
    ),
    "a directory where a prefix belongs": (
        lambda: many(models={}, artifact="models"),
        [
            "'artifact' must be a prefix under which the models are, 's3://BUCKET/PREFIX/', got 'models'; local models "
            "are 'models'"
        ],
    ),
    "a handler for a prefix": (
        lambda: many(models={}, artifact=PREFIX, source_dir="code"),
        ["'source_dir' is for local 'models'; those under a prefix bring their own code/"],
    ),
    "ONNX without an image": (
        lambda: many(server="onnx"),
        [
            "'image' is missing: 'server: onnx' has no onnxruntime in AWS's image, and a multi-model container installs "
            f"no requirements.txt; give an image with the label {LABEL}"
        ],
    ),
    "a container without an image": (
        lambda: many(server="container"),
        [f"'image' is missing: 'server: container' is one of yours; give an image with the label {LABEL}"],
    ),
    "names that no request can have": (
        lambda: many(models={"a b.tar.gz": "a", "model": "b", "/c.tar.gz": "c"}),
        [
            "'models' must be named with at most 1024 letters, digits, '.', '_', '-' and inner '/', ending with "
            f"'.tar.gz', got '{name}'"
            for name in ("a b.tar.gz", "model", "/c.tar.gz")
        ],
    ),
    "a model in S3": (
        lambda: many(models={"a.tar.gz": "s3://their-models/a.tar.gz"}),
        [
            "'models.a.tar.gz' is 's3://their-models/a.tar.gz'; give a local directory or .tar.gz file, or keep all models "
            "under one 'artifact' prefix"
        ],
    ),
    "a handler beside a finished archive": (
        lambda: many(models={"a.tar.gz": "a.tar.gz"}, source_dir="code", entry_point="inference.py"),
        [
            "'models.a.tar.gz' cannot be added to a finished archive; put the handler into the artifact's own code/, or "
            "give the artifact as a local directory"
        ],
    ),
    "a path as entry point": (
        lambda: many(models={}, artifact=PREFIX, entry_point="code/inference.py"),
        [
            "'entry_point' must be the name of a Python file inside 'source_dir' or the artifact's code/, such as "
            "'inference.py', got 'code/inference.py'"
        ],
    ),
    "a handler on Triton": (
        lambda: many(server="triton", entry_point="inference.py", py_version="py312"),
        [
            "'entry_point' is given, but Triton runs no handler; leave it out, or choose the server 'pytorch'",
            "'py_version' is given, but Triton comes with one Python per version; leave it out",
        ],
    ),
    "a host name with an underscore": (
        lambda: many(container_hostname="my_models"),
        [
            "'container_hostname' is 'my_models' (9 characters), but SageMaker allows 1 to 63 letters, digits and hyphens, "
            "with no hyphen at either end; for example 'my-models'"
        ],
    ),
    "one container": (lambda: several(containers={"one": TORCH}), ["'containers' must be 2 to 15, got 1"]),
    "sixteen containers": (
        lambda: several(containers={f"c{number}": TORCH for number in range(16)}),
        ["'containers' must be 2 to 15, got 16"],
    ),
    "host names that differ in case": (
        lambda: several(containers={"one": TORCH, "One": TORCH}),
        ["'containers' must differ in more than case, got 'one' 2 times"],
    ),
    "a bad host name": (
        lambda: several(containers={"one_": TORCH, "two": TORCH}),
        [
            "'containers.one_' is 'one_' (4 characters), but SageMaker allows 1 to 63 letters, digits and hyphens, with no "
            "hyphen at either end; for example 'one'"
        ],
    ),
    "an unknown mode": (
        lambda: several(inference_execution_mode="Parallel"),
        ["'inference_execution_mode' must be one of Serial, Direct, got 'Parallel'"],
    ),
    "two multi-model containers": (
        lambda: several(containers={"one": many(), "two": many()}),
        ["'containers' may have one multi-model container, got one, two"],
    ),
    "a multi-model container that is called directly": (
        lambda: several(containers={"one": many(), "two": TORCH}, inference_execution_mode="Direct"),
        ["'containers.one' is a multi-model container, which works in 'Serial' mode alone"],
    ),
    "networks of their own": (
        lambda: several(
            containers={
                "one": PyTorchModel(artifact=PREFIX, vpc=VPC),
                "two": PyTorchModel(artifact=PREFIX, network_isolation=True),
            }
        ),
        [
            "'containers.one.vpc' is for all containers together; give the same beside 'containers'",
            "'containers.two.network_isolation' is for all containers together; give it beside 'containers'",
        ],
    ),
    "a host name twice": (
        lambda: several(containers={"one": many(container_hostname="x"), "two": TORCH}),
        ["'containers.one.container_hostname' is 'one', as of every container its key; leave it out"],
    ),
    "isolated from the hub": (
        lambda: several(containers={"one": HuggingFaceModel(model_id="a/b"), "two": TORCH}, network_isolation=True),
        [
            "'containers.one.network_isolation' keeps the container from fetching 'model_id' from the hub; give the "
            "weights as an 'artifact', which SageMaker fetches"
        ],
    ),
}


@pytest.mark.parametrize(("make", "messages"), WRONG.values(), ids=WRONG)
def test_fails_with_field_value_and_remedy(make: Callable[[], object], messages: list[str]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        make()

    assert [line.partition(": ")[2] for line in str(caught.value).splitlines()] == messages


@pytest.mark.parametrize("field", ["artifact", "image", "environment", "artifact_kms_key_arn"])
def test_what_each_container_has_of_its_own_is_not_taken_for_all(field: str) -> None:
    with pytest.raises(TypeError, match=field):
        several(**{field: "x"})


class TestWhereManyModelsRun:
    @pytest.mark.parametrize("kind", [CPU, "ml.m6g.large", "ml.t2.medium"])
    def test_any_cpu_will_do(self, kind: str) -> None:
        assert list(hosting_problems(many(), kind, autoscaled=False)) == []

    @pytest.mark.parametrize("kind", ["ml.g5.xlarge", "ml.g4dn.16xlarge", "ml.p3.2xlarge"])
    def test_a_gpu_needs_triton(self, kind: str) -> None:
        assert list(hosting_problems(many(server="triton"), kind, autoscaled=False)) == []
        (problem,) = hosting_problems(many(), kind, autoscaled=False)
        assert str(problem) == (
            f"'model.server' is 'pytorch', but on a GPU ('{kind}') multi-model endpoints work with 'triton' alone; choose "
            "it, or a CPU instance such as 'ml.c6i.large'"
        )

    @pytest.mark.parametrize("kind", ["ml.g5.12xlarge", "ml.p4d.24xlarge", "ml.inf2.xlarge"])
    def test_other_accelerators_have_none(self, kind: str) -> None:
        (problem,) = hosting_problems(many(server="triton"), kind, autoscaled=False)
        assert str(problem) == (
            f"'instance_type' '{kind}' has no multi-model endpoints; choose a CPU instance such as 'ml.c6i.large', or one "
            "of the GPU types that have (p2: xlarge; p3: 2xlarge; g4dn: xlarge, 2xlarge, 4xlarge, 8xlarge, 16xlarge; g5: "
            "xlarge, 2xlarge, 4xlarge, 8xlarge, 16xlarge)"
        )

    def test_image_and_handler_are_those_of_a_single_model(self) -> None:
        host = instance_type(CPU)
        single = PyTorchModel(artifact=PREFIX, entry_point="inference.py")
        group = many(entry_point="inference.py")
        assert sagemaker_image(group, host) == sagemaker_image(single, host)
        assert sagemaker_environment(group, host) == sagemaker_environment(single, host)
        assert sagemaker_environment(many(server="tensorflow", environment={"A": "b"}), host) == {"A": "b"}


def test_problems_of_a_container_name_it() -> None:
    group = several(containers={"one": PyTorchModel(artifact=PREFIX, version="9.9"), "two": TORCH})
    (problem,) = hosting_problems(group, CPU, autoscaled=False)
    assert problem.field == "model.containers.one.version"


def test_a_group_starts_as_slowly_as_its_slowest() -> None:
    group = several(containers={"one": LargeLanguageModel(artifact=PREFIX), "two": ContainerModel(image="x:1")})
    needs = host_needs(group, instance_type("ml.g5.xlarge"))
    assert needs.start_up_seconds == 3600
    assert needs.inference_ami_version is not None


def test_containers_run_in_the_network_of_the_whole() -> None:
    group = several(vpc=VPC, network_isolation=True)
    assert {name: (each.vpc, each.network_isolation) for name, each in containers_of(group).items()} == {
        "one": (VPC, True),
        "two": (VPC, True),
    }


class TestFiles:
    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        for name in ("a", "b"):
            (tmp_path / name / "code").mkdir(parents=True)
            (tmp_path / name / "code" / "inference.py").write_text("def model_fn(directory): ...\n")
        return tmp_path

    def problems(self, directory: Path, **choices: Any) -> list[str]:
        model = many(**{"models": {"a.tar.gz": "a", "b.tar.gz": "b"}, "entry_point": "inference.py", **choices})
        return [str(each).replace(str(directory), "…") for each in hosted_file_problems(model.relative_to(directory))]

    def test_each_brings_its_own_code(self, directory: Path) -> None:
        assert self.problems(directory) == []

    def test_a_missing_model_is_named(self, directory: Path) -> None:
        assert self.problems(directory, models={"a.tar.gz": "a", "c.tar.gz": "c"}) == [
            "'models.c.tar.gz' does not exist: '…/c'; give a directory, a .tar.gz file, or an s3:// address"
        ]

    def test_requirements_are_not_installed(self, directory: Path) -> None:
        (directory / "b" / "code" / "requirements.txt").write_text("# what it needs\nlightgbm==4.6\n")
        assert self.problems(directory) == [
            "'models.b.tar.gz' has a code/requirements.txt (lightgbm==4.6), which a multi-model container does not "
            "install; remove it, or give an 'image' that has the packages"
        ]
        assert self.problems(directory, image="1.dkr.ecr.us-east-1.amazonaws.com/mine:1") == []

    def test_a_bare_file_on_triton_becomes_a_repository(self, directory: Path) -> None:
        onnx = model(tensor(11, "x", FLOAT, [None, 3]), tensor(12, "y", FLOAT, [None, 2]))
        (directory / "a" / "ranking.onnx").write_bytes(onnx)
        (directory / "b" / "model.pt").write_bytes(b"TorchScript")
        group = many(server="triton", models={"a.tar.gz": "a"}).relative_to(directory)

        with tarfile.open(package(group.member("a.tar.gz")).path) as archive:
            assert {"ranking/1/model.onnx", "ranking/config.pbtxt"} <= set(archive.getnames())
        assert self.problems(directory, server="triton", entry_point=None) == [
            "'models.b.tar.gz' '…/b' has no config.pbtxt beside 'model.pt': TorchScript does not say what it takes and "
            "gives; write it"
        ]

    def test_a_saved_model_is_looked_for(self, directory: Path) -> None:
        (found, _) = self.problems(directory, server="tensorflow")
        assert re.match("'models.a.tar.gz' '…/a' has no .*saved_model.pb", found)

    def test_problems_in_a_container_name_it(self, directory: Path) -> None:
        group = MultiContainerModel(
            containers={
                "one": TensorFlowModel(artifact="absent"),
                "two": many(models={"c.tar.gz": "c"}),
            }
        ).relative_to(directory)
        assert [problem.field for problem in hosted_file_problems(group)] == [
            "containers.one.artifact",
            "containers.two.models.c.tar.gz",
        ]
