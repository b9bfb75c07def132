"""Charts on a cluster in templates, and what their pods may do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from constructs_lib.eks import ExistingCluster, WorkloadIdentity
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.cluster_templates import CONFIG, GPU, NAMESPACE, VPC, cluster_of, nested, resources
from tests.snapshot.conftest import only


def test_a_chart_is_a_template_of_its_own_in_which_the_namespace_comes_first(app: cdk.App, stack: cdk.Stack) -> None:
    cluster_of(stack).add_chart("Demo", [CONFIG, NAMESPACE])
    Template.from_stack(stack)

    made = nested(Path(app.outdir), "Demo")["Resources"]
    namespace, config = made
    assert [each.get("DependsOn") for each in made.values()] == [None, [namespace]]
    assert config.startswith("ConfigMap")
    manifests = [json.loads(each["Properties"]["Manifest"]) for each in made.values()]
    # Exactly what the chart says: no label of the CDK's.
    assert manifests == [[NAMESPACE], [CONFIG]]


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([CONFIG, CONFIG], "chart 'Demo': 'ConfigMap serving/settings' is in the chart twice; give each object a name of its own"),
        (
            [{**CONFIG, "data": {"weights": "x" * 200_000}}],
            "chart 'Demo': 'ConfigMap serving/settings' has 200,124 bytes, more than the 200,000 that a deployment can carry: keep",
        ),
        (
            [{**CONFIG, "metadata": {"name": f"settings-{number}"}} for number in range(451)],
            "has 451 objects of ",
        ),
    ],
)  # fmt: skip
def test_a_chart_that_cloudformation_cannot_take_is_refused(
    stack: cdk.Stack, objects: list[dict[str, Any]], expected: str
) -> None:
    cluster = cluster_of(stack)

    with pytest.raises(InvalidValueError) as caught:
        cluster.add_chart("Demo", objects)
    assert expected in str(caught.value)


def test_pods_read_their_artifact_and_write_where_they_are_told_and_nothing_else(stack: cdk.Stack) -> None:
    cluster = cluster_of(stack)
    WorkloadIdentity(
        stack,
        "Identity",
        cluster=cluster,
        namespace="serving",
        service_account="ranking",
        reads=["s3://models/ranking/", "s3://models/one.tar.gz"],
        writes=["s3://compiled/ranking/"],
        key_arn="arn:aws:kms:us-east-1:111111111111:key/k",
    )

    resources_ = Template.from_stack(stack).to_json()["Resources"]
    role = next(made for name, made in resources_.items() if name.startswith("IdentityRole"))["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    tags = trust["Condition"]["StringEquals"]
    assert tags["aws:RequestTag/kubernetes-namespace"] == "serving"
    assert tags["aws:RequestTag/kubernetes-service-account"] == "ranking"
    assert role["Policies"][0]["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::models/ranking/*"},
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": "arn:aws:s3:::models",
            "Condition": {"StringLike": {"s3:prefix": ["ranking/*"]}},
        },
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::models/one.tar.gz"},
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": "arn:aws:s3:::models",
            "Condition": {"StringLike": {"s3:prefix": ["one.tar.gz*"]}},
        },
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": "arn:aws:s3:::compiled/ranking/*",
        },
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "arn:aws:kms:us-east-1:111111111111:key/k",
        },
    ]


def test_an_identity_of_no_pod_or_no_place_in_s3_is_refused(stack: cdk.Stack) -> None:
    cluster = cluster_of(stack)

    with pytest.raises(InvalidValueError) as caught:
        WorkloadIdentity(stack, "Id", cluster=cluster, namespace="A", service_account="b", reads=["model/"])
    assert [line.partition(", but")[0] for line in str(caught.value).splitlines()] == [
        "WorkloadIdentity: 'namespace' is 'A' (1 characters)",
        "WorkloadIdentity: 'reads.0' must be an s3:// address, got 'model/'",
    ]


def test_charts_go_onto_a_cluster_that_exists_once_the_function_may_apply_them(stack: cdk.Stack) -> None:
    cluster = ExistingCluster(
        stack, "Cluster", cluster_name="prod", vpc=VPC, security_group_id="sg-0123456789abcdef0", node_groups=(GPU,)
    )
    cluster.add_chart("Demo", [NAMESPACE])

    template = Template.from_stack(stack)
    entry, access = only(template, "AWS::EKS::AccessEntry")
    assert access["Properties"]["ClusterName"] == "prod"
    _, chart = only(template, "AWS::CloudFormation::Stack")
    assert chart["DependsOn"] == [entry]
    assert resources(template, "AWS::EKS::Cluster") == {}
    for function in resources(template, "AWS::Lambda::Function").values():
        assert function["Properties"]["VpcConfig"]["SecurityGroupIds"] == ["sg-0123456789abcdef0"]
