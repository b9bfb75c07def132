"""The stack of the settings: roles, names, outputs and what AWS's own checks say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk.assertions import Template
from syrupy.assertion import SnapshotAssertion

from constructs_lib.sagemaker import Autoscaling
from stacks.inference_stack import InferenceStack
from stacks.settings import Settings, load_settings
from tests.snapshot.conftest import FIXED, ROOT, new_app, only, statements
from tests.snapshot.lint_findings import lint_findings
from tests.snapshot.masked_json import MaskedJson
from tests.snapshot.stack_templates import DEFAULT, digits, synthesize

IMAGE_AGE = (
    "WARNING AWS ended security patches of the image 'pytorch-inference:2.6.0-cpu-py312' on 2026-06-30; it patches no newer "
    "one for cpu on x86_64: set 'image' to one that you keep patched, or acknowledge this warning (Annotation)"
)


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The default stack, in a fixed environment."""
    return synthesize(tmp_path_factory.mktemp("default"), load_settings(DEFAULT))


@pytest.fixture(scope="module")
def anywhere(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The default stack, in whatever account and region it is deployed to."""
    return synthesize(tmp_path_factory.mktemp("anywhere"), load_settings(DEFAULT), env=None)


def test_the_default_template_is_as_it_was(default: Template, snapshot: SnapshotAssertion) -> None:
    assert default.to_json() == snapshot(extension_class=MaskedJson)


def test_only_sagemaker_takes_on_the_role(default: Template) -> None:
    _, role = only(default, "AWS::IAM::Role")

    assert role["Properties"] == {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}
            ],
        }
    }


def test_the_role_may_do_what_this_model_needs_and_nothing_else(default: Template) -> None:
    _, model = only(default, "AWS::SageMaker::Model")
    s3_object = model["Properties"]["PrimaryContainer"]["ModelDataUrl"].removeprefix("s3://")
    logs = "arn:aws:logs:us-east-1:111111111111:log-group:/aws/sagemaker/Endpoints/digits"

    assert re.fullmatch(r"cdk-hnb659fds-assets-111111111111-us-east-1/[0-9a-f]{64}\.gz", s3_object)
    assert statements(default) == [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{s3_object}",
        },
        {
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": "arn:aws:ecr:us-east-1:763104351884:repository/pytorch-inference",
        },
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": [logs, f"{logs}:*"],
        },
        {
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringLike": {"cloudwatch:namespace": ["AWS/SageMaker", "/aws/sagemaker/*"]}},
        },
    ]


def test_only_the_endpoint_has_a_name(default: Template) -> None:
    named = {
        key: resource["Properties"][key]
        for resource in default.to_json()["Resources"].values()
        for key in ("EndpointName", "EndpointConfigName", "ModelName", "RoleName")
        if isinstance(resource["Properties"].get(key), str)
    }

    assert named == {"EndpointName": "digits"}


def test_the_model_waits_for_the_policy_that_names_its_artifact(default: Template) -> None:
    policy_id, policy = only(default, "AWS::IAM::Policy")
    role_id, _ = only(default, "AWS::IAM::Role")
    _, model = only(default, "AWS::SageMaker::Model")

    assert model["DependsOn"] == [policy_id]
    assert policy["Properties"]["Roles"] == [{"Ref": role_id}]
    assert model["Properties"]["ExecutionRoleArn"] == {"Fn::GetAtt": [role_id, "Arn"]}


def test_another_artifact_gets_another_policy_and_the_same_role(default: Template, tmp_path: Path) -> None:
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_text("")

    other = synthesize(tmp_path / "cdk.out", digits(str(tmp_path / "model")))

    assert only(other, "AWS::IAM::Role")[0] == only(default, "AWS::IAM::Role")[0]
    assert only(other, "AWS::IAM::Policy")[0] != only(default, "AWS::IAM::Policy")[0]
    names = [only(each, "AWS::IAM::Policy")[1]["Properties"]["PolicyName"] for each in (other, default)]
    assert names[0] != names[1]


def test_the_same_settings_give_the_same_bytes(tmp_path: Path) -> None:
    texts = []
    for run in ("first", "second"):
        app = new_app(tmp_path / run)
        for env in (FIXED, None):
            name = "Fixed" if env else "Anywhere"
            InferenceStack(app, name, settings=load_settings(DEFAULT), env=env)
        app.synth()
        files = sorted((tmp_path / run).glob("*.json"))
        texts.append({file.name: file.read_bytes() for file in files if file.name != "tree.json"})

    assert "Fixed.template.json" in texts[0]
    assert texts[0] == texts[1]


def test_the_outputs_are_name_and_arn_of_the_endpoint(default: Template) -> None:
    endpoint_id, _ = only(default, "AWS::SageMaker::Endpoint")

    assert default.to_json()["Outputs"] == {
        "digitsEndpointName": {"Value": {"Fn::GetAtt": [endpoint_id, "EndpointName"]}},
        "digitsEndpointArn": {"Value": {"Ref": endpoint_id}},
    }


def test_two_endpoints_share_one_upload_and_one_table_of_registries(tmp_path: Path) -> None:
    one = digits().endpoints["digits"]
    template = synthesize(tmp_path, Settings(endpoints={"digits": one, "more-digits": one}), env=None)

    models = template.find_resources("AWS::SageMaker::Model").values()
    assert len(models) == 2
    assert len({json.dumps(model["Properties"]["PrimaryContainer"]) for model in models}) == 1
    assert len(list(tmp_path.glob("asset.*"))) == 1
    assert len(template.to_json()["Mappings"]) == 1
    template.resource_count_is("AWS::IAM::Role", 2)
    assert set(template.to_json()["Outputs"]) == {
        "digitsEndpointName",
        "digitsEndpointArn",
        "moredigitsEndpointName",
        "moredigitsEndpointArn",
    }


@pytest.mark.parametrize(
    "name",
    ["BootstrapVersion", "CheckBootstrapVersion", "CDKMetadata", "Default", "Resource", "Endpoints", "1", "a" * 63],
)
def test_an_endpoint_may_have_any_name_that_sagemaker_takes(name: str, tmp_path: Path) -> None:
    one = digits(autoscaling=Autoscaling(max=2, invocations_per_instance=60)).endpoints["digits"]
    template = synthesize(tmp_path, Settings(endpoints={name: one, "x": one, "xEndpointName": one}), env=None)

    template.has_resource_properties("AWS::SageMaker::Endpoint", {"EndpointName": name})
    template.resource_count_is("AWS::SageMaker::Endpoint", 3)


def test_without_a_fixed_region_a_mapping_gives_the_registry(anywhere: Template) -> None:
    ((name, registries),) = anywhere.to_json()["Mappings"].items()
    _, model = only(anywhere, "AWS::SageMaker::Model")
    account = {"Fn::FindInMap": [name, {"Ref": "AWS::Region"}, "Account"]}
    region = {"Ref": "AWS::Region"}

    assert model["Properties"]["PrimaryContainer"]["Image"] == {
        "Fn::Join": [
            "",
            [account, ".dkr.ecr.", region, ".", {"Ref": "AWS::URLSuffix"}, "/pytorch-inference:2.6.0-cpu-py312"],
        ]
    }
    assert registries["us-east-1"] == {"Account": "763104351884"}
    assert registries["il-central-1"] == {"Account": "780543022126"}
    assert registries["cn-north-1"] == {"Account": "727897471807"}


def test_without_a_fixed_region_the_role_pulls_from_the_registry_of_the_mapping(anywhere: Template) -> None:
    ((name, _),) = anywhere.to_json()["Mappings"].items()
    (pull,) = [statement for statement in statements(anywhere) if "ecr:BatchGetImage" in statement["Action"]]

    assert pull["Resource"] == {
        "Fn::Join": [
            "",
            [
                "arn:",
                {"Ref": "AWS::Partition"},
                ":ecr:",
                {"Ref": "AWS::Region"},
                ":",
                {"Fn::FindInMap": [name, {"Ref": "AWS::Region"}, "Account"]},
                ":repository/pytorch-inference",
            ],
        ]
    }


def test_no_token_is_left_unresolved(default: Template, anywhere: Template) -> None:
    for template in (default, anywhere):
        assert "${Token[" not in json.dumps(template.to_json())


@pytest.mark.parametrize("region", ["us-east-1", None], ids=["fixed", "anywhere"])
def test_neither_the_cdk_nor_cfn_lint_finds_more_than_the_images_age(region: str | None, tmp_path: Path) -> None:
    """The validation of the CDK is on here, in a process of its own, as it is for users."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CDK_")}
    if region:
        environment |= {"CDK_DEFAULT_REGION": region, "CDK_DEFAULT_ACCOUNT": "111111111111"}

    finished = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**environment, "CDK_OUTDIR": str(tmp_path), "CDK_CONTEXT_JSON": json.dumps(context)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (finished.returncode, finished.stdout) == (0, "")
    assert re.findall("^(?:WARNING|ERROR) .*", finished.stderr, re.MULTILINE) == [IMAGE_AGE]
    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    found = [violation for plugin in report["pluginReports"] for violation in plugin.get("violations", ())]
    assert len(found) == 1
    assert "inference:image-end-of-patch" in json.dumps(found)
    template = (tmp_path / "InferenceStack.template.json").read_text(encoding="utf-8")
    assert lint_findings(template, region=region or "us-east-1") == []
