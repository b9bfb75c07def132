"""The app itself on a wrong settings file: one readable message, a failure, and nothing half-made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def synthesize(settings: Path, outdir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the app as `cdk deploy -c settings=…` does."""
    kept = {key: value for key, value in os.environ.items() if key not in ("CDK_DEFAULT_REGION", "CDK_DEFAULT_ACCOUNT")}
    context = json.dumps({"settings": str(settings)})
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**kept, "CDK_OUTDIR": str(outdir), "CDK_CONTEXT_JSON": context, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "model.onnx").write_bytes(b"weights")
    (tmp_path / "model" / "code" / "inference.py").write_text("def model_fn(directory): ...\n")
    path = tmp_path / "inference.yaml"
    path.write_text(
        """\
endpoints:
  digits:
    model: {framework: onnx, artifact: model, entry_point: inference.py}
    instance_type: ml.c6i.large
"""
    )
    return path


def wrong(settings: Path, old: str, new: str) -> None:
    text = settings.read_text()
    assert old in text
    settings.write_text(text.replace(old, new))


def test_another_file_is_deployed_when_it_is_named(settings: Path, tmp_path: Path) -> None:
    wrong(settings, "digits:", "other:")

    finished = synthesize(settings, tmp_path / "out")

    assert (finished.returncode, finished.stderr) == (0, "")
    template = json.loads((tmp_path / "out" / "InferenceStack.template.json").read_text())
    assert list(template["Outputs"]) == ["otherEndpointName", "otherEndpointArn"]


def test_every_wrong_setting_is_one_line_and_nothing_is_made(settings: Path, tmp_path: Path) -> None:
    wrong(settings, "digits:", "my_digits:")
    wrong(settings, "ml.c6i.large", "c6i.large")

    finished = synthesize(settings, tmp_path / "out")

    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.splitlines() == [
        f"{settings}:2: endpoints.my_digits: is 'my_digits' (9 characters), but SageMaker allows 1 to 63 letters, digits and "
        "hyphens, with no hyphen at either end; for example 'my-digits'",
        f"{settings}:4: endpoints.my_digits.instance_type: 'c6i.large' lacks the prefix 'ml.'; did you mean 'ml.c6i.large'?",
    ]
    assert made_in(tmp_path / "out") == []


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    finished = synthesize(tmp_path / "gone.yaml", tmp_path / "out")

    assert finished.returncode == 1
    assert finished.stderr == f"{tmp_path}/gone.yaml: there is no such file; name one with '-c settings=FILE'\n"
    assert made_in(tmp_path / "out") == []


def test_a_link_that_leaves_the_artifact_is_one_line_with_its_place(settings: Path, tmp_path: Path) -> None:
    (tmp_path / "model" / "link").symlink_to("/etc/hostname")

    finished = synthesize(settings, tmp_path / "out")

    assert finished.returncode == 1
    (message,) = finished.stderr.splitlines()
    assert message.startswith(f"{settings}:3: endpoints.digits.model.artifact: {tmp_path}/model/link: is a symlink to ")
    assert made_in(tmp_path / "out") == []


def test_a_region_of_the_profile_without_a_registry_is_one_line(settings: Path, tmp_path: Path) -> None:
    finished = synthesize(
        settings, tmp_path / "out", CDK_DEFAULT_REGION="us-eats-1", CDK_DEFAULT_ACCOUNT="111111111111"
    )

    assert finished.returncode == 1
    (message,) = finished.stderr.splitlines()
    assert message.startswith(f"{settings}: region: 'us-eats-1' has no registry with the image ")
    assert message.endswith("; the region is that of your AWS profile: set 'region' to deploy to another")
    assert made_in(tmp_path / "out") == []


def test_a_cache_that_cannot_be_written_is_one_line(settings: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")

    finished = synthesize(settings, tmp_path / "out", INFERENCE_CONSTRUCTS_CACHE=str(tmp_path / "cache"))

    assert finished.returncode == 1
    (message,) = finished.stderr.splitlines()
    assert "the environment variable INFERENCE_CONSTRUCTS_CACHE" in message
    assert made_in(tmp_path / "out") == []


def made_in(outdir: Path) -> list[str]:
    """Give what is in the output folder, which the CDK itself makes when an app begins."""
    return sorted(path.name for path in outdir.iterdir()) if outdir.exists() else []


def test_workloads_without_a_cluster_are_not_left_out_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "inference.yaml"
    model = '{framework: tensorflow, version: "2.18", artifact: "s3://my-models/demo/"}'
    path.write_text(f"region: us-east-1\nworkloads:\n  demo:\n    model: {model}\n")

    finished = synthesize(path, tmp_path / "out")

    assert finished.returncode == 1
    assert finished.stderr == (
        f"{path}: there is no cluster for the workloads; give 'cluster' or 'existing_cluster', or write them as YAML by "
        "`inference charts`\n"
    )


def test_a_cluster_without_the_extra_that_it_needs_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "missing").mkdir()
    (tmp_path / "missing" / "cdk8s.py").write_text("raise ModuleNotFoundError(name=__name__)\n")
    path = tmp_path / "inference.yaml"
    path.write_text("existing_cluster: {cluster_name: prod}\n")

    finished = synthesize(path, tmp_path / "out", PYTHONPATH=str(tmp_path / "missing"))

    assert finished.returncode == 1
    assert finished.stderr == (
        "clusters and workloads need cdk8s, which is not installed; run: pip install 'inference-constructs[eks]'\n"
    )
    assert made_in(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("cluster", "stack"),
    [
        ("existing_cluster: {cluster_name: prod}", "WorkloadStack"),
        (
            "cluster: {node_groups: [{name: system, instance_types: [m7i.large], min_size: 1, max_size: 2}]}",
            "ClusterStack",
        ),
    ],
)
def test_a_cluster_alone_is_one_stack_named_by_whether_it_is_made(tmp_path: Path, cluster: str, stack: str) -> None:
    path = tmp_path / "inference.yaml"
    path.write_text(f"{cluster}\n")

    finished = synthesize(path, tmp_path / "out", CDK_DEFAULT_REGION="us-east-1", CDK_DEFAULT_ACCOUNT="111111111111")

    assert (finished.returncode, finished.stderr) == (0, "")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    stacks = [name for name, each in manifest["artifacts"].items() if each["type"] == "aws:cloudformation:stack"]
    assert stacks == [stack]
