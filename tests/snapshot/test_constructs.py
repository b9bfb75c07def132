"""The constructs in another team's stack: what they take, what they grant, and what they refuse."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from constructs_lib.sagemaker import Autoscaling, Endpoint, EndpointConfig, InferenceEndpoint, InstanceVariant, Model
from constructs_lib.sagemaker.endpoint import IEndpoint
from constructs_lib.serving.archive import ArchiveError
from constructs_lib.serving.images import ImageNotFoundError
from constructs_lib.serving.instances import InstanceType, InstanceTypeError
from constructs_lib.serving.models import AnyModel, ContainerModel, OnnxModel, PyTorchModel
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.regions import RegionError
from tests.snapshot.conftest import FIXED, MODEL, Json, only, statements

ARCHIVE = "s3://my-models/model.tar.gz"
OWN_IMAGE = ContainerModel(image="example/mine:1")


def served(stack: cdk.Stack, model: AnyModel) -> Model:
    return Model(stack, "Model", model=model, instance_type="ml.c6i.large")


def container(template: Template) -> Json:
    _, model = only(template, "AWS::SageMaker::Model")
    found: Json = model["Properties"]["PrimaryContainer"]
    return found


def allowed(template: Template, action: str) -> list[Json]:
    return [each for each in statements(template) if action in each["Action"]]


def tree(stack: cdk.Stack) -> list[str]:
    return [node.node.path for node in stack.node.find_all()]


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

        assert "/pytorch-inference-arm64:" in model.image_uri
        assert container(template())["Image"] == model.image_uri

    def test_variables_reach_the_container(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        served(stack, ContainerModel(image="example/mine:1", environment={"OMP_NUM_THREADS": "1"}))

        assert container(template())["Environment"] == {"OMP_NUM_THREADS": "1"}


class TestRoles:
    def test_a_role_of_the_stack_gets_the_permissions_and_the_model_waits_for_them(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        role = iam.Role(stack, "TheirRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        Model(stack, "Model", model=PyTorchModel(artifact=ARCHIVE), instance_type="ml.c6i.large", role=role)

        synthesized = template()
        role_id, _ = only(synthesized, "AWS::IAM::Role")
        policy_id, policy = only(synthesized, "AWS::IAM::Policy")
        _, model = only(synthesized, "AWS::SageMaker::Model")
        assert policy["Properties"]["Roles"] == [{"Ref": role_id}]
        assert len(allowed(synthesized, "s3:GetObject")) == 1
        assert len(allowed(synthesized, "ecr:BatchGetImage")) == 1
        assert model["Properties"]["ExecutionRoleArn"] == {"Fn::GetAtt": [role_id, "Arn"]}
        assert policy_id in model["DependsOn"]

    def test_a_given_role_may_call_the_endpoint_that_it_executes(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        role = iam.Role(stack, "TheirRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        served = InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large", role=role)

        served.grant_invoke(role)

        synthesized = template()  # which fails where resources wait for each other in a circle
        synthesized.resource_count_is("AWS::IAM::Policy", 2)
        _, model = only(synthesized, "AWS::SageMaker::Model")
        assert len(model["DependsOn"]) == 1

    def test_an_imported_role_gets_the_permissions_and_the_model_waits_for_them(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        role = iam.Role.from_role_arn(stack, "TheirRole", "arn:aws:iam::111111111111:role/serving")
        Model(stack, "Model", model=PyTorchModel(artifact=ARCHIVE), instance_type="ml.c6i.large", role=role)

        synthesized = template()
        policy_id, policy = only(synthesized, "AWS::IAM::Policy")
        _, model = only(synthesized, "AWS::SageMaker::Model")
        synthesized.resource_count_is("AWS::IAM::Role", 0)
        assert policy["Properties"]["Roles"] == ["serving"]
        assert model["Properties"]["ExecutionRoleArn"] == "arn:aws:iam::111111111111:role/serving"
        assert model["DependsOn"] == [policy_id]

    def test_an_imported_role_that_may_not_be_changed_is_used_as_it_is(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        arn = "arn:aws:iam::111111111111:role/serving"
        role = iam.Role.from_role_arn(stack, "TheirRole", arn, mutable=False)
        Model(stack, "Model", model=PyTorchModel(artifact=ARCHIVE), instance_type="ml.c6i.large", role=role)

        synthesized = template()
        synthesized.resource_count_is("AWS::IAM::Policy", 0)
        synthesized.has_resource_properties("AWS::SageMaker::Model", {"ExecutionRoleArn": arn})

    def test_the_made_role_can_be_given_more(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        bucket = s3.Bucket.from_bucket_name(stack, "Lookup", "lookup-tables")
        model = served(stack, PyTorchModel(artifact=ARCHIVE))

        bucket.grant_read(model.role)

        synthesized = template()
        role_id, _ = only(synthesized, "AWS::IAM::Role")
        policies = synthesized.find_resources("AWS::IAM::Policy").values()
        assert [policy["Properties"]["Roles"] for policy in policies] == [[{"Ref": role_id}]] * 2

    def test_a_role_without_an_endpoints_name_may_write_the_logs_of_any(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        served(stack, OWN_IMAGE)

        assert "log-group:/aws/sagemaker/Endpoints/*" in json.dumps(allowed(template(), "logs:PutLogEvents"))

    def test_no_managed_policy_is_attached(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        served(stack, OWN_IMAGE)

        template().has_resource_properties("AWS::IAM::Role", {"ManagedPolicyArns": Match.absent()})


class TestImports:
    def test_an_imported_model_and_configuration_are_used_by_their_names(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        config = EndpointConfig(
            stack,
            "Config",
            model=Model.from_model_name("their-model"),
            variants=[
                InstanceVariant(instance_type="ml.c6i.large", name="blue", weight=3),
                InstanceVariant(instance_type="ml.c6i.large", name="green", instance_count=2),
            ],
        )
        Endpoint(stack, "Endpoint", endpoint_config=config)
        Endpoint(stack, "Other", endpoint_config=EndpointConfig.from_endpoint_config_name("their-config"))

        synthesized = template()
        config_id, definition = only(synthesized, "AWS::SageMaker::EndpointConfig")
        assert [
            (each["VariantName"], each["ModelName"], each["InitialInstanceCount"], each["InitialVariantWeight"])
            for each in definition["Properties"]["ProductionVariants"]
        ] == [("blue", "their-model", 1, 3), ("green", "their-model", 2, 1)]
        configs = [
            endpoint["Properties"] for endpoint in synthesized.find_resources("AWS::SageMaker::Endpoint").values()
        ]
        assert {"EndpointConfigName": {"Fn::GetAtt": [config_id, "EndpointConfigName"]}} in configs
        assert {"EndpointConfigName": "their-config"} in configs

    def test_an_endpoint_is_imported_by_its_name_which_its_arn_has_in_lower_case(self, stack: cdk.Stack) -> None:
        endpoint = Endpoint.from_endpoint_name(stack, "Digits-A")

        assert endpoint.endpoint_name == "Digits-A"
        assert stack.resolve(endpoint.endpoint_arn) == "arn:aws:sagemaker:us-east-1:111111111111:endpoint/digits-a"

    def test_an_endpoint_is_imported_by_its_arn_from_any_account(self, stack: cdk.Stack) -> None:
        arn = "arn:aws-cn:sagemaker:cn-north-1:222222222222:endpoint/digits"
        endpoint = Endpoint.from_endpoint_arn(stack, arn)

        assert (endpoint.endpoint_name, endpoint.endpoint_arn) == ("digits", arn)

    def test_an_endpoint_is_imported_by_an_arn_that_is_a_token(self, stack: cdk.Stack) -> None:
        endpoint = Endpoint.from_endpoint_arn(stack, cdk.Fn.import_value("TheirEndpoint"))

        assert stack.resolve(endpoint.endpoint_name) == {
            "Fn::Select": [1, {"Fn::Split": ["/", {"Fn::ImportValue": "TheirEndpoint"}]}]
        }

    @pytest.mark.parametrize(
        "arn",
        ["digits", "arn:aws:sagemaker:us-east-1:111111111111:model/digits", "arn:aws:sagemaker:us-east-1::endpoint/"],
    )
    def test_fails_at_what_is_no_endpoints_arn(self, arn: str, stack: cdk.Stack) -> None:
        with pytest.raises(InvalidValueError) as raised:
            Endpoint.from_endpoint_arn(stack, arn)

        assert str(raised.value) == (
            f"Endpoint: 'endpoint_arn' must look like arn:PARTITION:sagemaker:REGION:ACCOUNT:endpoint/NAME, got '{arn}'"
        )

    def test_fails_at_a_name_that_no_endpoint_has(self, stack: cdk.Stack) -> None:
        with pytest.raises(
            InvalidValueError, match=r"^Endpoint: 'endpoint_name' is 'my_digits' \(9 characters\), but "
        ):
            Endpoint.from_endpoint_name(stack, "my_digits")


def made(stack: cdk.Stack) -> IEndpoint:
    config = EndpointConfig.from_endpoint_config_name("their-config")
    return Endpoint(stack, "Endpoint", endpoint_config=config, endpoint_name="digits")


def made_in_one(stack: cdk.Stack) -> IEndpoint:
    return InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large", endpoint_name="digits")


def imported_by_name(stack: cdk.Stack) -> IEndpoint:
    return Endpoint.from_endpoint_name(stack, "digits")


def imported_by_arn(stack: cdk.Stack) -> IEndpoint:
    return Endpoint.from_endpoint_arn(stack, "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/digits")


EVERY_KIND = pytest.mark.parametrize("endpoint_of", [made, made_in_one, imported_by_name, imported_by_arn])


class TestGrants:
    @EVERY_KIND
    def test_grant_invoke_lets_somebody_call_this_endpoint(
        self, endpoint_of: Callable[[cdk.Stack], IEndpoint], stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        caller = iam.User(stack, "Caller")
        endpoint = endpoint_of(stack)
        expected = stack.resolve(endpoint.endpoint_arn)

        endpoint.grant_invoke(caller)

        callers = [
            policy["Properties"]["PolicyDocument"]["Statement"]
            for policy in template().find_resources("AWS::IAM::Policy").values()
            if "Users" in policy["Properties"]
        ]
        assert callers == [
            [
                {
                    "Effect": "Allow",
                    "Action": [
                        "sagemaker:InvokeEndpoint",
                        "sagemaker:InvokeEndpointAsync",
                        "sagemaker:InvokeEndpointWithResponseStream",
                    ],
                    "Resource": expected,
                }
            ]
        ]

    def test_the_arn_of_a_made_endpoint_waits_for_it(self, stack: cdk.Stack) -> None:
        assert "Ref" in stack.resolve(made(stack).endpoint_arn)
        assert "Fn::GetAtt" in stack.resolve(made_in_one(stack).endpoint_name)


INVOCATIONS, INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"


class TestMetrics:
    @pytest.mark.parametrize(
        ("method", "name", "statistic", "namespace"),
        [
            ("metric_invocations", "Invocations", "Sum", INVOCATIONS),
            ("metric_invocations_per_instance", "InvocationsPerInstance", "Sum", INVOCATIONS),
            ("metric_model_latency", "ModelLatency", "Average", INVOCATIONS),
            ("metric_overhead_latency", "OverheadLatency", "Average", INVOCATIONS),
            ("metric_invocation_4xx_errors", "Invocation4XXErrors", "Sum", INVOCATIONS),
            ("metric_invocation_5xx_errors", "Invocation5XXErrors", "Sum", INVOCATIONS),
            ("metric_invocation_model_errors", "InvocationModelErrors", "Sum", INVOCATIONS),
            ("metric_cpu_utilization", "CPUUtilization", "Average", INSTANCES),
            ("metric_memory_utilization", "MemoryUtilization", "Average", INSTANCES),
            ("metric_disk_utilization", "DiskUtilization", "Average", INSTANCES),
            ("metric_gpu_utilization", "GPUUtilization", "Average", INSTANCES),
            ("metric_gpu_memory_utilization", "GPUMemoryUtilization", "Average", INSTANCES),
        ],
    )
    def test_a_metric_has_sagemakers_name_and_the_statistic_it_is_read_with(
        self, method: str, name: str, statistic: str, namespace: str, stack: cdk.Stack
    ) -> None:
        metric: cloudwatch.Metric = getattr(imported_by_name(stack), method)()

        assert (metric.metric_name, metric.statistic, metric.namespace) == (name, statistic, namespace)
        assert metric.dimensions == {"EndpointName": "digits", "VariantName": "AllTraffic"}
        assert metric.period.to_seconds() == 300

    @EVERY_KIND
    def test_every_kind_of_endpoint_has_metrics_with_options_of_your_own(
        self, endpoint_of: Callable[[cdk.Stack], IEndpoint], stack: cdk.Stack
    ) -> None:
        endpoint = endpoint_of(stack)

        metric = endpoint.metric_model_latency(
            variant="blue", statistic="p99", period=cdk.Duration.minutes(1), label="slowest"
        )

        assert (metric.statistic, metric.period.to_seconds(), metric.label) == ("p99", 60, "slowest")
        assert metric.dimensions == {"EndpointName": endpoint.endpoint_name, "VariantName": "blue"}

    def test_any_other_metric_is_there_by_its_name(self, stack: cdk.Stack) -> None:
        metric = made(stack).metric("ModelSetupTime", statistic="Maximum")

        assert (metric.namespace, metric.metric_name, metric.statistic) == (INVOCATIONS, "ModelSetupTime", "Maximum")


class TestScaling:
    def test_each_variant_of_an_endpoint_scales_on_its_own(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        config = EndpointConfig.from_endpoint_config_name("their-config")
        endpoint = Endpoint(stack, "Endpoint", endpoint_config=config)
        endpoint.auto_scale_variant("blue", Autoscaling(max=2, invocations_per_instance=60))
        endpoint.auto_scale_variant("green", Autoscaling(max=3, invocations_per_instance=60))

        targets = template().find_resources("AWS::ApplicationAutoScaling::ScalableTarget").values()
        assert {
            target["Properties"]["ResourceId"]["Fn::Join"][1][-1]: target["Properties"]["MaxCapacity"]
            for target in targets
        } == {"/variant/blue": 2, "/variant/green": 3}

    def test_the_variants_of_a_configuration_scale_as_they_say(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        scaling = Autoscaling(max=2, invocations_per_instance=60)
        variants = [
            InstanceVariant(name="steady", instance_type="ml.c6i.large"),
            InstanceVariant(name="scaled", instance_type="ml.c6i.large", autoscaling=scaling),
        ]
        config = EndpointConfig(stack, "Config", model=Model.from_model_name("m"), variants=variants)
        Endpoint(stack, "Endpoint", endpoint_config=config)

        synthesized = template()
        _, target = only(synthesized, "AWS::ApplicationAutoScaling::ScalableTarget")
        assert target["Properties"]["ResourceId"]["Fn::Join"][1][-1] == "/variant/scaled"
        synthesized.has_resource_properties("AWS::SageMaker::Endpoint", {"RetainAllVariantProperties": True})

    def test_fails_at_a_variant_that_scales_already_or_is_not_there(self, stack: cdk.Stack) -> None:
        scaling = Autoscaling(max=2, invocations_per_instance=60)
        variant = InstanceVariant(name="blue", instance_type="ml.c6i.large", autoscaling=scaling)
        config = EndpointConfig(stack, "Config", model=Model.from_model_name("m"), variants=[variant])
        endpoint = Endpoint(stack, "Endpoint", endpoint_config=config)

        with pytest.raises(
            InvalidValueError, match=r"^Endpoint: 'variant_name' 'blue' scales already; give all of its"
        ):
            endpoint.auto_scale_variant("blue", scaling)
        with pytest.raises(InvalidValueError, match=r"'green' is not in the endpoint's configuration, which has blue$"):
            endpoint.auto_scale_variant("green", scaling)

    def test_counts_may_be_known_at_deployment_only(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        most = cdk.CfnParameter(stack, "Most", type="Number", default=4).value_as_number
        scaling = Autoscaling(max=most, invocations_per_instance=60)  # type: ignore[arg-type]
        InferenceEndpoint(
            stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large", instance_count=2, autoscaling=scaling
        )

        _, target = only(template(), "AWS::ApplicationAutoScaling::ScalableTarget")
        assert target["Properties"]["MaxCapacity"] == {"Ref": "Most"}


class TestInferenceEndpoint:
    def test_its_parts_can_be_reached(self, stack: cdk.Stack) -> None:
        scaling = Autoscaling(min=2, max=4, invocations_per_instance=60)
        endpoint = InferenceEndpoint(
            stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large", autoscaling=scaling
        )

        assert isinstance(endpoint.variant, InstanceVariant)
        assert endpoint.variant.initial_instance_count == 2
        assert endpoint.model.image_uri == "example/mine:1"
        assert endpoint.endpoint_config.variants == (endpoint.variant,)
        assert endpoint.role.role_arn

    def test_cloudformation_names_an_endpoint_without_a_name(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large")

        template().has_resource_properties("AWS::SageMaker::Endpoint", {"EndpointName": Match.absent()})

    def test_every_resource_is_the_default_child_of_its_construct(self, stack: cdk.Stack) -> None:
        endpoint = InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large")

        types = [
            part.node.default_child.cfn_resource_type  # type: ignore[union-attr]
            for part in (endpoint.model, endpoint.endpoint_config, endpoint)
        ]
        assert types == ["AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint"]


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
                "InferenceEndpoint: 'endpoint_name' is 'my_digits' (9 characters), but SageMaker allows 1 to 63 letters, "
                "digits and hyphens, with no hyphen at either end; for example 'my-digits'\n"
                "InferenceEndpoint: 'instance_type' 'c6i.large' lacks the prefix 'ml.'; did you mean 'ml.c6i.large'?",
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
