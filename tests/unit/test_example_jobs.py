"""The scripts of the job examples, run as SageMaker and its users run them."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from examples.digits.predict import accuracy, predict, read_rows

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TRAIN = EXAMPLES / "training" / "src" / "train.py"


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the training script leaves, run in script mode's environment."""
    directory = tmp_path_factory.mktemp("model")
    data = EXAMPLES / "training" / "data"
    environment = {**os.environ, "SM_CHANNEL_TRAIN": str(data), "SM_MODEL_DIR": str(directory)}
    done = subprocess.run(
        [sys.executable, TRAIN, "--epochs", "40"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("validation accuracy: 0.9")
    return directory


class Endpoint:
    """A `sagemaker-runtime` client whose endpoint is a handler in this process."""

    def __init__(self, model: Path) -> None:
        self._handler = module(model / "code" / "inference.py")
        self._weights = self._handler.model_fn(str(model))

    def invoke_endpoint(self, *, EndpointName: str, Body: bytes, ContentType: str, Accept: str) -> Any:  # noqa: N803
        del EndpointName
        answer = self._handler.predict_fn(self._handler.input_fn(Body, ContentType), self._weights)
        return {"Body": io.BytesIO(self._handler.output_fn(answer, Accept).encode())}


def test_the_script_leaves_a_model_that_its_handler_serves(model: Path) -> None:
    assert sorted(path.relative_to(model).as_posix() for path in model.rglob("*.*")) == [
        "code/inference.py",
        "weights.npz",
    ]
    assert accuracy(predict("trained-digits", Endpoint(model), read_rows())) > 0.97


def test_the_handler_takes_json_alone(model: Path) -> None:
    with pytest.raises(ValueError, match=r"^send application/json, not text/csv$"):
        module(model / "code" / "inference.py").input_fn(b"1,2", "text/csv")


def test_the_script_says_what_it_needs() -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    done = subprocess.run([sys.executable, TRAIN], env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the following arguments are required: --train, --model-dir" in done.stderr


class Storage:
    """An S3 client with the answers of a batch transform."""

    def __init__(self, objects: dict[str, str]) -> None:
        self._objects = objects

    def get_paginator(self, operation: str) -> Storage:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[Any]:  # noqa: N803
        assert Bucket == "results"
        return [{"Contents": [{"Key": key} for key in self._objects if key.startswith(Prefix)]}, {}]

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        del Bucket
        return {"Body": io.BytesIO(self._objects[Key].encode())}


def test_the_answers_are_read_of_every_object_and_of_nothing_else() -> None:
    script = module(EXAMPLES / "batch-transform" / "accuracy.py")
    storage = Storage(
        {"x/a.csv.out": "1,1\n2,3\n", "x/deep/b.csv.out": "4,4.0\n", "x/c.csv": "5,5\n", "xy/d.out": "6,6"}
    )

    assert list(script.answers(storage, "s3://results/x")) == [("1", "1"), ("2", "3"), ("4", "4.0")]


def test_the_examples_images_are_the_held_out_ones() -> None:
    folder = EXAMPLES / "batch-transform" / "images"
    joined = "".join((folder / name).read_text() for name in ("monday.csv", "tuesday.csv"))
    assert joined.split() == (EXAMPLES / "digits" / "heldout.csv").read_text().split()
