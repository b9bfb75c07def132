"""Sends the held-out digits to an endpoint, and compares its answers with the true labels.

    python examples/digits/predict.py --endpoint digits

It is plain boto3: against local AWS, set `AWS_ENDPOINT_URL` to what `inference local status` prints.
"""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

HELD_OUT = Path(__file__).resolve().parent / "heldout.csv"
SIDE = 8
BRIGHTEST = 16

# Two characters make a pixel about square in a terminal.
SHADES = ("  ", "░░", "▒▒", "▓▓", "██")


class RuntimeClient(Protocol):
    """As much of boto3's `sagemaker-runtime` client as is used here."""

    def invoke_endpoint(self, *, EndpointName: str, Body: bytes, ContentType: str, Accept: str) -> Any:  # noqa: N803
        """Send one request to an endpoint."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A held-out image: its 64 pixels, 0 to 16, and the digit that its writer meant."""

    label: int
    pixels: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the endpoint took an image for."""

    row: Row
    digit: int
    probability: float

    @property
    def correct(self) -> bool:
        """Whether it is the digit that was meant."""
        return self.digit == self.row.label


def read_rows(path: Path = HELD_OUT, limit: int | None = None) -> list[Row]:
    """Read images from a file such as `heldout.csv`.

    Parameters
    ----------
    path
        File with one image per line: its label, then its 64 pixels.
    limit
        How many to read. None: all of them.
    """
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))[:limit]
    return [Row(label=int(label), pixels=tuple(int(pixel) for pixel in pixels)) for label, *pixels in lines]


def predict(endpoint_name: str, runtime_client: RuntimeClient, rows: Sequence[Row]) -> list[Prediction]:
    """Ask an endpoint for the digit of each image, in one request.

    Parameters
    ----------
    endpoint_name
        Name of the endpoint.
    runtime_client
        `boto3.client("sagemaker-runtime")`.
    rows
        The images. A request may have 6 MB, which is some 20,000 of them.

    Raises
    ------
    ValueError
        If the endpoint does not answer with one prediction per image.
    """
    instances = [_square(row.pixels) for row in rows]
    answer = runtime_client.invoke_endpoint(
        EndpointName=endpoint_name,
        Body=json.dumps({"instances": instances}).encode(),
        ContentType="application/json",
        Accept="application/json",
    )
    predictions = json.loads(answer["Body"].read())["predictions"]
    if len(predictions) != len(rows):
        raise ValueError(f"endpoint '{endpoint_name}' gave {len(predictions)} predictions for {len(rows)} images")
    return [
        Prediction(row=row, digit=given["digit"], probability=given["probabilities"][given["digit"]])
        for row, given in zip(rows, predictions, strict=True)
    ]


def accuracy(predictions: Sequence[Prediction]) -> float:
    """Give the share of images that were taken for the digit that was meant, 0 to 1."""
    return sum(prediction.correct for prediction in predictions) / len(predictions) if predictions else 0.0


def draw(predictions: Sequence[Prediction]) -> str:
    """Draw images side by side, as text, each above what it was taken for."""
    pictures = [
        [
            *("".join(_shade(pixel) for pixel in line) for line in _square(prediction.row.pixels)),
            f"predicted {prediction.digit} {'✓' if prediction.correct else '✗'}",
            f"label     {prediction.row.label}",
        ]
        for prediction in predictions
    ]
    width = SIDE * 2
    return "\n".join("   ".join(line.ljust(width) for line in lines).rstrip() for lines in zip(*pictures, strict=True))


def report(predictions: Sequence[Prediction], drawn: int = 5) -> str:
    """Say how good predictions are: the first few drawn, the accuracy over all, and each mistake in a line."""
    mistakes = [prediction for prediction in predictions if not prediction.correct]
    right = len(predictions) - len(mistakes)
    return "\n".join(
        [
            draw(predictions[:drawn]),
            "",
            f"accuracy {accuracy(predictions):.1%}: {right} of {len(predictions)} held-out images",
            *(
                f"  a {mistake.row.label} was taken for a {mistake.digit} (with probability {mistake.probability:.2f})"
                for mistake in mistakes
            ),
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="name of the endpoint")
    parser.add_argument("--region", help="its region (default: as boto3 finds it)")
    parser.add_argument("--limit", type=int, help="how many images to send (default: all 450)")
    arguments = parser.parse_args(argv)

    import boto3  # here: whoever brings a client of their own needs none
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.client("sagemaker-runtime", region_name=arguments.region)
        print(report(predict(arguments.endpoint, client, read_rows(limit=arguments.limit))))
    except (BotoCoreError, ClientError) as error:
        print(f"predict.py: {error}", file=sys.stderr)
        return 1
    return 0


def _square(pixels: Sequence[int]) -> list[list[int]]:
    return [list(pixels[start : start + SIDE]) for start in range(0, SIDE * SIDE, SIDE)]


def _shade(pixel: int) -> str:
    return SHADES[round(pixel * (len(SHADES) - 1) / BRIGHTEST)]


if __name__ == "__main__":
    sys.exit(main())
