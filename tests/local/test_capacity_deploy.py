"""Fallback types, volume keys, Elastic Inference and several stacks on local AWS: deployed by the real CDK, and called."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from aws_clients import client
from real_cdk import ROOT, bootstrap, run_cdk

from examples.digits.predict import accuracy, predict, read_rows
from local_aws.process import LocalAws

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SETTINGS = f"""\
stacks: 25
endpoints:
  digits:
    model: {{framework: onnx, artifact: model, entry_point: inference.py}}
    variants:
      - {{instance_type: ml.c6i.large, fallback_instance_types: [ml.m5.large, ml.c5.large]}}
    volume_kms_key_arn: {KEY}
  accelerated:
    stack: Accelerated
    model:
      framework: container
      image: 763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference-eia:1.5.1-cpu-py3
      artifact: model
      environment: {{SAGEMAKER_PROGRAM: inference.py, SAGEMAKER_SUBMIT_DIRECTORY: /opt/ml/model/code}}
    instance_type: ml.m5.large
    accelerator_type: ml.eia2.medium
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "examples" / "digits" / "model", project / "model")
    settings = project / "inference.yaml"
    settings.write_text(SETTINGS)
    with LocalAws.start(state=tmp_path_factory.mktemp("capacity")) as aws:
        bootstrap(aws)
        run_cdk(aws, settings, project / "cdk.out", "deploy", "--all")
        yield aws


def config(aws: LocalAws, endpoint: str) -> dict[str, Any]:
    sagemaker = client(aws, "sagemaker")
    name = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    found: dict[str, Any] = sagemaker.describe_endpoint_config(EndpointConfigName=name)
    return found


@pytest.mark.parametrize("endpoint", ["digits", "accelerated"])
def test_each_endpoint_answers(deployed: LocalAws, endpoint: str) -> None:
    assert accuracy(predict(endpoint, client(deployed, "sagemaker-runtime"), read_rows(limit=20))) > 0.9


def test_the_instance_pools_are_in_the_order_given_and_the_volumes_have_the_key(deployed: LocalAws) -> None:
    found = config(deployed, "digits")

    (variant,) = found["ProductionVariants"]
    assert "InstanceType" not in variant
    assert variant["InstancePools"] == [
        {"InstanceType": "ml.c6i.large", "Priority": 1},
        {"InstanceType": "ml.m5.large", "Priority": 2},
        {"InstanceType": "ml.c5.large", "Priority": 3},
    ]
    assert found["KmsKeyId"] == KEY


def test_the_accelerator_is_asked_for(deployed: LocalAws) -> None:
    (variant,) = config(deployed, "accelerated")["ProductionVariants"]

    assert (variant["InstanceType"], variant["AcceleratorType"]) == ("ml.m5.large", "ml.eia2.medium")


def test_each_endpoint_is_in_its_stack(deployed: LocalAws) -> None:
    stacks = client(deployed, "cloudformation").describe_stacks()["Stacks"]
    outputs = {
        output["OutputValue"]: stack["StackName"]
        for stack in stacks
        for output in stack.get("Outputs", [])
        if output["OutputKey"].endswith("EndpointName")
    }

    assert outputs == {"digits": "InferenceStack3", "accelerated": "Accelerated"}
