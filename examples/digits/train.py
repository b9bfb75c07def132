"""Trains the digits classifier, and writes what the example deploys.

A small convolutional network learns the 8x8 handwritten digits that come with scikit-learn (1,797 images of the UCI
data set "Optical Recognition of Handwritten Digits"). A quarter of them, the same share of each digit, is held out: the
network never sees it, and the accuracy printed is over it.

    pip install -r examples/digits/requirements.txt
    python examples/digits/train.py

writes `model/model.onnx` and `heldout.csv` (one line per image: its label, then its 64 pixels). With the versions in
requirements.txt and the same kind of processor it writes the committed files again, byte for byte. Other processors
round differently, and training amplifies that: the accuracy stays, and a prediction or two may differ.
"""

# mypy: disallow-subclassing-any=False, warn-return-any=False
# (the development environment has no torch)

import argparse
import csv
import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = Path(__file__).resolve().parent
SEED = 7
EPOCHS = 60
BATCH = 32
LEARNING_RATE = 3e-3
HELD_OUT = 0.25
BRIGHTEST = 16

Pixels = NDArray[np.float32]
Labels = NDArray[np.int64]


class DigitsNet(nn.Module):
    """Two convolutions, a pooling, two dense layers: 21,578 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(32 * 4 * 4, 32),
            nn.ReLU(),
            nn.Linear(32, 10),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Give the logit of each digit for images of shape (batch, 1, 8, 8), pixels from 0 to 1."""
        logits: torch.Tensor = self.layers(images)
        return logits


class Classifier(nn.Module):
    """The trained network as it is served: it gives probabilities."""

    def __init__(self, network: DigitsNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Give the probability of each digit."""
        return torch.softmax(self.network(images), dim=1)


def main(argv: Sequence[str] | None = None) -> int:
    """Train, and write the model and the held-out images."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE, help="folder to write to (default: the example's own)")
    output: Path = parser.parse_args(argv).output

    pixels, labels = load_digits(return_X_y=True)
    train_pixels, test_pixels, train_labels, test_labels = train_test_split(
        pixels.astype(np.float32), labels.astype(np.int64), test_size=HELD_OUT, stratify=labels, random_state=SEED
    )
    classifier = train(train_pixels, train_labels)
    accuracy = float((predict(classifier, test_pixels) == test_labels).mean())

    model_path = output / "model" / "model.onnx"
    model_path.parent.mkdir(parents=True, exist_ok=True)
    export(classifier, model_path)
    write_held_out(output / "heldout.csv", test_pixels, test_labels)
    print(f"accuracy: {accuracy:.2%} of {len(test_labels)} held-out images, trained on {len(train_labels)}")
    print(f"model:    {model_path.stat().st_size:,} bytes")
    return 0


def train(pixels: Pixels, labels: Labels) -> Classifier:
    """Train the network, the same way each time."""
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(mode=True)
    # One thread: sums over more would depend on how many cores there are.
    torch.set_num_threads(1)

    network = DigitsNet()
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    images, targets = _images(pixels), torch.from_numpy(labels)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = nn.functional.cross_entropy(network(_shift(images[batch])), targets[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return Classifier(network).eval()


def predict(classifier: Classifier, pixels: Pixels) -> Labels:
    """Give the most probable digit of each image."""
    with torch.no_grad():
        digits: Labels = classifier(_images(pixels)).argmax(dim=1).numpy()
    return digits


def export(classifier: Classifier, path: Path) -> None:
    """Write the classifier as ONNX, for batches of any size."""
    # The exporter warns of its own deprecated calls, and that torchvision, which nothing here uses, is missing.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(
            classifier,
            (torch.zeros(2, 1, 8, 8),),
            input_names=["images"],
            output_names=["probabilities"],
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no model")
    model = program.model_proto
    # The exporter notes which line of which file each node comes from: noise that differs from machine to machine.
    _forget_origin(model)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def write_held_out(path: Path, pixels: Pixels, labels: Labels) -> None:
    """Write one line per image: its label, then its 64 pixels, 0 to 16."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for label, image in zip(labels.tolist(), pixels.astype(int).tolist(), strict=True):
            writer.writerow([label, *image])


def _images(pixels: Pixels) -> torch.Tensor:
    return torch.from_numpy(pixels / BRIGHTEST).reshape(-1, 1, 8, 8)


def _shift(images: torch.Tensor) -> torch.Tensor:
    """Move each batch by up to one pixel, so that the network learns shapes rather than places."""
    down, right = torch.randint(-1, 2, (2,)).tolist()
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    return padded[:, :, 1 + down : 9 + down, 1 + right : 9 + right]


def _forget_origin(model: onnx.ModelProto) -> None:
    graph = model.graph
    for noted in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        noted.ClearField("metadata_props")
        noted.ClearField("doc_string")


if __name__ == "__main__":
    sys.exit(main())
