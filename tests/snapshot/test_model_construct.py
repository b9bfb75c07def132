"""Artifacts and images of a model in another team's stack."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from constructs_lib.sagemaker import Model
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.models import ContainerModel, OnnxModel, PyTorchModel
from tests.snapshot.conftest import FIXED, MODEL, only
from tests.snapshot.construct_templates import ARCHIVE, allowed, container, served


class TestArtifacts:
    def test_an_archive_in_s3_is_a_model_data_url(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        served(stack, PyTorchModel(artifact="s3://my-models/digits/model.tar.gz"))

        synthesized = template()
        assert container(synthesized)["ModelDataUrl"] == "s3://my-models/digits/model.tar.gz"
        assert allowed(synthesized, "s3:") == [
            {
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::my-models/digits/model.tar.gz",
            }
        ]

    def test_a_prefix_in_s3_is_a_model_data_source(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        served(stack, PyTorchModel(artifact="s3://my-models/llama/"))

        synthesized = template()
        assert container(synthesized)["ModelDataSource"] == {
            "S3DataSource": {"CompressionType": "None", "S3DataType": "S3Prefix", "S3Uri": "s3://my-models/llama/"}
        }
        assert "ModelDataUrl" not in container(synthesized)
        assert allowed(synthesized, "s3:") == [
            {
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::my-models/llama/*",
            },
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::my-models",
                "Condition": {"StringLike": {"s3:prefix": ["llama/*"]}},
            },
        ]

    def test_a_bucket_of_the_same_app_is_a_reference(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        bucket = s3.Bucket(stack, "Models")
        served(stack, PyTorchModel(artifact=f"s3://{bucket.bucket_name}/model.tar.gz"))

        synthesized = template()
        bucket_id, _ = only(synthesized, "AWS::S3::Bucket")
        reference = {"Ref": bucket_id}
        assert container(synthesized)["ModelDataUrl"] == {"Fn::Join": ["", ["s3://", reference, "/model.tar.gz"]]}
        assert allowed(synthesized, "s3:GetObject")[0]["Resource"] == {
            "Fn::Join": ["", ["arn:aws:s3:::", reference, "/model.tar.gz"]]
        }

    def test_a_local_archive_is_copied_so_that_it_may_change_later(self, app: cdk.App, tmp_path: Path) -> None:
        archive = tmp_path / "model.tar.gz"
        archive.write_bytes(b"\x1f\x8bfirst")
        served(cdk.Stack(app, "S", env=FIXED), PyTorchModel(artifact=str(archive)))

        archive.write_bytes(b"\x1f\x8bsecond")

        (staged,) = (tmp_path / "cdk.out").glob("asset.*")
        assert staged.read_bytes() == b"\x1f\x8bfirst"

    def test_a_directory_is_packaged_once_and_linked(self, app: cdk.App, tmp_path: Path) -> None:
        served(cdk.Stack(app, "S", env=FIXED), OnnxModel(artifact=MODEL))

        (staged,) = (tmp_path / "cdk.out").glob("asset.*")
        assert staged.stat().st_nlink > 1
        assert staged.name.endswith(".tar.gz")

    def test_two_stacks_of_one_app_upload_the_same_file(self, app: cdk.App, tmp_path: Path) -> None:
        for name in ("One", "Two"):
            served(cdk.Stack(app, name, env=FIXED), OnnxModel(artifact=MODEL))

        assembly = Path(app.synth().directory)
        sources = [asset_source(assembly, f"{name}.assets.json") for name in ("One", "Two")]
        assert sources[0] == sources[1]
        assert sources[0].is_file()

    def test_a_stack_of_a_stage_finds_the_file_of_the_app(self, app: cdk.App) -> None:
        stage = cdk.Stage(cdk.Stage(app, "Beta"), "Inner", env=FIXED)
        stack = cdk.Stack(stage, "S")
        served(stack, OnnxModel(artifact=MODEL))

        app.synth()
        manifest = Path(stage.synth().directory) / f"{stack.artifact_id}.assets.json"
        assert asset_source(manifest.parent, manifest.name).is_file()

    def test_a_nested_stack_has_the_file_uploaded_by_the_stack_around_it(self, app: cdk.App) -> None:
        outer = cdk.Stack(app, "Outer", env=FIXED)
        served(cdk.NestedStack(outer, "Nested"), OnnxModel(artifact=MODEL))

        assembly = Path(app.synth().directory)
        assert asset_source(assembly, "Outer.assets.json").is_file()


def asset_source(assembly: Path, manifest: str) -> Path:
    """Find the file of the only model that an assets manifest names."""
    files = json.loads((assembly / manifest).read_text(encoding="utf-8"))["files"].values()
    (path,) = {file["source"]["path"] for file in files if file["source"]["path"].endswith(".tar.gz")}
    return Path(os.path.normpath(assembly / path))


class TestImages:
    def test_the_role_may_pull_from_the_repository_of_an_image_of_your_own(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/serving@sha256:" + "0" * 64
        served(stack, ContainerModel(image=uri))

        synthesized = template()
        assert container(synthesized) == {"Image": uri}
        assert (
            allowed(synthesized, "ecr:BatchGetImage")[0]["Resource"]
            == "arn:aws:ecr:eu-west-1:123456789012:repository/team/serving"
        )

    def test_the_role_may_pull_from_a_repository_of_the_same_app(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        repository = ecr.Repository(stack, "Repository")
        served(stack, ContainerModel(image=repository.repository_uri_for_tag("1")))

        synthesized = template()
        repository_id, _ = only(synthesized, "AWS::ECR::Repository")
        (resource,) = [each["Resource"] for each in allowed(synthesized, "ecr:BatchGetImage")]
        assert resource["Fn::Join"][1][-1] == {"Ref": repository_id}
        assert "*" not in json.dumps(resource)

    def test_an_image_whose_address_is_one_token_may_be_in_any_repository_of_the_account(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        parameter = cdk.CfnParameter(stack, "Image")
        served(stack, ContainerModel(image=parameter.value_as_string))

        synthesized = template()
        assert container(synthesized)["Image"] == {"Ref": "Image"}
        assert (
            allowed(synthesized, "ecr:BatchGetImage")[0]["Resource"]
            == "arn:aws:ecr:us-east-1:111111111111:repository/*"
        )

    @pytest.mark.parametrize(
        "image", ["public.ecr.aws/deep-learning-containers/vllm:1-gpu", "docker.io/example/mine:1"]
    )
    def test_an_image_that_is_not_in_ecr_needs_no_rights(
        self, image: str, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        served(stack, ContainerModel(image=image))

        assert allowed(template(), "ecr:") == []

    def test_the_image_of_an_instance_type_made_by_hand_is_found_by_its_architecture(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        newer = InstanceType(name="ml.c99g.large", architecture="arm64")
        model = Model(stack, "Model", model=PyTorchModel(artifact=ARCHIVE), instance_type=newer)

        assert "/pytorch-inference-arm64:" in str(model.image_uri)
        assert container(template())["Image"] == model.image_uri

    def test_variables_reach_the_container(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        served(stack, ContainerModel(image="example/mine:1", environment={"OMP_NUM_THREADS": "1"}))

        assert container(template())["Environment"] == {"OMP_NUM_THREADS": "1"}
