"""PyTorch itself in deployments onto local AWS: trained and served by one, and compiled for Inferentia by another."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployments import ROOT, bootstrapped, cdk, client, predictions

from local_aws.process import LocalAws

pytestmark = pytest.mark.serving

# Learns y = 2x + 1.
SCRIPT = """\
import argparse, os
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int)
torch.manual_seed(0)
x = torch.linspace(-1, 1, 64).reshape(-1, 1)
line = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(line.parameters(), lr=0.5)
for _ in range(parser.parse_args().steps):
    loss = torch.nn.functional.mse_loss(line(x), 2 * x + 1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
torch.jit.script(line.eval()).save(os.path.join(os.environ["SM_MODEL_DIR"], "model.pth"))
"""
SETTINGS = """\
acknowledged_warnings: ["inference:image-end-of-patch"]
training_jobs:
  line:
    {framework: pytorch, version: "2.6", source_dir: src, entry_point: train.py, instance_type: ml.m5.large,
     hyperparameters: {steps: "200"}, max_runtime_seconds: 600}
endpoints:
  line:
    model: {framework: pytorch, version: "2.6", artifact: "training-job://line"}
    instance_type: ml.c6i.large
"""


HANDLER = """\
import os
import torch

def model_fn(model_dir):
    return torch.jit.load(os.path.join(model_dir, "model.pth"))
"""
BUCKET = "amzn-s3-demo-bucket"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with bootstrapped(tmp_path_factory.mktemp("pytorch")) as running:
        yield running


def test_a_model_is_trained_and_served_by_one_deployment(aws: LocalAws, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(SCRIPT)
    (tmp_path / "inference.yaml").write_text(SETTINGS)

    cdk(aws, tmp_path / "inference.yaml", "deploy", "InferenceStack")

    answered = predictions(aws, "line", [[0.5], [-1.0]])
    assert answered == [pytest.approx([2.0], abs=0.01), pytest.approx([-1.0], abs=0.01)]
    cdk(aws, tmp_path / "inference.yaml", "destroy", "InferenceStack", "--force")


def test_the_example_for_inferentia_is_deployed_compiled_anew_and_destroyed(aws: LocalAws, tmp_path: Path) -> None:
    put_traced_model(aws, tmp_path)
    example = (ROOT / "examples" / "neo" / "inferentia.yaml").read_text(encoding="utf-8")
    settings = tmp_path / "inferentia.yaml"
    picture = [[[[float(channel)] * 224] * 224 for channel in (1, 2, 3)]]

    for text in (example, example.replace("--num-neuroncores 2", "--num-neuroncores 4")):
        settings.write_text(text, encoding="utf-8")
        cdk(aws, settings, "deploy", "InferenceStack")
        assert predictions(aws, "compiled-for-inferentia", picture) == [[1.0, 2.0, 3.0]]

    jobs = client(aws, "sagemaker").list_compilation_jobs()["CompilationJobSummaries"]
    assert [job["CompilationTargetDevice"] for job in jobs] == ["ml_inf1", "ml_inf1"]
    cdk(aws, settings, "destroy", "InferenceStack", "--force")
    assert client(aws, "sagemaker").list_endpoints()["Endpoints"] == []


def put_traced_model(aws: LocalAws, directory: Path) -> None:
    """Trace a model that gives the mean of each channel, and upload it with its handler, as the example's comment says."""
    import torch

    model = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    torch.jit.trace(model, torch.zeros(1, 3, 224, 224)).save(str(directory / "model.pth"))
    (directory / "inference.py").write_text(HANDLER, encoding="utf-8")
    with tarfile.open(directory / "model.tar.gz", "w:gz") as archive:
        archive.add(directory / "model.pth", "model.pth")
        archive.add(directory / "inference.py", "code/inference.py")
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.upload_file(str(directory / "model.tar.gz"), BUCKET, "pytorch/traced/model.tar.gz")
