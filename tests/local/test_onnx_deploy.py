"""The ONNX example, as its README tells it: deployed by the real CDK onto local AWS, and called."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import boto3

from local_aws.process import LocalAws

ROOT = Path(__file__).resolve().parents[2]
CDK = ROOT / ".venv" / "bin" / "cdk"


def test_a_bare_onnx_file_is_deployed_and_answers(local_aws: LocalAws, tmp_path: Path) -> None:
    def cdk(*arguments: str) -> str:
        settings = ["-c", "settings=examples/onnx/inference.yaml", "--output", str(tmp_path / "cdk.out")]
        done = subprocess.run(
            [CDK, *arguments, *settings, "--no-notices"],
            cwd=ROOT,
            env={**os.environ, **local_aws.environment(), "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    session = boto3.Session("test", "test", region_name=local_aws.region)
    runtime = session.client("sagemaker-runtime", endpoint_url=local_aws.endpoint_url)

    cdk("bootstrap", f"aws://{local_aws.account}/{local_aws.region}")
    said = cdk("deploy", "InferenceStack")
    answer = runtime.invoke_endpoint(
        EndpointName="double", ContentType="application/json", Body=b'{"instances": [[1.0, 2.0, 5.0]]}'
    )

    assert json.loads(answer["Body"].read()) == {"predictions": [[2.0, 4.0, 10.0]]}
    assert "inference:image-end-of-patch" not in said  # acknowledged in the example's settings
    cdk("destroy", "InferenceStack", "--force")
