"""The endpoint that inference components share, in templates: its alarms, captures, instances and rollouts."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk.assertions import Template
from syrupy.assertion import SnapshotAssertion

from constructs_lib.sagemaker import (
    ComponentSpecification,
    CopyScaling,
    DataCapture,
    InferenceDashboard,
    ManagedInstanceScaling,
    Monitoring,
    Rollout,
)
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from tests.snapshot.component_endpoints import alarms, dimensions, fleet
from tests.snapshot.conftest import FIXED, ROOT, new_app, only
from tests.snapshot.endpoint_templates import Synthesize, hold_against_the_service, properties
from tests.snapshot.masked_json import MaskedJson
from tests.snapshot.model_group_stacks import TORCH


def test_the_template_of_the_example_is_as_it_was(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    settings = load_settings(ROOT / "examples" / "inference-components" / "around.yaml")
    stack = InferenceStack(new_app(tmp_path), "InferenceStack", settings=settings, env=FIXED)

    assert Template.from_stack(stack).to_json() == snapshot(extension_class=MaskedJson)


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
        hold_against_the_service(synthesized)

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
        hold_against_the_service(synthesized)

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
