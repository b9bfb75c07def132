"""Many models, several containers and inference components, deployed as stacks of ours and called."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template
from aws_clients import Aws
from botocore.exceptions import ClientError
from patience import looks
from stack_deployment import ENV, Deployment

from constructs_lib.sagemaker import Endpoint
from examples.digits.predict import read_rows
from local_aws.process import LocalAws
from stacks.settings import load_settings

Json = dict[str, Any]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def aws(local_aws: LocalAws) -> Aws:
    return Aws(local_aws)


Make = Callable[[Path], Deployment]


@pytest.fixture(scope="module")
def deployed(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    made: list[Deployment] = []

    def deploy(file: Path) -> Deployment:
        deployment = Deployment(aws, tmp_path_factory.mktemp("groups"))
        made.append(deployment)
        assert deployment.deploy(load_settings(file)) == "CREATE_COMPLETE", aws.reasons(deployment.name)
        return deployment

    yield deploy
    for deployment in made:
        deployment.delete()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example of many models, to be changed."""
    return Path(shutil.copytree(EXAMPLES / "multi-model", tmp_path_factory.mktemp("project") / "multi-model"))


@pytest.fixture(scope="module")
def scores(deployed: Make, project: Path) -> Deployment:
    return deployed(project / "inference.yaml")


@pytest.fixture(scope="module")
def containers(deployed: Make) -> Deployment:
    return deployed(EXAMPLES / "multi-container" / "inference.yaml")


@pytest.fixture(scope="module")
def fleet(deployed: Make) -> Deployment:
    return deployed(EXAMPLES / "inference-components" / "inference.yaml")


def ask(runtime: Any, endpoint: str, body: Json, **target: str) -> Any:
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint, Body=json.dumps(body), ContentType="application/json", **target
    )
    return json.loads(answer["Body"].read())["predictions"]


def granted(endpoint: str, **targets: list[str]) -> list[Json]:
    """Give what `grant_invoke` lets a role do."""
    stack = cdk.Stack(cdk.App(analytics_reporting=False), "Callers", env=ENV)
    role = iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal())
    Endpoint.from_endpoint_name(stack, endpoint).grant_invoke(role, **targets)
    (policy,) = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    statements: list[Json] = policy["Properties"]["PolicyDocument"]["Statement"]
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:endpoint/{endpoint}"
    return [{**statement, "Resource": arn} for statement in statements]


class TestManyModels:
    def test_each_request_names_its_model(self, aws: Aws, scores: Deployment) -> None:
        rows = {"instances": [[1.0, 2.0]]}
        assert ask(aws.runtime, "scores", rows, TargetModel="fraud.tar.gz") == [3.0]
        assert ask(aws.runtime, "scores", rows, TargetModel="churn.tar.gz") == [pytest.approx(0.1)]
        with pytest.raises(ClientError, match="requires target model header"):
            ask(aws.runtime, "scores", rows)

    def test_a_caller_who_may_ask_one_model_is_refused_another(self, aws: Aws, scores: Deployment) -> None:
        team = aws.as_user("sagemaker-runtime", granted("scores", target_models=["fr*.tar.gz"]))

        assert ask(team, "scores", {"instances": [[1.0, 2.0]]}, TargetModel="fraud.tar.gz") == [3.0]
        with pytest.raises(ClientError, match="not authorized to perform: sagemaker:InvokeEndpoint"):
            ask(team, "scores", {"instances": [[1.0, 2.0]]}, TargetModel="churn.tar.gz")

    def test_an_added_model_leaves_the_instances_alone_and_a_changed_one_does_not(
        self, aws: Aws, scores: Deployment, project: Path
    ) -> None:
        file = project / "inference.yaml"
        configs = scores.physical("AWS::SageMaker::EndpointConfig")
        rows = {"instances": [[1.0, 1.0]]}

        shutil.copytree(project / "models" / "fraud", project / "models" / "lapse")
        (project / "models" / "lapse" / "model.json").write_text('{"weights": [7, 0], "bias": 0}')
        text = file.read_text()
        file.write_text(text.replace("      models:\n", "      models:\n        lapse.tar.gz: models/lapse\n"))
        assert scores.deploy(load_settings(file)) == "UPDATE_COMPLETE", aws.reasons(scores.name)
        assert ask(aws.runtime, "scores", rows, TargetModel="lapse.tar.gz") == [7.0]
        assert scores.physical("AWS::SageMaker::EndpointConfig") == configs

        assert ask(aws.runtime, "scores", rows, TargetModel="fraud.tar.gz") == [2.0]
        (project / "models" / "fraud" / "model.json").write_text('{"weights": [1, 1], "bias": 3}')
        assert scores.deploy(load_settings(file)) == "UPDATE_COMPLETE", aws.reasons(scores.name)
        assert ask(aws.runtime, "scores", rows, TargetModel="fraud.tar.gz") == [5.0]
        assert scores.physical("AWS::SageMaker::EndpointConfig") != configs

        (bucket,) = scores.physical("AWS::S3::Bucket")
        keys = [item["Key"] for item in aws.s3.list_objects_v2(Bucket=bucket)["Contents"]]
        names = sorted(key.rpartition("/")[2] for key in keys if key.endswith(".tar.gz"))
        assert names == ["churn.tar.gz", "fraud.tar.gz", "lapse.tar.gz"]  # the former ones are gone

    def test_an_update_that_fails_leaves_the_former_models(self, aws: Aws, scores: Deployment, project: Path) -> None:
        file = project / "inference.yaml"
        uris = scores.physical("Custom::MultiModelFiles")
        before = file.read_text(), (project / "models" / "churn" / "model.json").read_text()
        (project / "models" / "churn" / "model.json").write_text('{"weights": [9, 9], "bias": 9}')
        refused = "      image: example/not-in-ecr:1\n"
        file.write_text(before[0].replace("      server: pytorch\n", f"      server: pytorch\n{refused}"))

        assert scores.deploy(load_settings(file)) == "UPDATE_ROLLBACK_COMPLETE"

        assert scores.physical("Custom::MultiModelFiles") == uris
        file.write_text(before[0])
        (project / "models" / "churn" / "model.json").write_text(before[1])
        assert ask(aws.runtime, "scores", {"instances": [[1.0, 2.0]]}, TargetModel="churn.tar.gz") == [
            pytest.approx(0.1)
        ]

    def test_the_bucket_goes_with_the_stack(self, aws: Aws, deployed: Make, tmp_path: Path) -> None:
        project = Path(shutil.copytree(EXAMPLES / "multi-model", tmp_path / "multi-model"))
        file = project / "inference.yaml"
        file.write_text(file.read_text().replace("  scores:", "  passing:"))
        passing = deployed(file)
        (bucket,) = passing.physical("AWS::S3::Bucket")

        passing.delete()

        assert bucket not in [item["Name"] for item in aws.s3.list_buckets()["Buckets"]]


class TestSeveralContainers:
    def test_a_pipeline_answers_as_a_whole(self, aws: Aws, containers: Deployment) -> None:
        records = {"records": [{"months": 2, "complaints": 4}, {"months": 1}]}
        assert ask(aws.runtime, "churn-pipeline", records) == [pytest.approx(0.1), pytest.approx(0.6)]

    def test_each_request_names_its_container(self, aws: Aws, containers: Deployment) -> None:
        (row,) = read_rows(limit=1)
        square = [row.pixels[start : start + 8] for start in range(0, 64, 8)]
        (prediction,) = ask(aws.runtime, "either", {"instances": [square]}, TargetContainerHostname="digits")
        assert prediction["digit"] == row.label
        assert ask(aws.runtime, "either", {"instances": [[1.0, 2.0]]}, TargetContainerHostname="fraud") == [3.0]

    def test_a_caller_who_may_ask_one_container_is_refused_another(self, aws: Aws, containers: Deployment) -> None:
        team = aws.as_user("sagemaker-runtime", granted("either", target_containers=["fraud"]))

        assert ask(team, "either", {"instances": [[1.0, 2.0]]}, TargetContainerHostname="fraud") == [3.0]
        for target in ({"TargetContainerHostname": "digits"}, {}):
            with pytest.raises(ClientError, match="not authorized to perform: sagemaker:InvokeEndpoint"):
                ask(team, "either", {"instances": [[1.0, 2.0]]}, **target)


class TestInferenceComponents:
    def test_each_request_names_its_component(self, aws: Aws, fleet: Deployment) -> None:
        assert ask(aws.runtime, "fleet", {"instances": [[1.0, 2.0]]}, InferenceComponentName="fraud") == [3.0]
        (row,) = read_rows(limit=1)
        square = [row.pixels[start : start + 8] for start in range(0, 64, 8)]
        (prediction,) = ask(aws.runtime, "fleet", {"instances": [square]}, InferenceComponentName="digits")
        assert prediction["digit"] == row.label

    def test_copies_go_to_zero_and_come_back(self, aws: Aws, fleet: Deployment) -> None:
        def scale(copies: int) -> None:
            """Do what Application Auto Scaling does, within the bounds that are registered with it."""
            aws.sagemaker.update_inference_component_runtime_config(
                InferenceComponentName="fraud", DesiredRuntimeConfig={"CopyCount": copies}
            )
            for _ in looks():
                described = aws.sagemaker.describe_inference_component(InferenceComponentName="fraud")
                if described["InferenceComponentStatus"] == "InService":
                    return
            raise AssertionError(described["InferenceComponentStatus"])

        rows = {"instances": [[1.0, 2.0]]}
        resource = "inference-component/fraud"
        (target,) = aws.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])[
            "ScalableTargets"
        ]
        assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 4)
        scale(0)
        with pytest.raises(ClientError, match="has no capacity to process this request"):
            ask(aws.runtime, "fleet", rows, InferenceComponentName="fraud")
        # That is what the alarm watches, and the alarm sets off the policy that brings a copy back.
        (alarm,) = [
            alarm
            for alarm in aws.cloudwatch.describe_alarms()["MetricAlarms"]
            if alarm.get("MetricName") == "NoCapacityInvocationFailures"
            and {"Name": "InferenceComponentName", "Value": "fraud"} in alarm["Dimensions"]
        ]
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
        policies = aws.autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=resource)
        (wake_up,) = [each for each in policies["ScalingPolicies"] if each["PolicyType"] == "StepScaling"]
        assert alarm["AlarmActions"] == [wake_up["PolicyARN"]]
        scale(1)
        assert ask(aws.runtime, "fleet", rows, InferenceComponentName="fraud") == [3.0]

    def test_the_components_go_before_their_endpoint(self, aws: Aws, fleet: Deployment) -> None:
        fleet.delete()

        assert aws.sagemaker.list_inference_components(EndpointNameEquals="fleet")["InferenceComponents"] == []
        assert "fleet" not in [item["EndpointName"] for item in aws.sagemaker.list_endpoints()["Endpoints"]]
