"""Additional model data as part of a model's value: names, places, files, and what does not go together with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from constructs_lib.jobs.transform_rules import model_problems
from constructs_lib.sagemaker.endpoint_options import EndpointOptions
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.serving.hosted_files import hosted_file_problems
from constructs_lib.serving.models import LargeLanguageModel, PyTorchModel
from constructs_lib.serving.multi_container import MultiContainerModel
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.problems import InvalidValueError
from stacks.settings import load_settings

S3 = "s3://my-models/model.tar.gz"
DRAFT = "s3://my-models/draft/"
KEY = "arn:aws:kms:us-east-1:111111111111:key/0123-abcd"
FIELD = "additional_model_data_sources"
NAMES = "must be named with 1 to 64 letters, digits, '.', '_' and '-', other than '.' and '..'"


def torch(sources: dict[str, str], **more: Any) -> PyTorchModel:
    return PyTorchModel(**{"artifact": S3, FIELD: sources, **more})


@pytest.mark.parametrize("name", ["draft", "a", "LoRA_v1.2-b", "x" * 64, "...", ".hidden"])
@pytest.mark.parametrize("source", [DRAFT, S3, "adapters/mine", "adapters/mine.tar.gz", "s3://${Token[B.1]}/draft/"])
def test_a_source_is_written_like_an_artifact(name: str, source: str) -> None:
    model = torch({name: source})

    assert {key: each.artifact for key, each in model.additional_sources.items()} == {name: source}


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({str(number): DRAFT for number in range(6)}, f"'{FIELD}' must be at most 5, got 6"),
        ({"": DRAFT}, f"'{FIELD}' {NAMES}, got ''"),
        ({"..": DRAFT}, f"'{FIELD}' {NAMES}, got '..'"),
        ({"a/b": DRAFT}, f"'{FIELD}' {NAMES}, got 'a/b'"),
        ({"x" * 65: DRAFT}, f"'{FIELD}' {NAMES}, got '{'x' * 65}'"),
        (
            {"draft": "s3://my-models/draft.bin"},
            f"'{FIELD}.draft' 's3://my-models/draft.bin' is neither a .tar.gz object nor a prefix; end it with "
            "'.tar.gz', or with '/' for uncompressed files",
        ),
        (
            {"draft": "https://example.com/draft/"},
            f"'{FIELD}.draft' has the scheme of 'https://example.com/draft/'; give an s3:// address, a local "
            "directory or a local .tar.gz file",
        ),
        (
            {"draft": "s3://my-models/draft.mar"},
            f"'{FIELD}.draft' 's3://my-models/draft.mar' is TorchServe's own archive, which SageMaker does not "
            "unpack; give a .tar.gz, or a prefix that ends with '/'",
        ),
        (
            {"draft": "training-job://small"},
            f"'{FIELD}.draft' 'training-job://small' names a training job, as an 'artifact' alone may; give the "
            "s3:// address of what it leaves",
        ),
    ],
)
def test_fails_at_what_sagemaker_would_refuse(sources: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        torch(sources)

    assert str(raised.value) == f"PyTorchModel: {message}"


def test_a_key_may_be_that_of_a_source_alone() -> None:
    model = LargeLanguageModel(
        model_id="Qwen/Qwen3-8B", additional_model_data_sources={"draft": DRAFT}, artifact_kms_key_arn=KEY
    )

    assert model.artifact_kms_key_arn == KEY


def test_local_sources_are_seen_from_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "inference.yaml").write_text(f"""\
endpoints:
  adapted:
    model:
      framework: pytorch
      artifact: {S3}
      additional_model_data_sources: {{adapter: adapter, draft: "{DRAFT}"}}
    instance_type: ml.c6i.large
""")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter.json").write_text("{}")

    model = load_settings(tmp_path / "inference.yaml").endpoints["adapted"].model

    assert model.additional_model_data_sources == {"adapter": str(tmp_path / "adapter"), "draft": DRAFT}


def test_fails_at_local_sources_that_are_not_there_or_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "packed.tar.gz").write_text("a pointer")
    sources = {"gone": "nowhere", "empty": str(tmp_path / "empty"), "packed": str(tmp_path / "packed.tar.gz")}
    model = MultiContainerModel(containers={"one": torch(sources), "two": torch({})})

    assert [str(problem) for problem in hosted_file_problems(model)] == [
        f"'containers.one.{FIELD}.gone' does not exist: 'nowhere'; give a directory, a .tar.gz file, or an s3:// "
        "address",
        f"'containers.one.{FIELD}.empty' is an empty directory: '{tmp_path / 'empty'}'; put the model's files into it",
        f"'containers.one.{FIELD}.packed' is no gzip file, though its name ends with .tar.gz: "
        f"'{tmp_path / 'packed.tar.gz'}'",
    ]


def test_fails_in_a_multi_model_container() -> None:
    with pytest.raises(InvalidValueError) as raised:
        MultiModel(server="pytorch", models={"a.tar.gz": "a"}, additional_model_data_sources={"draft": DRAFT})

    why = "do not work with a multi-model container; put their files into each model"
    assert str(raised.value) == f"MultiModel: '{FIELD}' {why}"


def test_fails_on_a_serverless_endpoint() -> None:
    options = EndpointOptions(model=torch({"draft": DRAFT}), serverless=ServerlessVariant())

    assert [str(problem) for problem in options.problems()] == [
        f"'model.{FIELD}' does not work with a serverless endpoint; leave it out, or give 'instance_type' instead of "
        "'serverless'"
    ]


def test_fails_in_batch_transform() -> None:
    assert [str(problem) for problem in model_problems(torch({"draft": DRAFT}), "ml.m5.large")] == [
        f"'model.{FIELD}' do not work with batch transform; put their files into the artifact"
    ]
