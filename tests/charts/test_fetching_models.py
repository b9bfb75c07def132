"""The shell line that copies a prefix: run for real, with an `aws` of the test's own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cdk8s_charts.manifests.model_files import fetch
from constructs_lib.serving.artifacts import S3Artifact

PREFIX = S3Artifact(bucket="models", key="demo/")


def copy(directory: Path, aws: str) -> subprocess.CompletedProcess[str]:
    """Run the init container's command, where `aws` is a program of these lines."""
    program = directory / "bin" / "aws"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{aws}\n", encoding="utf-8")
    program.chmod(0o755)
    (directory / "model").mkdir()
    (container,) = fetch(PREFIX, str(directory / "model"), region=None)
    command = [*(container.command or []), *(container.args or [])]
    environment = {"PATH": f"{program.parent}:/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_what_lies_under_the_prefix_is_copied(tmp_path: Path) -> None:
    copied = copy(tmp_path, 'echo "$1 $2 $3 $5" > "$4/saved_model.pb"')

    assert copied.returncode == 0
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "s3 sync s3://models/demo/ --only-show-errors\n"


@pytest.mark.parametrize("aws", ["true", "exit 1"], ids=["an empty prefix", "a refusal"])
def test_a_pod_without_its_model_does_not_start(aws: str, tmp_path: Path) -> None:
    copied = copy(tmp_path, aws)

    assert (copied.returncode, copied.stderr) == (1, "nothing could be copied from s3://models/demo/\n")
