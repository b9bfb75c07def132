"""TorchServe's archives: artifacts for servers in a cluster, and none for SageMaker."""

from __future__ import annotations

from constructs_lib.serving.artifacts import S3Artifact, parse_artifact
from constructs_lib.serving.compatibility import hosting_problems
from constructs_lib.serving.models import PyTorchModel


def test_a_mar_in_s3_is_an_artifact_of_one_object() -> None:
    artifact = parse_artifact("s3://my-models/archived_model.mar")

    assert artifact == S3Artifact(bucket="my-models", key="archived_model.mar")
    assert artifact.is_archive


def test_sagemaker_does_not_serve_a_mar() -> None:
    model = PyTorchModel(artifact="s3://my-models/archived_model.mar")

    assert [str(problem) for problem in hosting_problems(model, "ml.c6i.large", autoscaled=False)] == [
        "'model.artifact' 's3://my-models/archived_model.mar' is TorchServe's own archive, which SageMaker does not "
        "unpack; give a .tar.gz of the weights and code/"
    ]
