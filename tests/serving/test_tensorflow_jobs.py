"""The book's TensorFlow jobs, deployed onto local AWS, called and destroyed: Estimator, then deploy; Neo, then deploy."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployments import ROOT, bootstrapped, cdk, client, predictions

from examples.digits.predict import read_rows
from local_aws.process import LocalAws

pytestmark = pytest.mark.serving

BUCKET = "amzn-s3-demo-bucket"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with bootstrapped(tmp_path_factory.mktemp("tensorflow")) as running:
        yield running


def test_the_books_estimator_is_trained_deployed_and_destroyed(aws: LocalAws, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "training", tmp_path / "training")
    settings = tmp_path / "training" / "book.yaml"

    cdk(aws, settings, "deploy", "InferenceStack")

    rows = read_rows()
    answered = predictions(aws, "trained-by-tensorflow", {"instances": [row.pixels for row in rows]})["predictions"]
    right = [max(range(10), key=answer.__getitem__) == row.label for answer, row in zip(answered, rows, strict=True)]
    assert sum(right) / len(right) > 0.93
    cdk(aws, settings, "destroy", "InferenceStack", "--force")
    assert client(aws, "sagemaker").list_endpoints()["Endpoints"] == []


def test_the_books_model_is_compiled_deployed_compiled_anew_and_destroyed(aws: LocalAws, tmp_path: Path) -> None:
    put_saved_model(aws, tmp_path)
    example = (ROOT / "examples" / "neo" / "book.yaml").read_text(encoding="utf-8")
    settings = tmp_path / "book.yaml"
    picture = [[[0.25, 0.5, 1.0]] * 224] * 224

    for text in (example, example.replace("[1, 224, 224, 3]", "[2, 224, 224, 3]")):
        settings.write_text(text, encoding="utf-8")
        cdk(aws, settings, "deploy", "InferenceStack")
        answered = predictions(aws, "compiled-for-c5", {"instances": [picture]})
        assert answered == {"predictions": [[0.25, 0.5, 1.0]]}

    jobs = client(aws, "sagemaker").list_compilation_jobs()["CompilationJobSummaries"]
    assert [job["CompilationTargetDevice"] for job in jobs] == ["ml_c5", "ml_c5"]
    cdk(aws, settings, "destroy", "InferenceStack", "--force")
    assert client(aws, "sagemaker").list_endpoints()["Endpoints"] == []


def put_saved_model(aws: LocalAws, directory: Path) -> None:
    """Upload a SavedModel that gives the mean of each channel, where the example's settings have it."""
    import tensorflow as tf

    module = tf.Module()
    picture = tf.TensorSpec([None, 224, 224, 3], tf.float32, name="inputs")
    mean = tf.function(lambda inputs: {"outputs": tf.reduce_mean(inputs, axis=[1, 2])}, input_signature=[picture])
    tf.saved_model.save(module, str(directory / "1"), signatures=mean)
    with tarfile.open(directory / "model.tar.gz", "w:gz") as archive:
        archive.add(directory / "1", "1")
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.upload_file(str(directory / "model.tar.gz"), BUCKET, "tensorflow/resnet/model.tar.gz")
