"""PyTorch itself, trained and served by one deployment onto local AWS: a script, TorchScript, no handler."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import boto3
import pytest

from local_aws.process import LocalAws

pytestmark = pytest.mark.serving

ROOT = Path(__file__).resolve().parents[2]
CDK = ROOT / ".venv" / "bin" / "cdk"
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


def test_a_pytorch_model_is_trained_and_served_by_one_deployment(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(SCRIPT)
    (tmp_path / "inference.yaml").write_text(SETTINGS)
    with LocalAws.start(state=tmp_path / "aws") as aws:
        for command in (["bootstrap", f"aws://{aws.account}/{aws.region}"], ["deploy", "InferenceStack"]):
            options = ["-c", f"settings={tmp_path / 'inference.yaml'}", "--output", str(tmp_path / "cdk.out")]
            done = subprocess.run(
                [CDK, *command, *options, "--no-notices"],
                cwd=ROOT,
                env={**os.environ, **aws.environment(), "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        session = boto3.Session("test", "test", region_name=aws.region)
        runtime = session.client("sagemaker-runtime", endpoint_url=aws.endpoint_url)
        answer = runtime.invoke_endpoint(
            EndpointName="line", ContentType="application/json", Accept="application/json", Body=b"[[0.5], [-1.0]]"
        )

    assert json.loads(answer["Body"].read()) == [pytest.approx([2.0], abs=0.01), pytest.approx([-1.0], abs=0.01)]
