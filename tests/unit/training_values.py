"""A training job for the tests of its values."""

from __future__ import annotations

from typing import Any

from constructs_lib.jobs.training import Training
from constructs_lib.jobs.training_request import TrainingPlaces
from constructs_lib.serving.artifacts import S3Artifact

KEY = "arn:aws:kms:eu-west-1:111111111111:key/abc"
SCRIPT: dict[str, Any] = {
    "framework": "pytorch",
    "source_dir": "src",
    "entry_point": "train.py",
    "instance_type": "ml.m5.large",
}
PLACES = TrainingPlaces(
    image="763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312",
    region="us-east-1",
    code=S3Artifact(bucket="assets", key="0123.gz"),
    data={"train": "s3://data/train/"},
    output="s3://results/training/digits",
)


def training(**fields: Any) -> Training:
    return Training(**{**SCRIPT, **fields})
