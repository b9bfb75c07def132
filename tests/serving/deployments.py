"""Deployments onto local AWS by the real CDK, and calls of what they leave."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from local_aws.process import LocalAws

ROOT = Path(__file__).resolve().parents[2]
CDK = ROOT / ".venv" / "bin" / "cdk"


@contextlib.contextmanager
def bootstrapped(directory: Path) -> Iterator[LocalAws]:
    """Run a local AWS that the CDK can deploy to."""
    with LocalAws.start(state=directory / "aws") as running:
        cdk(running, directory, "bootstrap", f"aws://{running.account}/{running.region}")
        yield running


def cdk(aws: LocalAws, settings: Path, *arguments: str) -> None:
    """Run the real CDK on a settings file, or, before there is one, on a directory."""
    done = subprocess.run(
        [CDK, *arguments, "-c", f"settings={settings}", "--output", str(settings.parent / "cdk.out"), "--no-notices"],
        cwd=settings if settings.is_dir() else ROOT,
        env={**os.environ, **aws.environment(), "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def client(aws: LocalAws, service: str) -> Any:
    session = boto3.Session("test", "test", region_name=aws.region)
    return session.client(service, endpoint_url=aws.endpoint_url)  # type: ignore[call-overload]


def predictions(aws: LocalAws, endpoint: str, rows: object) -> Any:
    answer = client(aws, "sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint,
        ContentType="application/json",
        Accept="application/json",
        Body=json.dumps(rows).encode(),
    )
    return json.loads(answer["Body"].read())
