"""Production variants: the templates that they give."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from constructs_lib.sagemaker import (
    Autoscaling,
    DataCapture,
    EndpointConfig,
    InferenceEndpoint,
    InstanceVariant,
    Model,
)
from constructs_lib.serving.models import LargeLanguageModel
from tests.snapshot.conftest import only
from tests.snapshot.endpoint_templates import (
    CPU,
    GPU,
    OTHER,
    OWN,
    PYTORCH,
    Synthesize,
    allowed,
    config,
    enumerated,
    hold_against_the_service,
    properties,
)


class TestVariants:
    def test_each_has_its_own_instances_weight_and_scaling(self, stack: cdk.Stack, template: Synthesize) -> None:
        InferenceEndpoint(
            stack,
            "Ranking",
            model=OWN,
            variants=[
                InstanceVariant(
                    name="A",
                    instance_type=CPU,
                    weight=3,
                    autoscaling=Autoscaling(max=4, invocations_per_instance=60),
                ),
                InstanceVariant(
                    name="B",
                    instance_type="ml.m6i.large",
                    instance_count=2,
                    routing_strategy="LEAST_OUTSTANDING_REQUESTS",
                    model_data_download_timeout=600,
                    container_startup_timeout=900,
                    instance_provision_timeout=1200,
                    volume_size_gb=64,
                    inference_ami_version="al2-ami-sagemaker-inference-gpu-2",
                ),
            ],
        )

        synthesized = template()
        model_id, _ = only(synthesized, "AWS::SageMaker::Model")
        name = {"Fn::GetAtt": [model_id, "ModelName"]}
        assert config(synthesized)["ProductionVariants"] == [
            {
                "VariantName": "A",
                "ModelName": name,
                "InstanceType": CPU,
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 3,
            },
            {
                "VariantName": "B",
                "ModelName": name,
                "InstanceType": "ml.m6i.large",
                "InitialInstanceCount": 2,
                "InitialVariantWeight": 1,
                "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
                "ModelDataDownloadTimeoutInSeconds": 600,
                "ContainerStartupHealthCheckTimeoutInSeconds": 900,
                "VariantInstanceProvisionTimeoutInSeconds": 1200,
                "VolumeSizeInGB": 64,
                "InferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-2",
            },
        ]
        synthesized.resource_count_is("AWS::ApplicationAutoScaling::ScalableTarget", 1)
        hold_against_the_service(synthesized)

    def test_counts_are_retained_and_weights_are_not(self, stack: cdk.Stack, template: Synthesize) -> None:
        scaling = Autoscaling(max=4, invocations_per_instance=60)
        variants = [InstanceVariant(name=name, instance_type=CPU, autoscaling=scaling) for name in ("A", "B")]
        InferenceEndpoint(stack, "Ranking", model=OWN, variants=variants)

        endpoint = properties(template(), "AWS::SageMaker::Endpoint")
        assert endpoint["RetainAllVariantProperties"] is True
        assert endpoint["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DesiredWeight"}]

    def test_one_model_per_distinct_model_and_kind_of_host(self, stack: cdk.Stack, template: Synthesize) -> None:
        endpoint = InferenceEndpoint(
            stack,
            "Ranking",
            model=PYTORCH,
            variants=[
                InstanceVariant(name="Small", instance_type=CPU),
                InstanceVariant(name="Large", instance_type="ml.c6i.4xlarge"),
                InstanceVariant(name="Gpu", instance_type=GPU),
                InstanceVariant(name="Other", instance_type=CPU, model=OTHER),
            ],
        )

        assert endpoint.models["Small"] is endpoint.models["Large"] is endpoint.model
        assert len(set(endpoint.models.values())) == 3
        assert [model.node.id for model in dict.fromkeys(endpoint.models.values())] == [
            "Model",
            "GpuModel",
            "OtherModel",
        ]
        images = [
            resource["Properties"]["PrimaryContainer"]["Image"]
            for resource in template().find_resources("AWS::SageMaker::Model").values()
        ]
        assert [image.rpartition("/")[2] for image in images] == [
            "pytorch-inference:2.6.0-cpu-py312",
            "pytorch-inference:2.6.0-gpu-py312",
            "other:1",
        ]

    def test_a_language_model_is_another_one_on_another_number_of_accelerators(
        self, stack: cdk.Stack, template: Synthesize
    ) -> None:
        variants = [
            InstanceVariant(name="One", instance_type="ml.g5.xlarge"),
            InstanceVariant(name="OneToo", instance_type="ml.g5.2xlarge"),
            InstanceVariant(name="Eight", instance_type="ml.g5.48xlarge"),
        ]
        InferenceEndpoint(stack, "Llm", model=LargeLanguageModel(model_id="mine/model"), variants=variants)

        template().resource_count_is("AWS::SageMaker::Model", 2)

    def test_its_core_dumps_go_where_its_role_may_write(self, stack: cdk.Stack, template: Synthesize) -> None:
        dumps = "s3://their-bucket/dumps/"
        variant = InstanceVariant(instance_type=CPU, enable_ssm_access=True, core_dumps=dumps)
        InferenceEndpoint(stack, "Debugged", model=OWN, variants=[variant])

        synthesized = template()
        (found,) = config(synthesized)["ProductionVariants"]
        assert found["EnableSSMAccess"] is True
        assert found["CoreDumpConfig"] == {"DestinationS3Uri": dumps}
        write = ["s3:PutObject", "s3:AbortMultipartUpload"]
        assert (write, "arn:aws:s3:::their-bucket/dumps/*") in allowed(synthesized)
        hold_against_the_service(synthesized)

    def test_variants_that_share_a_model_share_its_rights(self, stack: cdk.Stack, template: Synthesize) -> None:
        bucket = s3.Bucket(stack, "Bucket")
        own, other = f"s3://{bucket.bucket_name}/x/", "s3://their-bucket/x/"
        variants = [InstanceVariant(name=n, instance_type=CPU, core_dumps=place) for n, place in enumerated(own, other)]
        InferenceEndpoint(stack, "Debugged", model=OWN, variants=variants, data_capture=DataCapture(destination=own))

        template().resource_count_is("AWS::IAM::Policy", 2)

    def test_a_configuration_of_its_own_maps_variants_to_models(self, stack: cdk.Stack, template: Synthesize) -> None:
        EndpointConfig(
            stack,
            "Config",
            model=Model.from_model_name("one"),
            models={"B": Model.from_model_name("two")},
            variants=[InstanceVariant(name=name, instance_type=CPU) for name in ("A", "B")],
        )

        variants = config(template())["ProductionVariants"]
        assert [variant["ModelName"] for variant in variants] == ["one", "two"]
