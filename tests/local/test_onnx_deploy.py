"""The ONNX example, as its README tells it: deployed by the real CDK onto local AWS, and called."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
from real_cdk import run_cdk

from local_aws.process import LocalAws

ROOT = Path(__file__).resolve().parents[2]


def test_a_bare_onnx_file_is_deployed_and_answers(local_aws: LocalAws, tmp_path: Path) -> None:
    def cdk(*arguments: str) -> str:
        done = run_cdk(local_aws, ROOT / "examples" / "onnx" / "inference.yaml", tmp_path / "cdk.out", *arguments)
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
