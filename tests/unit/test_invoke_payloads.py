"""What is sent and what is shown: requests read from files, answers as tables, JSON and bytes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from threading import Barrier

import numpy
import pytest

from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke.answer import Answer
from constructs_lib.tools.invoke.latency import Latency, measure
from constructs_lib.tools.invoke.payload import Payload, json_payload


def npy(array: numpy.ndarray) -> bytes:
    out = io.BytesIO()
    numpy.save(out, array)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("request.json", b"{}", "application/json"),
        ("rows.csv", b"1,2", "text/csv"),
        ("array.npy", b"", "application/x-npy"),
        ("cat.png", b"", "image/png"),
        ("question.txt", b"", "text/plain"),
    ],
)
def test_a_files_suffix_says_what_it_holds(name: str, content: bytes, content_type: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)

    payload = Payload.of_file(tmp_path / name)

    assert (payload.body, payload.content_type) == (content, content_type)


def test_what_a_file_holds_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "tensor.bin").write_bytes(b"\1")

    assert (
        Payload.of_file(tmp_path / "tensor.bin", content_type="application/x-recordio").kind == "application/x-recordio"
    )


def test_a_file_whose_name_says_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ToolError, match=r"^cannot tell what '.*tensor\.bin2' holds by its name; say it, as in --content"
    ):
        Payload.of_file(tmp_path / "tensor.bin2")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"^cannot read '.*gone\.json': No such file or directory$"):
        Payload.of_file(tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("payload", "instances"),
    [
        (json_payload({"instances": [1, [2]]}), [1, [2]]),
        (json_payload([1.5]), [1.5]),
        (Payload(body=b"1,2.5,x\n\n3,4,y\n", content_type="text/csv; charset=utf-8"), [[1, 2.5, "x"], [3, 4, "y"]]),
        (Payload(body=npy(numpy.eye(2)), content_type="application/x-npy"), [[1.0, 0.0], [0.0, 1.0]]),
        (Payload(body=b"\x89", content_type="image/png"), [{"b64": "iQ=="}]),
    ],
)
def test_every_kind_of_request_has_its_instances(payload: Payload, instances: list[object]) -> None:
    assert payload.instances() == instances


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (Payload(body=b"{", content_type="application/json"), "the request is no JSON: "),
        (json_payload({"inputs": 1}), "the request has no instances; give a JSON list, or an object with 'instances'"),
        (Payload(body=b"[" * 100_000, content_type="application/json"), "the request is no JSON: maximum recursion"),
        (Payload(body=b"\xff", content_type="text/csv"), "the request is no CSV: 'utf-8' codec can't decode"),
        (Payload(body=b"x" * 200_000, content_type="text/csv"), "the request is no CSV: field larger than"),
        (Payload(body=b"", content_type="application/x-npy"), "the request is no array: "),
        (Payload(body=b"PK\x03\x04", content_type="application/x-npy"), "the request is no array: "),
        (Payload(body=b"", content_type="text/plain"), "a request of text/plain has no instances; give JSON, CSV, NPY"),
    ],
)
def test_a_request_without_instances_says_why(payload: Payload, message: str) -> None:
    with pytest.raises(ToolError) as raised:
        payload.instances()

    assert str(raised.value).startswith(message)


def test_an_array_that_is_a_pickle_is_refused() -> None:
    pickled = npy(numpy.array([{}], dtype=object))

    with pytest.raises(
        ToolError, match=r"^the request is no array: Object arrays cannot be loaded when allow_pickle=F"
    ):
        Payload(body=pickled, content_type="application/x-npy").array()


@pytest.mark.parametrize(
    ("answer", "table"),
    [
        (Answer(body=b'{"predictions": [2.5, 3]}'), "   prediction\n0         2.5\n1           3"),
        (Answer(body=b'{"predictions": [[1, 2], [3, 4]]}'), "   0  1\n0  1  2\n1  3  4"),
        (
            Answer(body=b'{"predictions": [{"digit": 7, "scores": [0.5]}, {"digit": 1}]}'),
            "   digit  scores\n0      7   [0.5]\n1      1",
        ),
        (Answer(body=b'{"id": "x"}'), "   id\n0   x"),
        (Answer(body=b"1,2\n", content_type="text/csv"), "   0  1\n0  1  2"),
        (Answer(body=npy(numpy.array([1.5])), content_type="application/x-npy"), "   prediction\n0         1.5"),
        (Answer(body=b"plain words", content_type="text/plain"), "plain words"),
        (Answer(body=b"[]"), "[]"),
        (Answer(body=b"\xff,1", content_type="text/csv"), "\ufffd,1"),
        (Answer(body=b"no array", content_type="application/x-npy"), "no array"),
        (Answer(body=b"[" * 100_000), "[" * 100_000),
    ],
)
def test_an_answer_is_shown_as_a_table(answer: Answer, table: str) -> None:
    assert answer.as_table() == table


def test_a_long_cell_is_cut() -> None:
    table = Answer(body=json.dumps(["x" * 100]).encode()).as_table()

    assert table.splitlines()[1] == "0  " + "x" * 59 + "…"


def test_an_answer_is_shown_as_json() -> None:
    assert Answer(body='{"a":["é"]}'.encode()).as_json() == '{\n  "a": [\n    "é"\n  ]\n}'


def test_the_latency_summary_gives_percentiles_by_nearest_rank() -> None:
    latency = Latency(seconds=tuple(number / 1000 for number in range(1, 101)), elapsed=2.0, errors={"busy": 3})

    assert latency.summary() == (
        "100 answers, 3 errors in 2.00 s, 50.0 a second\nms: min 1.0  p50 50.0  p90 90.0  p99 99.0  max 100.0\n3 x busy"
    )


def test_calls_are_counted_as_answers_or_errors() -> None:
    answers = iter([True, False, True])

    def call() -> None:
        if not next(answers):
            raise ToolError("busy")

    taken = measure(call, repeat=3)

    assert (len(taken.seconds), taken.errors) == (2, {"busy": 1})


def test_calls_at_once_are_all_counted() -> None:
    together = Barrier(4)

    def call() -> None:
        together.wait(30)
        raise ToolError("busy")

    assert measure(call, repeat=8, concurrency=4).errors == {"busy": 8}


def test_what_is_no_users_mistake_is_raised() -> None:
    def call() -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError, match=r"^a bug$"):
        measure(call, repeat=2, concurrency=2)
