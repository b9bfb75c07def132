"""Trains a Keras network that reads handwritten digits, and writes it as the SavedModel that TensorFlow Serving loads.

python examples/training/tensorflow/train.py --train examples/training/data --model-dir /tmp/model
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import keras  # type: ignore[import-not-found]
import numpy as np

BRIGHTEST = 16


def main(argv: Sequence[str] | None = None) -> None:
    """Train, say how good the network is, and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    for option, variable, meaning in (
        ("--train", "SM_CHANNEL_TRAIN", "folder with the CSV files: a label, then 64 pixels"),
        ("--model-dir", "SM_MODEL_DIR", "folder to write the model to"),
    ):
        there = os.environ.get(variable)
        parser.add_argument(option, type=Path, default=there, required=there is None, help=meaning)
    given = parser.parse_args(argv)

    keras.utils.set_random_seed(7)
    rows = np.concatenate([np.loadtxt(file, delimiter=",", ndmin=2) for file in sorted(given.train.rglob("*.csv"))])
    np.random.default_rng(7).shuffle(rows)
    network = keras.Sequential(
        [
            keras.Input((64,), name="pixels"),
            keras.layers.Rescaling(1 / BRIGHTEST),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    seen = network.fit(rows[:, 1:], rows[:, 0], validation_split=0.2, epochs=given.epochs, verbose=0).history
    print(f"validation accuracy: {seen['val_accuracy'][-1]:.4f}")
    # TensorFlow Serving looks for a directory named by a version number.
    network.export(given.model_dir / "1")


if __name__ == "__main__":
    main()
