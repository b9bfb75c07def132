"""Settings files that are refused for an endpoint: its artifact, its instances and its scaling."""

from __future__ import annotations

from pathlib import Path

import pytest
from settings_files import changed, meaning, refusal, write_model


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory with a model that is right."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path)


GPU_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-gpu-py312"
CPU_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
# What is wrong with an endpoint, and all that is said about it.
BAD_ENDPOINTS = {
    "artifact missing": (
        changed("artifact: model", "artifact: modell"),
        [
            "inference.yaml:3: endpoints.digits.model.artifact: does not exist: 'modell'; give a directory, a .tar.gz "
            "file, or an s3:// address"
        ],
    ),
    "no artifact": (
        changed("artifact: model, ", ""),
        [
            "inference.yaml:3: endpoints.digits.model.artifact: is missing; give the weights: a local directory, a "
            ".tar.gz or an s3:// address"
        ],
    ),
    "artifact in a bucket that cannot be": (
        changed("artifact: model", "artifact: 's3://My_Bucket/model.tar.gz'"),
        [
            "inference.yaml:3: endpoints.digits.model.artifact: 's3://My_Bucket/model.tar.gz' names no valid bucket; give "
            "'s3://BUCKET/path/model.tar.gz', where BUCKET has 3 to 63 lower-case letters, digits, dots and hyphens"
        ],
    ),
    "artifact with a line break": (
        changed("artifact: model", 'artifact: "mo\\ndel"'),
        [
            r"inference.yaml:3: endpoints.digits.model.artifact: does not exist: 'mo\ndel'; give a directory, a .tar.gz "
            "file, or an s3:// address"
        ],
    ),
    "handler missing": (
        changed("entry_point: inference.py", "entry_point: handler.py"),
        [
            "inference.yaml:3: endpoints.digits.model.entry_point: 'handler.py' is not in 'model/code', which has "
            "inference.py"
        ],
    ),
    "handler's directory missing": (
        changed("entry_point: inference.py", "source_dir: src"),
        ["inference.yaml:3: endpoints.digits.model.source_dir: is not a directory: 'src'"],
    ),
    "instance type without ml.": (
        changed("ml.c6i.large", "c6i.large"),
        [
            "inference.yaml:4: endpoints.digits.instance_type: 'c6i.large' lacks the prefix 'ml.'; did you mean "
            "'ml.c6i.large'?"
        ],
    ),
    "instance type that does not exist": (
        changed("ml.c6i.large", "ml.c6i.huge"),
        [
            "inference.yaml:4: endpoints.digits.instance_type: 'ml.c6i.huge' is not a SageMaker instance type for "
            "hosting; did you mean 'ml.c6i.large', 'ml.c6i.xlarge' or 'ml.c6i.8xlarge'?"
        ],
    ),
    "ml.t2 with autoscaling": (
        changed("ml.c6i.large", "ml.t2.medium"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling: does not work with 'ml.t2.medium': SageMaker does not scale "
            "burstable instances; choose another type, such as 'ml.c6i.large', or leave 'autoscaling' out"
        ],
    ),
    "GPU image on a CPU type": (
        changed("artifact: model", f"artifact: model, image: '{GPU_IMAGE}'"),
        [
            f"inference.yaml:3: endpoints.digits.model.image: '{GPU_IMAGE}' is built for gpu, but 'ml.c6i.large' is a cpu "
            "instance; choose a GPU instance such as 'ml.g5.xlarge', or leave 'image' out to get the image for cpu"
        ],
    ),
    "CPU image on a GPU type": (
        changed("artifact: model", f"artifact: model, image: '{CPU_IMAGE}'").replace("ml.c6i.large", "ml.g5.xlarge"),
        [
            f"inference.yaml:3: endpoints.digits.model.image: '{CPU_IMAGE}' is built for cpu, but 'ml.g5.xlarge' is a gpu "
            "instance; choose a CPU instance such as 'ml.c6i.large', or leave 'image' out to get the image for gpu"
        ],
    ),
    "no instance": (
        changed("instance_count: 1", "instance_count: 0"),
        ["inference.yaml:5: endpoints.digits.instance_count: must be at least 1, got 0"],
    ),
    "count outside of the range": (
        changed("instance_count: 1", "instance_count: 5"),
        [
            "inference.yaml:5: endpoints.digits.instance_count: must be between 'autoscaling.min' (1) and "
            "'autoscaling.max' (4), got 5"
        ],
    ),
    "min above max": (
        changed("min: 1", "min: 5"),
        ["inference.yaml:6: endpoints.digits.autoscaling.max: must be at least 'min' (5), got 4"],
    ),
    "min of nought": (
        changed("min: 1", "min: 0"),
        ["inference.yaml:6: endpoints.digits.autoscaling.min: must be at least 1 for a real-time endpoint, got 0"],
    ),
    "no max": (
        changed("max: 4, ", ""),
        [f"inference.yaml:6: endpoints.digits.autoscaling.max: is missing ({meaning('Autoscaling', 'max')})"],
    ),
    "no target": (
        changed("invocations_per_instance: 600", "invocations_per_instance: 0"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling.invocations_per_instance: must be a finite number above 0, "
            "got 0.0"
        ],
    ),
    "an endless target": (
        changed("invocations_per_instance: 600", "invocations_per_instance: .inf"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling.invocations_per_instance: must be a finite number above 0, "
            "got inf"
        ],
    ),
    "negative cool-downs": (
        changed("max: 4", "max: 4, scale_in_cooldown: -1, scale_out_cooldown: -60"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling.scale_in_cooldown: must be at least 0 seconds, got -1",
            "inference.yaml:6: endpoints.digits.autoscaling.scale_out_cooldown: must be at least 0 seconds, got -60",
        ],
    ),
}


@pytest.mark.parametrize(("text", "messages"), BAD_ENDPOINTS.values(), ids=BAD_ENDPOINTS)
def test_fails_with_file_line_key_and_remedy(text: str, messages: list[str]) -> None:
    assert refusal(text) == messages
