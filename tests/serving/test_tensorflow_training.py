"""The TensorFlow training example, run as SageMaker runs a script: it leaves the SavedModel that an endpoint serves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from constructs_lib.serving.models import TensorFlowModel
from constructs_lib.tools.package import package
from examples.digits.predict import read_rows

pytestmark = pytest.mark.serving

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "training"


def test_the_script_leaves_a_saved_model_that_reads_digits(tmp_path: Path) -> None:
    model = tmp_path / "model"
    variables = {"SM_CHANNEL_TRAIN": str(EXAMPLE / "data"), "SM_MODEL_DIR": str(model)}

    command = [sys.executable, str(EXAMPLE / "tensorflow" / "train.py"), "--epochs", "20"]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)

    assert "validation accuracy: 0.9" in done.stdout
    # It is what the TensorFlow container takes: packaging checks that.
    assert package(TensorFlowModel(artifact=str(model)), output=tmp_path / "model.tar.gz").size > 10_000

    import tensorflow as tf

    rows = read_rows()
    ask = tf.saved_model.load(str(model / "1")).signatures["serving_default"]
    (probabilities,) = ask(tf.constant([row.pixels for row in rows], dtype=tf.float32)).values()
    right = [int(guess) == row.label for guess, row in zip(probabilities.numpy().argmax(axis=1), rows, strict=True)]
    assert sum(right) / len(right) > 0.93
