"""Additional model data: what CreateModel asks of it, where a container finds it, and whole stacks with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_clients import IMAGE, Aws, refusal, unique
from model_hosts import archive
from stack_deployment import Deployment

from local_aws.process import LocalAws
from stacks.settings import load_settings

Json = dict[str, Any]
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "additional-model-data"
MODEL = "Custom::SageMakerModel"


class TestCreateModel:
    def test_a_role_that_may_not_read_it_is_refused(self, aws: Aws) -> None:
        aws.make_artifact()
        aws.s3.put_object(Bucket=aws.bucket, Key="drafts/small.bin", Body=b"weights")

        told = refusal(create, aws=aws, channels={"draft": ("drafts/", "S3Prefix", "None")})

        assert told.startswith(f"ValidationException: Could not access model data at s3://{aws.bucket}/drafts/")
        assert "s3:ListBucket" in told

    def test_what_is_not_there_is_refused(self, aws: Aws) -> None:
        aws.make_artifact()
        role = role_that_reads(aws)

        told = refusal(create, aws=aws, role=role, channels={"draft": ("nowhere/", "S3Prefix", "None")})

        assert told == f"ValidationException: Could not find model data at s3://{aws.bucket}/nowhere/."

    def test_a_channel_given_twice_and_a_multi_model_container_are_refused(self, aws: Aws) -> None:
        aws.make_artifact()
        role = role_that_reads(aws)
        once = source(aws, "draft", aws.key, "S3Object", "Gzip")

        twice = refusal(create, aws=aws, role=role, AdditionalModelDataSources=[once, once])
        many = refusal(create, aws=aws, role=role, AdditionalModelDataSources=[once], Mode="MultiModel")

        assert "ChannelName must be unique" in twice
        assert "cannot be specified for a container in MultiModel mode" in many

    def test_it_is_described_and_neither_serverless_nor_batch_takes_it(self, aws: Aws) -> None:
        aws.make_artifact()
        name = create(aws=aws, role=role_that_reads(aws), channels={"draft": (aws.key, "S3Object", "Gzip")})

        (described,) = aws.sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["AdditionalModelDataSources"]
        assert described == source(aws, "draft", aws.key, "S3Object", "Gzip")
        serverless = refusal(
            aws.sagemaker.create_endpoint_config,
            EndpointConfigName=unique("config"),
            ProductionVariants=[
                {
                    "VariantName": "v",
                    "ModelName": name,
                    "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
                }
            ],
        )
        assert "does not support additional model data sources" in serverless
        batch = refusal(
            aws.sagemaker.create_transform_job,
            TransformJobName=unique("job"),
            ModelName=name,
            TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://models/in/"}}},
            TransformOutput={"S3OutputPath": "s3://models/out/"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        assert "AdditionalModelDataSources attribute" in batch


def source(aws: Aws, name: str, key: str, data_type: str, compression: str) -> Json:
    where = {"S3Uri": f"s3://{aws.bucket}/{key}", "S3DataType": data_type, "CompressionType": compression}
    return {"ChannelName": name, "S3DataSource": where}


def create(*, aws: Aws, role: str | None = None, channels: Any = (), **container: Any) -> str:
    """Create a model with additional data, and return its name."""
    name = unique("model")
    sources = [source(aws, channel, *where) for channel, where in dict(channels).items()]
    definition: Any = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{aws.bucket}/{aws.key}",
        "AdditionalModelDataSources": sources,
        **container,
    }
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role or aws.make_role(), PrimaryContainer=definition)
    return name


def role_that_reads(aws: Aws) -> str:
    """Make an execution role that may read the whole bucket."""
    arn = aws.make_role()
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": ["*"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.iam.put_role_policy(RoleName=arn.rpartition("/")[2], PolicyName="read", PolicyDocument=document)
    return arn


LISTING = """
import os
from pathlib import Path

def model_fn(model_dir):
    root = Path(os.environ["ADDITIONAL"])
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}

def predict_fn(data, model):
    return model

def output_fn(prediction, accept):
    import json
    return json.dumps(prediction)
"""


@pytest.fixture(scope="module")
def server(local_aws: LocalAws) -> Aws:
    return Aws(local_aws)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("project") / "example"))


@pytest.fixture(scope="module")
def stack(server: Aws, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    deployment = Deployment(server, tmp_path_factory.mktemp("stack"))
    status = deployment.deploy(load_settings(project / "inference.yaml"))
    assert status == "CREATE_COMPLETE", server.reasons(deployment.name)
    yield deployment
    deployment.delete()


def test_a_container_finds_archives_unpacked_prefixes_and_objects_by_their_names(server: Aws, tmp_path: Path) -> None:
    server.make_artifact()
    for key, body in {
        server.key: archive(tmp_path, {"code/inference.py": LISTING}).read_bytes(),
        "drafts/packed.tar.gz": archive(tmp_path, {"deep/a.txt": "a"}).read_bytes(),
        "drafts/loose/deep/b.txt": b"b",
        "drafts/c.txt": b"c",
    }.items():
        server.s3.put_object(Bucket=server.bucket, Key=key, Body=body)
    channels = {
        "packed": ("drafts/packed.tar.gz", "S3Object", "Gzip"),
        "loose": ("drafts/loose/", "S3Prefix", "None"),
        "one": ("drafts/c.txt", "S3Object", "None"),
    }
    environment = {"ADDITIONAL": "/opt/ml/additional-model-data-sources"}
    name = create(aws=server, role=role_that_reads(server), channels=channels, Environment=environment)
    variant: Any = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    server.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    server.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert server.settle(name)["EndpointStatus"] == "InService"

    answer = server.runtime.invoke_endpoint(EndpointName=name, Body="[]", ContentType="application/json")

    assert json.loads(answer["Body"].read()) == {"packed/deep/a.txt": "a", "loose/deep/b.txt": "b", "one/c.txt": "c"}
    server.sagemaker.delete_endpoint(EndpointName=name)


class TestStack:
    """The example, changed as a user would."""

    def test_the_container_finds_it(self, server: Aws, stack: Deployment) -> None:
        assert ask(server) == [3.5]  # 3.0 without the adapter

    def test_a_tag_changes_in_place_and_new_data_makes_a_new_model(
        self, server: Aws, stack: Deployment, project: Path
    ) -> None:
        file = project / "inference.yaml"
        (before,) = stack.physical(MODEL)

        file.write_text(file.read_text().replace("tags: {team: scoring}", "tags: {owner: us}"))
        assert stack.deploy(load_settings(file)) == "UPDATE_COMPLETE", server.reasons(stack.name)
        assert stack.physical(MODEL) == [before]
        arn = server.sagemaker.describe_model(ModelName=before)["ModelArn"]
        assert server.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "owner", "Value": "us"}]

        (project / "adapter" / "adapter.json").write_text('{"weights": [0.0, 10.0]}')
        assert stack.deploy(load_settings(file)) == "UPDATE_COMPLETE", server.reasons(stack.name)
        assert ask(server) == [23.0]
        (after,) = stack.physical(MODEL)
        assert models_of(server, stack) == [after] != [before]

    def test_an_update_that_fails_goes_back_to_the_former_model(
        self, server: Aws, stack: Deployment, project: Path
    ) -> None:
        file = project / "inference.yaml"
        before = stack.physical(MODEL)
        kept = (project / "adapter" / "adapter.json").read_text()

        (project / "adapter" / "adapter.json").write_text('{"weights": "none"}')
        assert stack.deploy(load_settings(file)) == "UPDATE_ROLLBACK_COMPLETE"

        (project / "adapter" / "adapter.json").write_text(kept)
        assert stack.physical(MODEL) == before == models_of(server, stack)
        assert ask(server) == [23.0]

    def test_a_model_without_it_is_cloudformations_own_again(
        self, server: Aws, stack: Deployment, project: Path
    ) -> None:
        file = project / "inference.yaml"
        text = file.read_text()
        without = text.replace("      additional_model_data_sources:\n        adapter: adapter\n", "")
        shutil.copy(project / "adapter" / "adapter.json", project / "model")
        file.write_text(without.replace("/opt/ml/additional-model-data-sources/adapter", "/opt/ml/model"))

        assert stack.deploy(load_settings(file)) == "UPDATE_COMPLETE", server.reasons(stack.name)
        assert ask(server) == [23.0]
        assert models_of(server, stack) == stack.physical(MODEL) == stack.physical("AWS::Lambda::Function") == []

        file.write_text(text)
        assert stack.deploy(load_settings(file)) == "UPDATE_COMPLETE", server.reasons(stack.name)
        assert models_of(server, stack) == stack.physical(MODEL)

    def test_the_model_goes_with_the_stack(self, server: Aws, stack: Deployment) -> None:
        (name,) = models_of(server, stack)

        stack.delete()

        assert refusal(server.sagemaker.describe_model, ModelName=name).startswith(
            "ValidationException: Could not find"
        )


def ask(aws: Aws) -> Any:
    body = json.dumps({"instances": [[1.0, 2.0]]})
    answer = aws.runtime.invoke_endpoint(EndpointName="adapted", Body=body, ContentType="application/json")
    return json.loads(answer["Body"].read())["predictions"]


def models_of(aws: Aws, stack: Deployment) -> list[str]:
    """Give the names of the models that the stack's function has made."""
    found = aws.sagemaker.list_models(NameContains=stack.name.replace("-", ""))["Models"]
    return [model["ModelName"] for model in found]
