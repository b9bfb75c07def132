"""The settings keys `training_jobs` and `batch_transforms`, and every way in which they can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from constructs_lib.jobs.channel import Channel
from constructs_lib.serving.artifacts import TrainedArtifact
from stacks.settings import Settings, load_settings
from stacks.yaml_source import SettingsError

ROOT = Path(__file__).resolve().parents[2]
FILE = Path("inference.yaml")
TRAINED = """\
training_jobs:
  digits:
    framework: pytorch
    source_dir: src
    entry_point: train.py
    instance_type: ml.m5.large
    hyperparameters: {epochs: "3"}
    channels:
      train: {data: data}
endpoints:
  served:
    model: {framework: pytorch, artifact: "training-job://digits", entry_point: inference.py}
    instance_type: ml.c6i.large
batch_transforms:
  nightly:
    endpoint: served
    input: s3://incoming/images/
    content_type: text/csv
    instance_type: ml.c6i.large
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory with a script and data that are right."""
    monkeypatch.chdir(tmp_path)
    for name in ("src/train.py", "data/a.csv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("1\n")


def load(text: str = TRAINED) -> Settings:
    FILE.write_text(text, encoding="utf-8")
    return load_settings(FILE)


def refusal(old: str, new: str, text: str = TRAINED) -> str:
    assert old in text
    with pytest.raises(SettingsError) as raised:
        load(text.replace(old, new))
    return str(raised.value)


def test_jobs_are_read_with_their_local_paths_as_seen_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "inference.yaml").write_text(TRAINED.replace("src", "../src").replace("data: d", "data: ../d"))

    settings = load_settings(Path("deep/inference.yaml"))

    job = settings.training_jobs["digits"]
    assert job.source_dir == "deep/../src"
    assert job.channels == {"train": Channel(data="deep/../data")}
    assert settings.endpoints["served"].model.location == TrainedArtifact(training_job="digits")
    assert settings.batch_transforms["nightly"].endpoint == "served"


@pytest.mark.parametrize("example", ["training", "batch-transform"])
def test_the_examples_are_right(example: str) -> None:
    assert load_settings(ROOT / "examples" / example / "inference.yaml")


def test_a_training_job_needs_no_endpoint() -> None:
    alone = TRAINED.partition("endpoints:")[0]
    assert load(alone).endpoints == {}


def test_a_training_job_that_there_is_not_is_refused_with_the_nearest() -> None:
    assert refusal("//digits", "//digit") == (
        "inference.yaml:12: endpoints.served.model.artifact: names no training job: got 'digit'; did you mean 'digits'? "
        "choose one of digits"
    )


def test_a_training_job_is_refused_where_there_are_none() -> None:
    without = "endpoints:" + TRAINED.partition("endpoints:")[2]
    assert refusal("//digits", "//digit", without) == (
        "inference.yaml:3: endpoints.served.model.artifact: names no training job: got 'digit', and the settings have "
        "none"
    )


def test_a_number_as_a_hyperparameter_is_refused_with_its_quotes() -> None:
    assert refusal('"3"', "3") == (
        "inference.yaml:7: training_jobs.digits.hyperparameters.epochs: must be text, got the number 3; put it in "
        "quotes: '3'"
    )


def test_a_script_that_is_missing_is_refused_at_its_line() -> None:
    assert refusal("train.py", "fit.py") == (
        "inference.yaml:5: training_jobs.digits.entry_point: 'fit.py' is not in 'src', which has train.py"
    )


def test_data_that_is_missing_is_refused_at_its_line() -> None:
    assert refusal("data: data", "data: date") == (
        "inference.yaml:9: training_jobs.digits.channels.train.data: date: does not exist; give the directory that "
        "holds the files"
    )


def test_an_unknown_key_of_a_job_is_refused_with_the_nearest() -> None:
    assert "inference.yaml:5: training_jobs.digits.entrypoint: is no key here; did you mean 'entry_point'?" in refusal(
        "entry_point: train.py", "entrypoint: train.py"
    )


def test_an_endpoint_that_there_is_not_is_refused_with_the_nearest() -> None:
    assert refusal("endpoint: served", "endpoint: server") == (
        "inference.yaml:16: batch_transforms.nightly.endpoint: names no endpoint: got 'server'; did you mean 'served'? "
        "choose one of served"
    )


def test_a_batch_transform_without_a_model_is_refused() -> None:
    assert refusal("    endpoint: served\n", "") == (
        "inference.yaml:15: batch_transforms.nightly.model: or 'endpoint' says what answers; give one of the two"
    )


def test_an_endpoint_whose_model_is_not_compressed_is_refused() -> None:
    assert refusal("training-job://digits", "s3://models/digits/") == (
        "inference.yaml:16: batch_transforms.nightly.endpoint: 's3://models/digits/' is a prefix of uncompressed "
        "files, which batch transform does not take; give a .tar.gz"
    )


def test_an_endpoint_of_several_models_is_refused() -> None:
    several = "{framework: multi-model, server: pytorch, artifact: s3://models/all/}"
    text = TRAINED.replace(
        '{framework: pytorch, artifact: "training-job://digits", entry_point: inference.py}', several
    )
    assert "batch_transforms.nightly.endpoint: 'served' serves several models; give the one that is to answer as" in (
        refusal("nightly", "nightly", text)
    )


def test_a_model_inline_is_checked_against_batch_transforms_instances() -> None:
    inline = "model: {framework: onnx, artifact: s3://models/digits.tar.gz}"
    text = TRAINED.replace("endpoint: served", inline).replace("ml.c6i.large\n", "ml.c6i.large\n", 1)
    assert load(text).batch_transforms["nightly"].model is not None
    tail = text.rpartition("ml.c6i.large")
    with pytest.raises(SettingsError) as raised:
        load(f"{tail[0]}ml.c8g.large{tail[2]}")
    assert str(raised.value).startswith(
        "inference.yaml:19: batch_transforms.nightly.instance_type: 'ml.c8g.large' is not a SageMaker instance type for "
        "batch transform (SageMaker has it for hosting only); did you mean"
    )


def test_a_region_without_the_images_is_refused_at_its_key() -> None:
    alone = f"region: us-moon-1\n{TRAINED.partition('endpoints:')[0]}"
    assert refusal("x", "x", f"{alone}# x").startswith("inference.yaml:1: region: 'us-moon-1' ")


def test_names_that_differ_in_hyphens_only_are_refused() -> None:
    job = TRAINED.partition("endpoints:")[0].partition("  digits:\n")[2]
    assert "training_jobs.dig-its: differs from 'digits' in case or hyphens only; choose another name" in refusal(
        "endpoints:", f"  dig-its:\n{job}endpoints:"
    )


def test_all_problems_are_told_at_once() -> None:
    text = TRAINED.replace("s3://incoming/images/", "s3://incoming").replace("ml.m5.large", "ml.m5.huge")
    assert [line.partition(": '")[0].partition(": has")[0] for line in refusal("x", "x", text).splitlines()] == [
        "inference.yaml:6: training_jobs.digits.instance_type",
        "inference.yaml:17: batch_transforms.nightly.input",
    ]


def test_a_training_job_is_looked_for_wherever_a_model_may_stand() -> None:
    model = '{framework: pytorch, artifact: "training-job://none"}'
    text = f"""\
endpoints:
  varied:
    model: {model}
    variants:
      - {{name: a, instance_type: ml.c6i.large, model: {model}}}
    shadow: {{name: b, instance_type: ml.c6i.large, model: {model}}}
  several:
    model:
      framework: multi-container
      containers: {{one: {model}, two: {model}}}
    instance_type: ml.c6i.large
inference_component_endpoints:
  fleet:
    instance_type: ml.g5.xlarge
    inference_components:
      part: {{model: {model}, accelerators: 1, min_memory_mb: 1024}}
batch_transforms:
  nightly: {{model: {model}, input: "s3://incoming/x/", instance_type: ml.c6i.large}}
"""
    paths = [line.partition(": ")[2].partition(".artifact: ")[0] for line in refusal("x", "x", text).splitlines()]
    assert paths == [
        "endpoints.varied.model",
        "endpoints.varied.variants.0.model",
        "endpoints.varied.shadow.model",
        "endpoints.several.model.containers.one",
        "endpoints.several.model.containers.two",
        "inference_component_endpoints.fleet.inference_components.part.model",
        "batch_transforms.nightly.model",
    ]
