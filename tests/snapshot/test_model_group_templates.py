"""Several models behind one endpoint in templates: under a prefix, and in several containers."""

from __future__ import annotations

import shutil
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template
from syrupy.assertion import SnapshotAssertion

from constructs_lib.sagemaker import (
    Autoscaling,
    InferenceEndpoint,
    MultiModelEndpoint,
)
from constructs_lib.sagemaker.multi_model.store import MultiModelStore
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.models import ContainerModel
from constructs_lib.serving.multi_container import MultiContainerModel
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.problems import InvalidValueError
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from tests.snapshot.conftest import FIXED, ROOT, new_app, statements
from tests.snapshot.endpoint_templates import Synthesize, hold_against_the_service, properties
from tests.snapshot.masked_json import MaskedJson
from tests.snapshot.model_group_stacks import BOTH, CPU, PREFIX, TORCH


@pytest.mark.parametrize("example", ["multi-model", "multi-container", "inference-components"])
def test_the_template_of_the_example_is_as_it_was(example: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    settings = load_settings(ROOT / "examples" / example / "inference.yaml")
    stack = InferenceStack(new_app(tmp_path), "InferenceStack", settings=settings, env=FIXED)

    template = Template.from_stack(stack)

    found = template.to_json()
    for function in template.find_resources("AWS::Lambda::Function"):
        del found["Resources"][function]["Properties"]["Code"]
    assert found == snapshot(extension_class=MaskedJson)


class TestManyModels:
    def test_those_under_a_prefix_are_read_from_it(self, stack: cdk.Stack, template: Synthesize) -> None:
        model = MultiModel(
            server="pytorch",
            artifact="s3://their-models/all/",
            model_cache_setting="Disabled",
            container_hostname="scores",
            entry_point="inference.py",
        )
        scaling = Autoscaling(max=3, invocations_per_instance=60)
        InferenceEndpoint(stack, "Scores", model=model, instance_type=CPU, autoscaling=scaling, monitoring=True)

        synthesized = template()
        assert properties(synthesized, "AWS::SageMaker::Model")["PrimaryContainer"] == {
            "ContainerHostname": "scores",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
            "Image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312",
            "Mode": "MultiModel",
            "ModelDataUrl": "s3://their-models/all/",
            "MultiModelConfig": {"ModelCacheSetting": "Disabled"},
        }
        assert statements(synthesized)[:2] == [
            {"Action": "s3:GetObject", "Effect": "Allow", "Resource": "arn:aws:s3:::their-models/all/*"},
            {
                "Action": "s3:ListBucket",
                "Condition": {"StringLike": {"s3:prefix": ["all/*"]}},
                "Effect": "Allow",
                "Resource": "arn:aws:s3:::their-models",
            },
        ]
        assert synthesized.find_resources("AWS::S3::Bucket") == {}
        hold_against_the_service(synthesized)

    def test_triton_serves_them_on_a_gpu(self, stack: cdk.Stack, template: Synthesize) -> None:
        model = MultiModel(server="triton", artifact="s3://their-models/all/")
        InferenceEndpoint(stack, "Scores", model=model, instance_type="ml.g5.xlarge")

        image = properties(template(), "AWS::SageMaker::Model")["PrimaryContainer"]["Image"]
        assert "/sagemaker-tritonserver:" in image
        assert not image.endswith("-cpu")

    def test_one_that_is_added_is_uploaded_with_the_others(
        self, stack: cdk.Stack, template: Synthesize, tmp_path: Path
    ) -> None:
        for name in ("churn", "fraud"):
            shutil.copytree(ROOT / "examples" / "multi-model" / "models" / name, tmp_path / name)
        model = MultiModel(server="pytorch", models={"churn.tar.gz": str(tmp_path / "churn")})
        endpoint = MultiModelEndpoint(stack, "Scores", model=model, instance_type=CPU)

        endpoint.add_model("team/fraud.tar.gz", str(tmp_path / "fraud"))

        synthesized = template()
        files = properties(synthesized, "Custom::MultiModelFiles")
        assert list(files["Files"]) == ["churn.tar.gz", "team/fraud.tar.gz"]
        assert files["Prefix"] == "TheirStack/Scores/Model/Models/"
        role = synthesized.find_resources("AWS::IAM::Role")["MultiModelStoreRole621A2DBE"]["Properties"]
        sources = role["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"]
        assert sources == [f"arn:aws:s3:::{path}" for path in files["Files"].values()]
        for name, reason in {
            "churn.tar.gz": "add_model: 'name' 'churn.tar.gz' is a model of the endpoint already; choose another name",
            "no archive": "MultiModel: 'models' must be named with at most 1024 letters, digits, '.', '_', '-' and inner "
            "'/', ending with '.tar.gz', got 'no archive'",
        }.items():
            with pytest.raises(InvalidValueError) as caught:
                endpoint.add_model(name, str(tmp_path / "fraud"))
            assert str(caught.value) == reason
        with pytest.raises(InvalidValueError, match=r"MultiModel: 'models\.x\.tar\.gz' does not exist"):
            endpoint.add_model("x.tar.gz", str(tmp_path / "absent"))

    @pytest.mark.parametrize(
        ("models", "allowed"),
        [(40, [f"arn:aws:s3:::assets/{number}.gz" for number in range(40)]), (41, ["arn:aws:s3:::assets/*.gz"])],
    )
    def test_the_function_may_read_however_many_there_are(
        self, stack: cdk.Stack, template: Synthesize, models: int, allowed: list[str]
    ) -> None:
        uploads = [S3Artifact(bucket="assets", key=f"{number}.gz") for number in range(models)]

        MultiModelStore.of(stack).read(uploads)

        (policy,) = properties(template(), "AWS::IAM::Role")["Policies"]
        reading = policy["PolicyDocument"]["Statement"][0]["Resource"]
        assert (reading if isinstance(reading, list) else [reading]) == allowed

    def test_none_is_added_to_a_prefix_of_yours(self, stack: cdk.Stack) -> None:
        endpoint = MultiModelEndpoint(stack, "Scores", model=PREFIX, instance_type=CPU)
        with pytest.raises(InvalidValueError) as caught:
            endpoint.add_model("x.tar.gz", "x")
        assert str(caught.value) == (
            "add_model: 'artifact' is put by you under 's3://their-models/all/', and served from there"
        )

    def test_all_endpoints_of_a_stack_share_a_bucket_and_a_function(
        self, stack: cdk.Stack, template: Synthesize
    ) -> None:
        churn = str(ROOT / "examples" / "multi-model" / "models" / "churn")
        for name in ("A", "B"):
            model = MultiModel(server="pytorch", models={"churn.tar.gz": churn})
            InferenceEndpoint(stack, name, model=model, instance_type=CPU)

        synthesized = template()
        synthesized.resource_count_is("AWS::S3::Bucket", 1)
        synthesized.resource_count_is("AWS::Lambda::Function", 1)
        files = synthesized.find_resources("Custom::MultiModelFiles").values()
        assert {each["Properties"]["Prefix"] for each in files} == {
            "TheirStack/A/Model/Models/",
            "TheirStack/B/Model/Models/",
        }


class TestSeveralContainers:
    def test_each_has_its_name_and_the_role_what_all_need(self, stack: cdk.Stack, template: Synthesize) -> None:
        InferenceEndpoint(stack, "Both", model=BOTH, instance_type=CPU, endpoint_name="both")

        synthesized = template()
        model = properties(synthesized, "AWS::SageMaker::Model")
        assert [each["ContainerHostname"] for each in model["Containers"]] == ["prepare", "score"]
        assert model["InferenceExecutionConfig"] == {"Mode": "Direct"}
        assert "PrimaryContainer" not in model
        allowed = statements(synthesized)
        assert allowed[0]["Resource"] == "arn:aws:s3:::their-models/model.tar.gz"
        assert [each["Action"] for each in allowed].count("cloudwatch:PutMetricData") == 1
        hold_against_the_service(synthesized)

    def test_what_two_containers_need_is_allowed_once(self, stack: cdk.Stack, template: Synthesize) -> None:
        twice = MultiContainerModel(containers={"one": TORCH, "two": TORCH})
        InferenceEndpoint(stack, "Both", model=twice, instance_type=CPU)

        actions = [str(each["Action"]) for each in statements(template())]
        assert len(actions) == len(set(actions))

    def test_images_are_built_under_their_containers_names(
        self, stack: cdk.Stack, template: Synthesize, tmp_path: Path
    ) -> None:
        (tmp_path / "image").mkdir()
        (tmp_path / "image" / "Dockerfile").write_text("FROM scratch\n")
        built = ContainerModel(dockerfile_directory=str(tmp_path / "image"))
        both = MultiContainerModel(containers={"one": built, "two": built})
        endpoint = InferenceEndpoint(stack, "Both", model=both, instance_type=CPU)

        template()
        names = [each.node.id for each in endpoint.model.node.children]
        assert {"oneImage", "twoImage"} <= set(names)

    def test_a_pipeline_may_have_one_with_many_models(self, stack: cdk.Stack, template: Synthesize) -> None:
        both = MultiContainerModel(containers={"prepare": TORCH, "score": PREFIX})
        InferenceEndpoint(stack, "Both", model=both, instance_type=CPU)

        synthesized = template()
        model = properties(synthesized, "AWS::SageMaker::Model")
        assert [each.get("Mode") for each in model["Containers"]] == [None, "MultiModel"]
        assert model["InferenceExecutionConfig"] == {"Mode": "Serial"}
