"""What the constructs refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest

from constructs_lib.sagemaker import Autoscaling, Endpoint, EndpointConfig, InferenceEndpoint, InstanceVariant, Model
from constructs_lib.serving.archive import ArchiveError
from constructs_lib.serving.images import ImageNotFoundError
from constructs_lib.serving.instances import InstanceTypeError
from constructs_lib.serving.models import PyTorchModel
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.regions import RegionError
from tests.snapshot.conftest import Json
from tests.snapshot.construct_templates import ARCHIVE, OWN_IMAGE, served, tree


def endpoint(stack: cdk.Stack, **choices: object) -> InferenceEndpoint:
    given = {"model": OWN_IMAGE, "instance_type": "ml.c6i.large", **choices}
    return InferenceEndpoint(stack, "New", **given)  # type: ignore[arg-type]


class TestRefusals:
    """Nothing is added to the tree by a constructor that fails."""

    @pytest.mark.parametrize(
        ("attempt", "error", "message"),
        [
            (
                lambda stack: endpoint(stack, endpoint_name="my_digits", instance_type="c6i.large"),
                InvalidValueError,
                "InferenceEndpoint: 'instance_type' 'c6i.large' lacks the prefix 'ml.'; did you mean 'ml.c6i.large'?\n"
                "InferenceEndpoint: 'endpoint_name' is 'my_digits' (9 characters), but SageMaker allows 1 to 63 letters, "
                "digits and hyphens, with no hyphen at either end; for example 'my-digits'",
            ),
            (
                lambda stack: endpoint(stack, instance_count=0),
                InvalidValueError,
                "InferenceEndpoint: 'instance_count' must be at least 1, got 0",
            ),
            (
                lambda stack: endpoint(stack, model=PyTorchModel(artifact="gone")),
                InvalidValueError,
                "PyTorchModel: 'artifact' does not exist: 'gone'; give a directory, a .tar.gz file, or an s3:// address",
            ),
            (
                lambda stack: endpoint(
                    stack,
                    instance_type="ml.t2.medium",
                    autoscaling=Autoscaling(max=2, invocations_per_instance=60),
                ),
                InvalidValueError,
                "InferenceEndpoint: 'autoscaling' does not work with 'ml.t2.medium': SageMaker does not scale burstable "
                "instances; choose another type, such as 'ml.c6i.large', or leave 'autoscaling' out",
            ),
            (
                lambda stack: Model(stack, "New", model=OWN_IMAGE, instance_type="c6i.large"),
                InstanceTypeError,
                "'c6i.large' lacks the prefix 'ml.'; did you mean 'ml.c6i.large'?",
            ),
            (
                lambda stack: served(stack, PyTorchModel(artifact=ARCHIVE, version="3.0")),
                ImageNotFoundError,
                "'3.0' is not a PyTorch version with an inference image for cpu on SageMaker; choose one of 2.6.0, 2.5.1, "
                "2.4.0, 2.3.0, 2.2.0, 2.1.0, 2.0.1, 2.0.0 and 20 older, or set 'image'",
            ),
            (
                lambda stack: EndpointConfig(stack, "New", model=Model.from_model_name("m"), variants=[]),
                InvalidValueError,
                "EndpointConfig: 'variants' must be 1 to 10, got 0",
            ),
            (
                lambda stack: EndpointConfig(
                    stack,
                    "New",
                    model=Model.from_model_name("m"),
                    variants=[InstanceVariant(instance_type="ml.c6i.large")] * 2,
                ),
                InvalidValueError,
                "EndpointConfig: 'variants' must each have a name of its own, got 'AllTraffic' 2 times",
            ),
            (
                lambda stack: Endpoint(
                    stack,
                    "New",
                    endpoint_config=EndpointConfig.from_endpoint_config_name("c"),
                    endpoint_name="-digits",
                ),
                InvalidValueError,
                "Endpoint: 'endpoint_name' is '-digits' (7 characters), but SageMaker allows 1 to 63 letters, digits and "
                "hyphens, with no hyphen at either end; for example 'digits'",
            ),
        ],
    )
    def test_fails_and_leaves_the_tree_as_it_was(
        self, attempt: Callable[[cdk.Stack], object], error: type[Exception], message: str, stack: cdk.Stack
    ) -> None:
        before = tree(stack)

        with pytest.raises(error) as raised:
            attempt(stack)

        assert str(raised.value) == message
        assert tree(stack) == before

    @pytest.mark.parametrize("construct", [endpoint, served])
    def test_fails_at_a_region_without_a_registry(self, construct: Callable[..., object], app: cdk.App) -> None:
        stack = cdk.Stack(app, "S", env=cdk.Environment(account="111111111111", region="us-eats-1"))
        before = tree(stack)

        with pytest.raises(
            RegionError, match=r"^'us-eats-1' has no registry with the image 'pytorch-inference:2\.6\.0-cpu"
        ):
            construct(stack, model=PyTorchModel(artifact=ARCHIVE))

        assert tree(stack) == before

    def test_fails_at_a_directory_that_cannot_be_packaged(self, stack: cdk.Stack, tmp_path: Path) -> None:
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "link").symlink_to("/etc/hostname")
        before = tree(stack)

        with pytest.raises(ArchiveError, match=r"model/link: is a symlink to '/etc/hostname', outside of "):
            endpoint(stack, model=PyTorchModel(artifact=str(tmp_path / "model")))

        assert tree(stack) == before
        assert not list((tmp_path / "cdk.out").glob("asset.*"))

    def test_fails_when_the_cloud_assembly_cannot_be_written(self, stack: cdk.Stack, tmp_path: Path) -> None:
        archive = tmp_path / "model.tar.gz"
        archive.write_bytes(b"\x1f\x8b")
        (tmp_path / "cdk.out").rmdir()
        (tmp_path / "cdk.out").write_text("a file")

        with pytest.raises(ArchiveError) as raised:
            served(stack, PyTorchModel(artifact=str(archive)))

        assert str(raised.value).startswith(f"cannot put '{archive}' into '{tmp_path}/cdk.out': ")
        assert tree(stack) == ["TheirStack"]

    def test_a_construct_can_be_made_after_one_that_failed(self, stack: cdk.Stack) -> None:
        with pytest.raises(InvalidValueError):
            endpoint(stack, model=PyTorchModel(artifact="gone"))

        assert endpoint(stack).node.path == "TheirStack/New"


@pytest.mark.parametrize(
    ("minimum", "maximum", "message"),
    [
        (0, 1, "Autoscaling: 'min' must be at least 1 for a real-time endpoint, got 0"),
        (3, 2, "Autoscaling: 'max' must be at least 'min' (3), got 2"),
    ],
)
def test_fails_at_a_range_that_cannot_be(minimum: int, maximum: int, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        Autoscaling(min=minimum, max=maximum, invocations_per_instance=60)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "a_b"}, "InstanceVariant: 'name' is 'a_b' (3 characters), but SageMaker allows 1 to 63 letters, digits and "
         "hyphens, with no hyphen at either end; for example 'a-b'"),
        ({"weight": -1}, "InstanceVariant: 'weight' must be a finite number of at least 0, got -1"),
        ({"weight": float("nan")}, "InstanceVariant: 'weight' must be a finite number of at least 0, got nan"),
    ],
)  # fmt: skip
def test_fails_at_a_variant_that_cannot_be(fields: Json, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        InstanceVariant(instance_type="ml.c6i.large", **fields)

    assert str(raised.value) == message
