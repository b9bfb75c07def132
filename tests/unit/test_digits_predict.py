"""The digits example's client, against a client of boto3's shape that answers from memory."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from examples.digits import predict

JSONObject = Mapping[str, object]


class FakeRuntime:
    """Answers each request with what a function makes of its document."""

    def __init__(self, answer: Callable[[Mapping[str, list[object]]], JSONObject]) -> None:
        self._answer = answer
        self.requests: list[JSONObject] = []

    def invoke_endpoint(  # boto3's own spelling
        self,
        *,
        EndpointName: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        ContentType: str,  # noqa: N803
        Accept: str,  # noqa: N803
    ) -> Mapping[str, io.BytesIO]:
        document = json.loads(Body)
        self.requests.append({"name": EndpointName, "document": document, "types": (ContentType, Accept)})
        return {"Body": io.BytesIO(json.dumps(self._answer(document)).encode())}


def _always(digit: int) -> Callable[[Mapping[str, list[object]]], JSONObject]:
    probabilities = [0.9 if number == digit else 0.01 for number in range(10)]
    return lambda document: {
        "predictions": [{"digit": digit, "probabilities": probabilities} for _ in document["instances"]]
    }


def test_held_out_rows_are_450_images_of_all_digits() -> None:
    rows = predict.read_rows()

    assert len(rows) == 450
    assert {row.label for row in rows} == set(range(10))
    assert all(len(row.pixels) == 64 and set(row.pixels) <= set(range(17)) for row in rows)


def test_predict_sends_all_images_in_one_request_of_the_books_shape() -> None:
    runtime = FakeRuntime(_always(4))
    rows = predict.read_rows(limit=3)

    predictions = predict.predict("digits", runtime, rows)

    (request,) = runtime.requests
    assert request["name"] == "digits"
    assert request["types"] == ("application/json", "application/json")
    assert request["document"] == {
        "instances": [[list(row.pixels[line * 8 : line * 8 + 8]) for line in range(8)] for row in rows]
    }
    assert [(prediction.row, prediction.digit, prediction.probability) for prediction in predictions] == [
        (row, 4, 0.9) for row in rows
    ]


def test_fails_when_the_endpoint_leaves_images_out() -> None:
    runtime = FakeRuntime(lambda _: {"predictions": []})

    with pytest.raises(ValueError, match="endpoint 'digits' gave 0 predictions for 2 images"):
        predict.predict("digits", runtime, predict.read_rows(limit=2))


def test_report_draws_digits_and_names_each_mistake() -> None:
    rows = [
        predict.Row(label=1, pixels=(0, 4, 8, 12, 16, 0, 0, 0) * 8),
        predict.Row(label=7, pixels=(16,) * 64),
    ]

    text = predict.report(predict.predict("digits", FakeRuntime(_always(1)), rows))

    assert text.splitlines()[0] == "  ░░▒▒▓▓██      " + "   " + "█" * 16
    assert "predicted 1 ✓      predicted 1 ✗" in text
    assert "label     1        label     7" in text
    assert "accuracy 50.0%: 1 of 2 held-out images" in text
    assert "a 7 was taken for a 1 (with probability 0.90)" in text


def test_accuracy_of_no_predictions_is_zero() -> None:
    assert predict.accuracy([]) == 0.0


def test_rows_are_read_from_any_file_of_the_same_shape(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("5," + ",".join(["1"] * 64) + "\n")

    assert predict.read_rows(path) == [predict.Row(label=5, pixels=(1,) * 64)]
