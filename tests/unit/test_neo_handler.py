"""The handler of the Neo example: what Neo's container calls, and what is called where nothing is compiled."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from examples.neo.handler import inference

REQUEST = b'{"instances": [[1.0, 2.0, 5.0]]}'


def test_a_request_is_read_as_the_model_takes_it() -> None:
    rows = inference.neo_preprocess(REQUEST, "application/json; charset=utf-8")

    assert rows.dtype == np.float32
    assert rows.tolist() == [[1.0, 2.0, 5.0]]


def test_another_content_type_says_what_to_send() -> None:
    with pytest.raises(ValueError, match=r"^cannot read 'text/csv'; send application/json$"):
        inference.input_fn("1,2,5", "text/csv")


def test_both_ways_give_the_same_answer() -> None:
    class Session:
        def get_inputs(self) -> list[Any]:
            return [type("Input", (), {"name": "x"})]

        def run(self, outputs: None, inputs: dict[str, Any]) -> list[Any]:
            return [inputs["x"] * 2]

    rows = inference.input_fn(REQUEST)
    answer = inference.output_fn(inference.predict_fn(rows, Session()))

    assert answer == inference.neo_postprocess([rows * 2])[0]
    assert json.loads(answer) == {"predictions": [[2.0, 4.0, 10.0]]}
