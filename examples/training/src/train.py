"""Trains a network that reads handwritten digits, as SageMaker's script mode runs a script.

One hidden layer, in NumPy alone: the same file trains on SageMaker, on local AWS and by hand.

    python examples/training/src/train.py --train examples/training/data --model-dir /tmp/model
"""

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# The handler, which stands beside this script.
from serve.inference import BRIGHTEST, predict_fn  # type: ignore[import-not-found]

HERE = Path(__file__).resolve().parent
DIGITS = 10
VALIDATION = 0.2

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Weights = dict[str, Array]


def main(argv: Sequence[str] | None = None) -> None:
    """Train, say how good the network is, and write it with its handler."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--hidden", type=int, default=64, help="units of the hidden layer")
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=7)
    for option, variable, meaning in (
        ("--train", "SM_CHANNEL_TRAIN", "folder with the CSV files"),
        ("--model-dir", "SM_MODEL_DIR", "folder to write the model to"),
    ):
        there = os.environ.get(variable)
        parser.add_argument(option, type=Path, default=there, required=there is None, help=meaning)
    given = parser.parse_args(argv)

    random = np.random.default_rng(given.seed)
    pixels, labels = read(given.train)
    order = random.permutation(len(labels))
    held_out, used = np.split(order, [int(len(order) * VALIDATION)])
    weights = train(
        pixels[used], labels[used], random, epochs=given.epochs, hidden=given.hidden, rate=given.learning_rate
    )
    right = (predict_fn(pixels[held_out], weights).argmax(axis=1) == labels[held_out]).mean()
    print(f"validation accuracy: {right:.4f}")

    given.model_dir.mkdir(parents=True, exist_ok=True)
    np.savez(given.model_dir / "weights.npz", **weights)  # type: ignore[arg-type]
    # What the endpoint's container needs beside the weights: the handler.
    shutil.copytree(
        HERE / "serve", given.model_dir / "code", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )


def read(folder: Path) -> tuple[Array, Labels]:
    """Read every CSV of a folder: a label, then 64 pixels, 0 to 16."""
    rows = np.concatenate([np.loadtxt(file, delimiter=",", ndmin=2) for file in sorted(folder.rglob("*.csv"))])
    return rows[:, 1:] / BRIGHTEST, rows[:, 0].astype(np.int64)


def train(
    pixels: Array, labels: Labels, random: np.random.Generator, *, epochs: int, hidden: int, rate: float
) -> Weights:
    """Train by stochastic gradient descent with momentum."""
    side = pixels.shape[1]
    weights = {
        "hidden": random.normal(0, np.sqrt(2 / side), (side, hidden)),
        "hidden_bias": np.zeros(hidden),
        "output": random.normal(0, np.sqrt(1 / hidden), (hidden, DIGITS)),
        "output_bias": np.zeros(DIGITS),
    }
    speed = {name: np.zeros_like(value) for name, value in weights.items()}
    for epoch in range(epochs):
        for batch in np.array_split(random.permutation(len(labels)), len(labels) // 32):
            for name, slope in slopes(weights, pixels[batch], labels[batch]).items():
                speed[name] = 0.9 * speed[name] - rate * (1 - epoch / epochs) * slope
                weights[name] = weights[name] + speed[name]
    return weights


def slopes(weights: Weights, pixels: Array, labels: Labels) -> Weights:
    """Give the gradient of the cross entropy over one batch."""
    active = np.maximum(pixels @ weights["hidden"] + weights["hidden_bias"], 0)
    error = (predict_fn(pixels, weights) - np.eye(DIGITS)[labels]) / len(labels)
    back = (error @ weights["output"].T) * (active > 0)
    return {
        "hidden": pixels.T @ back,
        "hidden_bias": back.sum(axis=0),
        "output": active.T @ error,
        "output_bias": error.sum(axis=0),
    }


if __name__ == "__main__":
    main()
