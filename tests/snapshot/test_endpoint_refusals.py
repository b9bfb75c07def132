"""What endpoints refuse, in the caller's words."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib.sagemaker import (
    AsyncInference,
    Autoscaling,
    DataCapture,
    InferenceEndpoint,
    InstanceVariant,
    Rollout,
    ServerlessVariant,
)
from constructs_lib.serving.models import ContainerModel, LargeLanguageModel, PyTorchModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.endpoint_templates import (
    CPU,
    OWN,
)

REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing to run on": ({}, ["'instance_type' is missing; give it, or 'variants', or 'serverless'"]),
    "two ways": (
        {"instance_type": CPU, "serverless": ServerlessVariant()},
        ["'serverless' is given as well as 'instance_type'; give one of the two"],
    ),
    "no variants": ({"variants": []}, ["'variants' must be 1 to 10, got 0"]),
    "eleven variants": (
        {"variants": [InstanceVariant(name=f"V{number}", instance_type=CPU) for number in range(11)]},
        ["'variants' must be 1 to 10, got 11"],
    ),
    "a name twice": (
        {"variants": [InstanceVariant(instance_type=CPU), InstanceVariant(instance_type=CPU)]},
        ["'variants' must each have a name of its own, got 'AllTraffic' 2 times"],
    ),
    "no weight": (
        {"variants": [InstanceVariant(instance_type=CPU, weight=0)]},
        ["'variants' all have weight 0, so that none gets a request; give one of them a weight above 0"],
    ),
    "scaling beside variants": (
        {
            "variants": [InstanceVariant(instance_type=CPU)],
            "autoscaling": Autoscaling(max=2, invocations_per_instance=1),
        },
        ["'autoscaling' belongs to 'instance_type', which is not given; move it into the variant in 'variants'"],
    ),
    "scaling by GPUs that are not there": (
        {"instance_type": CPU, "autoscaling": Autoscaling(max=2, gpu_utilization=70)},
        [
            f"'autoscaling.gpu_utilization' is the use of GPUs, and '{CPU}' has none; give 'cpu_utilization', or a GPU "
            "instance such as 'ml.g5.xlarge'"
        ],
    ),
    "scaling of a variant by GPUs that are not there": (
        {"variants": [InstanceVariant(instance_type=CPU, autoscaling=Autoscaling(max=2, gpu_utilization=70))]},
        [
            f"'variants.0.autoscaling.gpu_utilization' is the use of GPUs, and '{CPU}' has none; give "
            "'cpu_utilization', or a GPU instance such as 'ml.g5.xlarge'"
        ],
    ),
    "serverless with capture": (
        {"serverless": ServerlessVariant(), "data_capture": DataCapture(destination="s3://their-bucket/x")},
        [
            "'data_capture' does not work with a serverless endpoint; leave it out, or give 'instance_type' instead of "
            "'serverless'"
        ],
    ),
    "serverless in a VPC, isolated": (
        {
            "model": ContainerModel(
                image="example/mine:1",
                network_isolation=True,
                vpc=VpcConfig(subnets=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",)),
            ),
            "serverless": ServerlessVariant(),
        },
        [
            "'model.network_isolation' does not work with a serverless endpoint; leave it out, or give 'instance_type' "
            "instead of 'serverless'",
            "'model.vpc' does not work with a serverless endpoint; leave it out, or give 'instance_type' instead of "
            "'serverless'",
        ],
    ),
    "serverless with uncompressed files": (
        {"model": PyTorchModel(artifact="s3://their-bucket/ranking/"), "serverless": ServerlessVariant()},
        [
            "'model.artifact' 's3://their-bucket/ranking/' is a prefix of uncompressed files, which serverless endpoints "
            "do not take; give a .tar.gz"
        ],
    ),
    "serverless on GPU": (
        {
            "model": ContainerModel(image="1.dkr.ecr.us-east-1.amazonaws.com/a:2.6-gpu-py312"),
            "serverless": ServerlessVariant(),
        },
        [
            "'model.image' '1.dkr.ecr.us-east-1.amazonaws.com/a:2.6-gpu-py312' is built for gpu; serverless endpoints "
            "have no accelerator; give 'instance_type' instead of 'serverless', or an image for CPU"
        ],
    ),
    "serverless with a model that needs a GPU": (
        {"model": LargeLanguageModel(model_id="Qwen/Qwen3-8B"), "serverless": ServerlessVariant()},
        [
            "'serverless' has no image for this model: serverless endpoints have no accelerator; give 'instance_type' "
            "instead of 'serverless', or an image for CPU"
        ],
    ),
    "serverless with a version that there is not": (
        {
            "model": PyTorchModel(artifact="s3://models/m.tar.gz", version="2.6", py_version="py38"),
            "serverless": ServerlessVariant(),
        },
        [
            "'model.py_version' 'py38' is not a python of PyTorch 2.6.0 with an inference image for cpu on SageMaker; "
            "choose one of py312, or set 'image'"
        ],
    ),
    "asynchronous with two variants": (
        {
            "variants": [InstanceVariant(name=name, instance_type=CPU) for name in ("A", "B")],
            "async_inference": AsyncInference(output="s3://their-bucket/x"),
        },
        [
            "'async_inference' works with one variant: requests wait in one queue of the endpoint; give "
            "'instance_type', or one variant"
        ],
    ),
    "asynchronous on invocations": (
        {
            "instance_type": CPU,
            "autoscaling": Autoscaling(max=2, invocations_per_instance=1),
            "async_inference": AsyncInference(output="s3://their-bucket/x"),
        },
        [
            "'autoscaling' follows requests that are answered at once, which an asynchronous endpoint has not; give "
            "'async_inference.autoscaling', which follows the backlog"
        ],
    ),
    "two variants and a shadow": (
        {
            "variants": [InstanceVariant(name=name, instance_type=CPU) for name in ("A", "B")],
            "shadow": InstanceVariant(name="A", instance_type=CPU),
        },
        [
            "'shadow' needs exactly one production variant, got 2",
            "'shadow.name' is 'A', as of the production variant; choose another name",
        ],
    ),
    "a shadow on Inf1, asynchronous, scaling": (
        {
            "instance_type": CPU,
            "async_inference": AsyncInference(output="s3://their-bucket/x"),
            "shadow": InstanceVariant(
                name="S",
                instance_type="ml.inf1.xlarge",
                autoscaling=Autoscaling(max=2, invocations_per_instance=1),
            ),
        },
        [
            "'shadow' does not work with 'async_inference'; leave one of the two out",
            "'shadow.autoscaling' is for production variants; give a shadow an 'instance_count'",
            "'shadow.instance_type' is 'ml.inf1.xlarge', but shadow variants do not work with Inf1; choose another type",
        ],
    ),
    "rolling with two variants": (
        {
            "variants": [InstanceVariant(name=name, instance_type=CPU) for name in ("A", "B")],
            "rollout": Rollout(strategy="rolling", alarms=("a",)),
        },
        ["'rollout.strategy' 'rolling' works with one variant, got 2; choose 'all_at_once', 'canary' or 'linear'"],
    ),
    "rolling and serverless": (
        {"serverless": ServerlessVariant(), "rollout": Rollout(strategy="rolling", alarms=("a",))},
        [
            "'rollout.strategy' 'rolling' does not work with a serverless endpoint; choose 'all_at_once', 'canary' or "
            "'linear'"
        ],
    ),
    "a rollout on Inf1 without a name": (
        {"instance_type": "ml.inf1.xlarge", "rollout": Rollout(strategy="canary")},
        [
            "'rollout' does not work with Inf1, got 'ml.inf1.xlarge'; choose Inf2, such as 'ml.inf2.xlarge'",
            "'rollout.alarms' is missing, and alarms can be made only for an endpoint whose name and variants are known "
            "before it is; give 'endpoint_name', or alarms of your own",
        ],
    ),
    "tags of AWS": (
        {"instance_type": CPU, "tags": {"aws:mine": "x"}},
        ["'tags' has 'aws:mine', but keys that begin with 'aws:' are AWS's own; choose another key"],
    ),
}


@pytest.mark.parametrize(("options", "messages"), REFUSED.values(), ids=REFUSED)
def test_fails_with_the_reason(stack: cdk.Stack, options: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        InferenceEndpoint(stack, "E", **{"model": OWN, **options})

    assert str(caught.value).splitlines() == [f"InferenceEndpoint: {message}" for message in messages]
    assert stack.node.children == []
