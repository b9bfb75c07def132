"""What is around inference components in templates: who may call, APIs, alarms, capture, rollouts, scaling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template
from syrupy.assertion import SnapshotAssertion

from constructs_lib.sagemaker import (
    ApiFront,
    ComponentSpecification,
    CopyRollout,
    CopyScaling,
    CopyStepScaling,
    DataCapture,
    Endpoint,
    EndpointApi,
    InferenceComponent,
    InferenceComponentEndpoint,
    InferenceDashboard,
    ManagedInstanceScaling,
    Monitoring,
    Rollout,
    ScheduledCopies,
    StepAdjustment,
)
from constructs_lib.sagemaker.api.method import InvocationMethod
from constructs_lib.serving.models import PyTorchModel
from constructs_lib.serving.problems import InvalidValueError
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from tests.snapshot.conftest import FIXED, ROOT, Json, new_app, only
from tests.snapshot.masked_json import MaskedJson
from tests.snapshot.model_group_stacks import CPU, TORCH, Synthesize, properties
from tests.snapshot.service_requests import violations

ALARM = "AWS::CloudWatch::Alarm"
HEADER = "X-Amzn-SageMaker-Inference-Component"
CHAT = ComponentSpecification(model=TORCH, min_memory_mb=512)
RANK = ComponentSpecification(model=PyTorchModel(artifact="s3://their-models/rank.tar.gz"), min_memory_mb=512)


def fleet(stack: cdk.Stack, chat: ComponentSpecification = CHAT, **choices: Any) -> InferenceComponentEndpoint:
    components = {"chat": chat, "Rank": RANK}
    options = {"inference_components": components, "instance_type": CPU, "endpoint_name": "fleet", **choices}
    return InferenceComponentEndpoint(stack, "Fleet", **options)


def alarms(template: Template, within: str) -> dict[str, Json]:
    """Give the alarms whose ids have a part, by what comes after it."""
    found = template.find_resources(ALARM).items()
    return {key.split(within)[1][:-8]: dict(each["Properties"]) for key, each in found if within in key}


def dimensions(alarm: Json) -> Json:
    return {each["Name"]: each["Value"] for each in alarm["Dimensions"]}


def test_the_template_of_the_example_is_as_it_was(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    settings = load_settings(ROOT / "examples" / "inference-components" / "around.yaml")
    stack = InferenceStack(new_app(tmp_path), "InferenceStack", settings=settings, env=FIXED)

    assert Template.from_stack(stack).to_json() == snapshot(extension_class=MaskedJson)


class TestWhoMayCall:
    def granted(self, stack: cdk.Stack, template: Synthesize, grant: Any) -> Json:
        role = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
        grant(role)
        policies = template().find_resources("AWS::IAM::Policy").items()
        (policy,) = [each for key, each in policies if key.startswith("Caller")]
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Action"] == ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
        return dict(statement)

    def test_an_endpoint_and_all_of_its_components(self, stack: cdk.Stack, template: Synthesize) -> None:
        made = fleet(stack)
        statement = self.granted(stack, template, made.grant_invoke)
        references = [each["Ref"] for each in statement["Resource"]]
        kinds = [template().to_json()["Resources"][each]["Type"] for each in references]
        assert kinds == ["AWS::SageMaker::Endpoint", *["AWS::SageMaker::InferenceComponent"] * 2]

    @pytest.mark.parametrize("by_component", [True, False])
    def test_one_component_only(self, stack: cdk.Stack, template: Synthesize, by_component: bool) -> None:
        made = fleet(stack)

        def grant(role: iam.Role) -> iam.Grant:
            if by_component:
                return made.inference_components["chat"].grant_invoke(role)
            return made.grant_invoke(role, inference_components=["chat"])

        statement = self.granted(stack, template, grant)
        endpoint, component = (each["Ref"] for each in statement["Resource"])
        resources = template().to_json()["Resources"]
        assert resources[endpoint]["Type"] == "AWS::SageMaker::Endpoint"
        assert resources[component]["Properties"]["InferenceComponentName"] == "chat"

    def test_components_of_an_imported_endpoint_are_named(self, stack: cdk.Stack, template: Synthesize) -> None:
        arn = "arn:aws:sagemaker:eu-west-1:111111111111:endpoint/theirs"
        theirs = Endpoint.from_endpoint_arn(stack, arn)
        statement = self.granted(
            stack, template, lambda role: theirs.grant_invoke(role, inference_components=["Chat", "rank-*"])
        )
        place = "arn:aws:sagemaker:eu-west-1:111111111111:inference-component"
        assert statement["Resource"] == [arn, f"{place}/chat", f"{place}/rank-*"]

    def test_an_imported_component_is_granted_and_watched_like_one_that_is_made(
        self, stack: cdk.Stack, template: Synthesize
    ) -> None:
        arn = "arn:aws:sagemaker:eu-west-1:111111111111:endpoint/theirs"
        theirs = Endpoint.from_endpoint_arn(stack, arn)
        component = InferenceComponent.from_inference_component_name("Chat", endpoint=theirs)
        statement = self.granted(stack, template, component.grant_invoke)
        assert statement["Resource"] == [arn, "arn:aws:sagemaker:eu-west-1:111111111111:inference-component/chat"]
        assert component.metric_invocations().dimensions == {"InferenceComponentName": "Chat"}
        assert component.endpoint is theirs
        with pytest.raises(InvalidValueError, match="InferenceComponent: 'inference_component_name' is 'a_b'"):
            InferenceComponent.from_inference_component_name("a_b", endpoint=theirs)

    def test_and_of_one_whose_arn_is_known_at_deployment(self, stack: cdk.Stack) -> None:
        arn = cdk.CfnParameter(stack, "Arn").value_as_string
        (found,) = Endpoint.from_endpoint_arn(stack, arn).component_arns(["chat"])
        place = {"Fn::Select": [0, {"Fn::Split": [":endpoint/", {"Ref": "Arn"}]}]}
        assert stack.resolve(found) == {"Fn::Join": ["", [place, ":inference-component/chat"]]}

    def test_fails_for_a_component_that_it_has_not(self, stack: cdk.Stack) -> None:
        made = fleet(stack)
        role = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
        for refused in (
            lambda: made.grant_invoke(role, inference_components=["chart"]),
            lambda: EndpointApi(stack, "Api", endpoint=made, inference_component="chart"),
        ):
            with pytest.raises(InvalidValueError) as caught:
                refused()
            assert str(caught.value) == (
                "InferenceComponentEndpoint: 'inference_components' has no 'chart', but chat, Rank; give one of those"
            )
        with pytest.raises(InvalidValueError, match="'inference_components' is given as well as 'target_models'"):
            made.grant_invoke(role, target_models=["a"], inference_components=["chat"])


class TestApis:
    def test_the_api_of_a_component_names_it_and_nobody_else_may(self, stack: cdk.Stack, template: Synthesize) -> None:
        EndpointApi(stack, "Api", endpoint=fleet(stack), inference_component="chat")

        synthesized = template()
        method = properties(synthesized, "AWS::ApiGateway::Method")
        asked = method["Integration"]["RequestParameters"]
        assert asked[f"integration.request.header.{HEADER}"] == "'chat'"
        assert f"method.request.header.{HEADER}" not in method["RequestParameters"]
        (role,) = [
            each["Properties"]
            for key, each in synthesized.find_resources("AWS::IAM::Role").items()
            if key.startswith("ApiIntegrationRole")
        ]
        (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]
        named = [synthesized.to_json()["Resources"][each["Ref"]]["Properties"] for each in statement["Resource"]]
        assert [each.get("InferenceComponentName") for each in named] == [None, "chat"]
        assert list(violations(dict(synthesized.to_json()))) == []

    def test_that_of_the_endpoint_passes_on_what_a_request_names(self, stack: cdk.Stack, template: Synthesize) -> None:
        EndpointApi(stack, "Api", endpoint=fleet(stack))

        asked = properties(template(), "AWS::ApiGateway::Method")["Integration"]["RequestParameters"]
        assert asked[f"integration.request.header.{HEADER}"] == f"method.request.header.{HEADER}"

    def test_another_component_makes_another_deployment(self) -> None:
        def fingerprint(component: str | None) -> str:
            method = InvocationMethod(
                api=ApiFront(), partition="aws", region="us-east-1", inference_component=component
            )
            return method.fingerprint

        assert len({fingerprint(component) for component in ("chat", "rank", None)}) == 3

    def test_a_processor_is_told_the_component(self, stack: cdk.Stack, template: Synthesize) -> None:
        front = ApiFront(processor=str(ROOT / "examples" / "api" / "processor"))
        EndpointApi(stack, "Api", endpoint=fleet(stack), api=front, inference_component="chat")

        variables = properties(template(), "AWS::Lambda::Function")["Environment"]["Variables"]
        assert variables["INFERENCE_COMPONENT_NAME"] == "chat"

    def test_fails_with_a_name_that_no_component_has(self, stack: cdk.Stack) -> None:
        theirs = Endpoint.from_endpoint_name(stack, "fleet")
        with pytest.raises(InvalidValueError, match="EndpointApi: 'inference_component' is 'a_b'"):
            EndpointApi(stack, "Api", endpoint=theirs, inference_component="a_b")


class TestWatching:
    def test_alarms_are_of_components_and_of_the_instances(self, stack: cdk.Stack, template: Synthesize) -> None:
        scaling = ManagedInstanceScaling(max_instance_count=3)
        chat = ComponentSpecification(
            model=TORCH, min_memory_mb=512, autoscaling=CopyScaling(max=4, invocations_per_copy=60)
        )
        fleet(stack, chat, managed_instance_scaling=scaling, monitoring=Monitoring(client_error_percent=20))

        synthesized = template()
        assert set(alarms(synthesized, "Monitoringchat")) == {
            "Errors",
            "ClientErrors",
            "Latency",
            "AtMaxCopies",
            "NoCopies",
        }
        assert set(alarms(synthesized, "MonitoringAllTraffic")) == {"Cpu", "Memory", "AtMaxInstances", "Silence"}
        assert dimensions(alarms(synthesized, "Monitoringchat")["Errors"]) == {"InferenceComponentName": "chat"}
        assert set(dimensions(alarms(synthesized, "MonitoringAllTraffic")["Cpu"])) == {"EndpointName", "VariantName"}
        assert list(violations(dict(synthesized.to_json()))) == []

    def test_without_monitoring_it_is_on_the_dashboard_of_its_stack(
        self, stack: cdk.Stack, template: Synthesize
    ) -> None:
        made = fleet(stack)
        InferenceDashboard(stack, "Dashboard", endpoints=[made])

        body = str(properties(template(), "AWS::CloudWatch::Dashboard")["DashboardBody"])
        assert made.monitoring is None
        assert '"InferenceComponentName", "chat"' in body
        assert '"label": "Fleet Rank"' in body

    def test_a_metric_is_the_components_own(self, stack: cdk.Stack) -> None:
        component = fleet(stack).inference_components["chat"]
        found = {
            name: (metric.namespace, metric.metric_name, metric.statistic)
            for name in dir(component)
            if name.startswith("metric_")
            for metric in [getattr(component, name)()]
        }
        assert {metric for metric in found.values() if metric[0] == "AWS/SageMaker"} == {
            ("AWS/SageMaker", "ConcurrentRequestsPerCopy", "Maximum"),
            ("AWS/SageMaker", "Invocation4XXErrors", "Sum"),
            ("AWS/SageMaker", "Invocation5XXErrors", "Sum"),
            ("AWS/SageMaker", "InvocationModelErrors", "Sum"),
            ("AWS/SageMaker", "Invocations", "Sum"),
            ("AWS/SageMaker", "InvocationsPerCopy", "Sum"),
            ("AWS/SageMaker", "ModelLatency", "Average"),
            ("AWS/SageMaker", "NoCapacityInvocationFailures", "Sum"),
            ("AWS/SageMaker", "OverheadLatency", "Average"),
        }
        copies = "/aws/sagemaker/InferenceComponents"
        assert {metric for metric in found.values() if metric[0] == copies} == {
            (copies, f"{what}UtilizationNormalized", "Average") for what in ("CPU", "Memory", "GPU", "GPUMemory")
        }
        assert component.metric_invocations().dimensions == {"InferenceComponentName": "chat"}
        assert component.metric_model_latency(statistic="p99").statistic == "p99"


class TestTheEndpointItself:
    def test_its_role_may_write_what_is_captured(self, stack: cdk.Stack, template: Synthesize) -> None:
        capture = DataCapture(destination="s3://their-captures/fleet/", sampling_percentage=20)
        fleet(stack, data_capture=capture, managed_instance_scaling=ManagedInstanceScaling(max_instance_count=2))

        synthesized = template()
        _, config = only(synthesized, "AWS::SageMaker::EndpointConfig")
        assert config["Properties"]["DataCaptureConfig"] == {
            "EnableCapture": True,
            "InitialSamplingPercentage": 20,
            "DestinationS3Uri": "s3://their-captures/fleet/",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        }
        (policy_id,) = [each for each in config["DependsOn"] if each.startswith("FleetModelAccess")]
        (statement,) = synthesized.to_json()["Resources"][policy_id]["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Resource"] == "arn:aws:s3:::their-captures/fleet/*"
        # Counts stay as they are by then, and captures as they are configured.
        excluded = properties(synthesized, "AWS::SageMaker::Endpoint")["ExcludeRetainedVariantProperties"]
        assert excluded == [{"VariantPropertyType": "DataCaptureConfig"}]

    def test_its_instances_are_what_those_of_any_variant_may_be(self, stack: cdk.Stack, template: Synthesize) -> None:
        reservation = "arn:aws:sagemaker:us-east-1:111111111111:training-plan/theirs"
        fleet(
            stack,
            capacity_reservation_arn=reservation,
            instance_provision_timeout=600,
            volume_size_gb=64,
            inference_ami_version="al2-ami-sagemaker-inference-gpu-2",
            enable_ssm_access=True,
            core_dumps="s3://their-dumps/fleet/",
        )

        synthesized = template()
        _, config = only(synthesized, "AWS::SageMaker::EndpointConfig")
        (variant,) = config["Properties"]["ProductionVariants"]
        assert variant["CapacityReservationConfig"]["MlReservationArn"] == reservation
        assert variant["VariantInstanceProvisionTimeoutInSeconds"] == 600
        assert variant["VolumeSizeInGB"] == 64
        assert variant["InferenceAmiVersion"] == "al2-ami-sagemaker-inference-gpu-2"
        assert variant["EnableSSMAccess"] is True
        assert variant["CoreDumpConfig"] == {"DestinationS3Uri": "s3://their-dumps/fleet/"}
        (policy_id,) = [each for each in config["DependsOn"] if each.startswith("FleetModelAccess")]
        (statement,) = synthesized.to_json()["Resources"][policy_id]["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Resource"] == "arn:aws:s3:::their-dumps/fleet/*"
        assert list(violations(dict(synthesized.to_json()))) == []

    def test_its_volumes_are_encrypted_with_a_key(self, stack: cdk.Stack, template: Synthesize) -> None:
        key = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        fleet(stack, volume_kms_key_arn=key)

        assert properties(template(), "AWS::SageMaker::EndpointConfig")["KmsKeyId"] == key

    def test_a_rollout_of_it_is_watched_by_all_components_together(
        self, stack: cdk.Stack, template: Synthesize
    ) -> None:
        fleet(stack, rollout=Rollout(strategy="canary", max_errors=3), endpoint_name=None)

        synthesized = template()
        made = alarms(synthesized, "FleetRollback")
        assert {name: alarm["Threshold"] for name, alarm in made.items()} == {"Errors": 3, "Latency": 30_000_000}
        read = [each["MetricStat"]["Metric"] for each in made["Errors"]["Metrics"] if "MetricStat" in each]
        assert [dimensions(each) for each in read] == [
            {"InferenceComponentName": "chat"},
            {"InferenceComponentName": "Rank"},
        ]
        config = properties(synthesized, "AWS::SageMaker::Endpoint")["DeploymentConfig"]
        assert len(config["AutoRollbackConfiguration"]["Alarms"]) == 2


class TestRolloutsOfCopies:
    def deployed(self, stack: cdk.Stack, template: Synthesize, rollout: CopyRollout) -> Json:
        fleet(stack, ComponentSpecification(model=TORCH, min_memory_mb=512, copies=4, rollout=rollout))
        synthesized = template()
        assert list(violations(dict(synthesized.to_json()))) == []
        found = [
            each["Properties"] for each in synthesized.find_resources("AWS::SageMaker::InferenceComponent").values()
        ]
        (rolled,) = [each["DeploymentConfig"] for each in found if "DeploymentConfig" in each]
        return dict(rolled)

    def test_alarms_are_made_if_none_are_given(self, stack: cdk.Stack, template: Synthesize) -> None:
        rolled = self.deployed(stack, template, CopyRollout(max_errors=2, max_model_latency_ms=500))

        assert rolled["RollingUpdatePolicy"] == {
            "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
            "WaitIntervalInSeconds": 300,
        }
        made = alarms(template(), "InferenceComponentschatRollback")
        assert {name: (dimensions(alarm), alarm["Threshold"]) for name, alarm in made.items()} == {
            "Errors": ({"InferenceComponentName": "chat"}, 2),
            "Latency": ({"InferenceComponentName": "chat"}, 500_000),
        }
        assert made["Errors"]["AlarmDescription"] == (
            "A rollout of the inference component is taken back: it answers with 5XX"
        )
        assert len(rolled["AutoRollbackConfiguration"]["Alarms"]) == 2

    def test_the_execution_role_may_see_the_alarms_of_all_rollouts(
        self, stack: cdk.Stack, template: Synthesize
    ) -> None:
        rollout = CopyRollout(alarms=("TheirAlarm", "Shared"))
        chat = ComponentSpecification(model=TORCH, min_memory_mb=512, copies=4, rollout=rollout)
        fleet(stack, chat, rollout=Rollout(strategy="all_at_once", alarms=("Shared",)))

        synthesized = template()
        _, endpoint = only(synthesized, "AWS::SageMaker::Endpoint")
        (policy,) = [synthesized.to_json()["Resources"][each]["Properties"] for each in endpoint["DependsOn"]]
        assert policy["PolicyDocument"]["Statement"] == [
            {
                "Action": "cloudwatch:DescribeAlarms",
                "Effect": "Allow",
                "Resource": f"arn:aws:cloudwatch:us-east-1:111111111111:alarm:{name}",
            }
            for name in ("Shared", "TheirAlarm")
        ]

    def test_all_of_it_can_be_said(self, stack: cdk.Stack, template: Synthesize) -> None:
        rollout = CopyRollout(step_copies=2, wait=0, maximum_execution=600, rollback_percent=50, alarms=("TheirAlarm",))

        assert self.deployed(stack, template, rollout) == {
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "TheirAlarm"}]},
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 2},
                "MaximumExecutionTimeoutInSeconds": 600,
                "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 0,
            },
        }

    def test_no_alarm_at_all_is_a_choice(self, stack: cdk.Stack, template: Synthesize) -> None:
        assert "AutoRollbackConfiguration" not in self.deployed(stack, template, CopyRollout(alarms=()))
        template().resource_count_is(ALARM, 0)


class TestScaling:
    def test_copies_follow_rates_use_steps_and_the_clock(self, stack: cdk.Stack, template: Synthesize) -> None:
        scaling = CopyScaling(
            max=8,
            max_requests_per_second=20,
            cpu_utilization=70,
            gpu_utilization=80,
            steps=(
                CopyStepScaling(
                    name="Busy",
                    metric="CPUUtilizationNormalized",
                    threshold=90,
                    steps=(StepAdjustment(lower=0, change=2),),
                ),
                CopyStepScaling(
                    name="Slow", metric="ModelLatency", threshold=5e5, steps=(StepAdjustment(lower=0, change=1),)
                ),
            ),
            schedules=(ScheduledCopies(name="Night", schedule="cron(0 22 * * ? *)", min=0, max=1),),
        )
        fleet(stack, ComponentSpecification(model=TORCH, min_memory_mb=512, autoscaling=scaling))

        synthesized = template()
        policies = {
            each["Properties"]["PolicyName"]: each["Properties"]
            for each in synthesized.find_resources("AWS::ApplicationAutoScaling::ScalingPolicy").values()
        }
        tracked = {
            name: each["TargetTrackingScalingPolicyConfiguration"]
            for name, each in policies.items()
            if each["PolicyType"] == "TargetTrackingScaling"
        }
        assert {name: each["TargetValue"] for name, each in tracked.items()} == {
            "SageMakerInferenceComponentInvocationsPerCopy": 600,
            "CPUUtilizationNormalized": 70,
            "GPUUtilizationNormalized": 80,
        }
        assert tracked["GPUUtilizationNormalized"]["CustomizedMetricSpecification"] == {
            "Namespace": "/aws/sagemaker/InferenceComponents",
            "MetricName": "GPUUtilizationNormalized",
            "Dimensions": [{"Name": "InferenceComponentName", "Value": "chat"}],
            "Statistic": "Average",
        }
        assert policies.keys() - tracked.keys() == {"Busy", "Slow", "NoCapacityInvocationFailures"}
        watched = {each["MetricName"]: each for each in alarms(synthesized, "InferenceComponentschat").values()}
        assert watched["CPUUtilizationNormalized"]["Namespace"] == "/aws/sagemaker/InferenceComponents"
        assert watched["ModelLatency"]["Namespace"] == "AWS/SageMaker"
        assert {str(dimensions(each)) for each in watched.values()} == {"{'InferenceComponentName': 'chat'}"}
        (action,) = properties(synthesized, "AWS::ApplicationAutoScaling::ScalableTarget")["ScheduledActions"]
        assert action["ScalableTargetAction"] == {"MinCapacity": 0, "MaxCapacity": 1}
        assert list(violations(dict(synthesized.to_json()))) == []
