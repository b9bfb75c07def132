"""Models with images of their own, in VPCs, isolated, and encrypted: the template, and what the role may do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Match, Template

from constructs_lib.sagemaker import Model
from constructs_lib.sagemaker.vpc import ModelVpcEndpoints, vpc_config
from constructs_lib.serving.models import AnyModel, ContainerModel, PyTorchModel
from constructs_lib.serving.network import PrivateRegistry, VpcConfig
from constructs_lib.serving.problems import InvalidValueError
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from tests.snapshot.conftest import FIXED, Json, new_app, only, statements

SUBNET, GROUP = "subnet-0123456789abcdef0", "sg-0123456789abcdef0"
VPC = VpcConfig(subnets=(SUBNET,), security_group_ids=(GROUP,))
FUNCTION = "arn:aws:lambda:us-east-1:111111111111:function:credentials"
KEY = "arn:aws:kms:us-east-1:111111111111:key/0123-abcd"
S3 = "s3://my-models/model.tar.gz"


def properties(stack: cdk.Stack, model: AnyModel, instance_type: str = "ml.c6i.large") -> tuple[Json, list[Json]]:
    """Give the properties of the model in the template, and what its role may do."""
    Model(stack, "Model", model=model, instance_type=instance_type)
    template = Template.from_stack(stack)
    _, found = only(template, "AWS::SageMaker::Model")
    return found["Properties"], statements(template)


def allowed(statements: list[Json], action: str) -> list[object]:
    return [each["Resource"] for each in statements if action in each["Action"]]


def test_nothing_is_said_of_the_network_unless_asked(stack: cdk.Stack) -> None:
    found, role = properties(stack, PyTorchModel(artifact=S3))

    assert {"VpcConfig", "EnableNetworkIsolation"}.isdisjoint(found)
    assert "ImageConfig" not in found["PrimaryContainer"]
    assert allowed(role, "ec2:CreateNetworkInterface") == allowed(role, "kms:Decrypt") == []


def test_an_isolated_model_in_a_vpc(stack: cdk.Stack) -> None:
    found, role = properties(stack, PyTorchModel(artifact=S3, vpc=VPC, network_isolation=True))

    assert found["EnableNetworkIsolation"] is True
    assert found["VpcConfig"] == {"Subnets": [SUBNET], "SecurityGroupIds": [GROUP]}
    ec2_arn = "arn:aws:ec2:us-east-1:111111111111"
    assert [
        f"{ec2_arn}:network-interface/*",
        f"{ec2_arn}:subnet/{SUBNET}",
        f"{ec2_arn}:security-group/{GROUP}",
    ] in allowed(role, "ec2:CreateNetworkInterface")
    assert allowed(role, "ec2:CreateNetworkInterfacePermission") == [f"{ec2_arn}:network-interface/*"]
    assert allowed(role, "ec2:DescribeSubnets") == ["*"]


def test_a_vpc_of_the_same_app_is_referred_to(stack: cdk.Stack) -> None:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=0)
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc)
    isolated = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)

    found, _ = properties(
        stack, PyTorchModel(artifact=S3, vpc=vpc_config(vpc, security_groups=[group], subnets=isolated))
    )

    assert len(found["VpcConfig"]["Subnets"]) == 2
    assert all("Ref" in subnet for subnet in found["VpcConfig"]["Subnets"])
    assert found["VpcConfig"]["SecurityGroupIds"] == [{"Fn::GetAtt": [logical_id_of(stack, group), "GroupId"]}]


def logical_id_of(stack: cdk.Stack, group: ec2.SecurityGroup) -> str:
    child = group.node.default_child
    assert isinstance(child, cdk.CfnElement)
    return str(stack.resolve(child.logical_id))


def test_the_endpoints_of_a_closed_vpc_are_made_on_request(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=0)
    ModelVpcEndpoints(stack, "Endpoints", vpc=vpc, services=["lambda", "sagemaker.runtime"])

    synthesized = template()
    synthesized.resource_count_is("AWS::EC2::VPCEndpoint", 3)
    synthesized.has_resource_properties("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"})
    for service in ("lambda", "sagemaker.runtime"):
        synthesized.has_resource_properties(
            "AWS::EC2::VPCEndpoint",
            {"VpcEndpointType": "Interface", "ServiceName": f"com.amazonaws.us-east-1.{service}"},
        )


def test_fails_at_a_service_without_an_endpoint(stack: cdk.Stack) -> None:
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["us-east-1a"])

    with pytest.raises(InvalidValueError) as raised:
        ModelVpcEndpoints(stack, "Endpoints", vpc=vpc, services=["s3", "sts", "sts"])  # type: ignore[list-item]

    assert str(raised.value) == (
        "ModelVpcEndpoints: 'services.0' must be one of ecr.api, ecr.dkr, kms, lambda, logs, monitoring, "
        "sagemaker.runtime, sts, got 's3'\n"
        "ModelVpcEndpoints: 'services.2' is 'sts' again; give each once"
    )
    assert "Endpoints" not in [child.node.id for child in stack.node.children]


def test_a_private_registry_is_asked_through_the_vpc(stack: cdk.Stack) -> None:
    registry = PrivateRegistry(credentials_function_arn=FUNCTION)
    found, role = properties(
        stack, ContainerModel(image="registry.example.com/mine:1", vpc=VPC, private_registry=registry)
    )

    assert found["PrimaryContainer"]["ImageConfig"] == {
        "RepositoryAccessMode": "Vpc",
        "RepositoryAuthConfig": {"RepositoryCredentialsProviderArn": FUNCTION},
    }
    assert allowed(role, "lambda:InvokeFunction") == [FUNCTION]
    assert allowed(role, "ecr:BatchGetImage") == []


def test_a_private_registry_may_ask_for_no_credentials(stack: cdk.Stack) -> None:
    found, role = properties(
        stack, ContainerModel(image="registry.example.com/mine:1", vpc=VPC, private_registry=PrivateRegistry())
    )

    assert found["PrimaryContainer"]["ImageConfig"] == {"RepositoryAccessMode": "Vpc"}
    assert allowed(role, "lambda:InvokeFunction") == []


def test_the_role_may_decrypt_the_artifact(stack: cdk.Stack) -> None:
    _, role = properties(stack, PyTorchModel(artifact=S3, artifact_kms_key_arn=KEY))

    assert allowed(role, "kms:Decrypt") == [KEY]


@pytest.mark.parametrize(
    ("instance_type", "platform"), [("ml.c6i.large", "linux/amd64"), ("ml.c7g.large", "linux/arm64")]
)
def test_an_image_is_built_from_a_dockerfile_for_the_instance(
    stack: cdk.Stack, tmp_path: Path, instance_type: str, platform: str
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\n")
    model = ContainerModel(dockerfile_directory=str(tmp_path / "app"))

    found, role = properties(stack, model, instance_type)

    image = found["PrimaryContainer"]["Image"]
    assert "cdk-hnb659fds-container-assets-111111111111-us-east-1:" in str(image)
    assert allowed(role, "ecr:BatchGetImage") == [
        "arn:aws:ecr:us-east-1:111111111111:repository/cdk-hnb659fds-container-assets-111111111111-us-east-1"
    ]
    manifest = (Path(stack.node.root.outdir) / "TheirStack.assets.json").read_text()  # type: ignore[attr-defined]
    assert f'"platform": "{platform}"' in manifest


def test_fails_at_a_missing_dockerfile_before_anything_is_built(stack: cdk.Stack, tmp_path: Path) -> None:
    with pytest.raises(
        InvalidValueError, match=r"^ContainerModel: 'dockerfile_directory' has no file called 'Dockerfile'"
    ):
        Model(stack, "Model", model=ContainerModel(dockerfile_directory=str(tmp_path)), instance_type="ml.c6i.large")

    assert stack.node.children == []


def test_the_settings_have_the_same_keys(tmp_path: Path) -> None:
    (tmp_path / "inference.yaml").write_text(f"""\
endpoints:
  one:
    model:
      framework: pytorch
      artifact: {S3}
      artifact_kms_key_arn: {KEY}
      network_isolation: true
      vpc: {{subnets: [{SUBNET}], security_group_ids: [{GROUP}]}}
    instance_type: ml.c6i.large
""")
    settings = load_settings(tmp_path / "inference.yaml")
    template = Template.from_stack(
        InferenceStack(new_app(tmp_path / "cdk.out"), "InferenceStack", settings=settings, env=FIXED)
    )

    template.has_resource_properties(
        "AWS::SageMaker::Model", {"EnableNetworkIsolation": True, "VpcConfig": Match.object_like({"Subnets": [SUBNET]})}
    )
