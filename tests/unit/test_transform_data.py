"""What batch transform does with records and rows on local AWS, without a model."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.services.sagemaker.jobs import records
from local_aws.services.sagemaker.jobs.data_processing import DataProcessing
from local_aws.services.sagemaker.jobs.job import JobFailedError
from local_aws.services.sagemaker.jobs.json_path import JsonPath
from local_aws.services.sagemaker.jobs.transform_settings import TransformSettings

# --- Records ----------------------------------------------------------------------------------------------------------


def record_io(*contents: bytes) -> bytes:
    return b"".join(struct.pack("<II", 0xCED7230A, len(c)) + c + b"\0" * (-len(c) % 4) for c in contents)


def tf_records(*contents: bytes) -> bytes:
    return b"".join(struct.pack("<QI", len(c), 0) + c + struct.pack("<I", 0) for c in contents)


@pytest.mark.parametrize(("split_type", "frame"), [("RecordIO", record_io), ("TFRecord", tf_records)])
@given(contents=st.lists(st.binary(max_size=20), max_size=5))
def test_binary_records_are_found_whatever_they_hold(split_type: str, frame: Any, contents: list[bytes]) -> None:
    found = records.split(frame(*contents), split_type)

    assert [record.content for record in found] == contents
    assert b"".join(record.framed for record in found) == frame(*contents)


@pytest.mark.parametrize(
    ("split_type", "body", "reason"),
    [
        ("RecordIO", b"hello, world", "a file of RecordIO records: there is no whole record at byte 0"),
        ("RecordIO", record_io(b"abcd")[:-2], "a file of RecordIO records: the record at byte 0 is cut off"),
        ("TFRecord", tf_records(b"abcd")[:-1], "a file of TFRecord records: the record at byte 0 is cut off"),
    ],
)
def test_a_file_of_another_format_is_named(split_type: str, body: bytes, reason: str) -> None:
    with pytest.raises(JobFailedError, match="ClientError: the object is not ") as caught:
        records.split(body, split_type)

    assert str(caught.value).endswith(reason)


def test_lines_are_records_but_for_empty_ones() -> None:
    found = records.split(b"1,2\r\n\n3\n", "Line")

    assert [(record.framed, record.content) for record in found] == [(b"1,2\r\n", b"1,2"), (b"3\n", b"3")]
    assert records.body_of(found, strategy="MultiRecord") == b"1,2\r\n3\n"
    assert records.body_of(found[:1], strategy="SingleRecord") == b"1,2"


@pytest.mark.parametrize(
    ("strategy", "limit", "sizes"),
    [("MultiRecord", 7, [2, 2, 1]), ("MultiRecord", 0, [5]), ("SingleRecord", 7, [1, 1, 1, 1, 1])],
)
def test_as_many_records_are_sent_together_as_fit(strategy: str, limit: int, sizes: list[int]) -> None:
    found = records.split(b"12\n" * 5, "Line")

    assert [len(batch) for batch in records.payloads(found, strategy=strategy, limit=limit)] == sizes


def test_a_record_larger_than_a_payload_is_refused() -> None:
    with pytest.raises(JobFailedError) as caught:
        records.payloads(records.split(b"12345\n", "Line"), strategy="MultiRecord", limit=5)

    assert str(caught.value) == "ClientError: Too much data for max payload size: a record has 6 bytes"


# --- Settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "recommended", "expected"),
    [
        ({}, {}, "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"),
        (
            {"MaxConcurrentTransforms": 0, "MaxPayloadInMB": 2},
            {"MaxConcurrentTransforms": 8, "MaxPayloadInMB": 4, "BatchStrategy": "SINGLE_RECORD"},
            "MaxConcurrentTransforms=8, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD",
        ),
        (
            {"BatchStrategy": "MultiRecord", "MaxConcurrentTransforms": 3},
            {"MaxConcurrentTransforms": 8, "BatchStrategy": "SINGLE_RECORD"},
            "MaxConcurrentTransforms=3, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD",
        ),
    ],
)
def test_what_a_job_asks_for_goes_before_what_its_container_recommends(
    request_: dict[str, Any], recommended: dict[str, Any], expected: str
) -> None:
    assert str(TransformSettings.of(request_, recommended)) == expected


# --- Filters and joins ------------------------------------------------------------------------------------------------


def processing(media_type: str, *, split: str = "Line", accept: str | None = None, **given_: str) -> DataProcessing:
    return DataProcessing(
        {
            "TransformInput": {"ContentType": media_type, "SplitType": split},
            "TransformOutput": {"Accept": accept or media_type},
            "DataProcessing": given_,
        }
    )


@pytest.mark.parametrize(
    ("given_", "sent", "kept"),
    [
        ({"InputFilter": "$[1:]"}, b"2\n4", b"x\ny"),
        ({"InputFilter": "$[1:]", "JoinSource": "Input"}, b"2\n4", b"7,2,x\n8,4,y"),
        ({"JoinSource": "Input", "OutputFilter": "$[0,-1]"}, b"7,2\n8,4", b"7,x\n8,y"),
        ({"JoinSource": "Input", "OutputFilter": "$[1]"}, b"7,2\n8,4", b"2\n4"),
    ],
)
def test_columns_of_csv_are_filtered_and_joined(given_: dict[str, str], sent: bytes, kept: bytes) -> None:
    done = processing("text/csv", **given_)

    assert done.is_active
    assert done.to_send(b"7,2\n8,4\n") == sent
    assert done.to_keep(b"7,2\n8,4\n", b"x\ny\n") == kept


def test_quotes_of_csv_are_kept_where_they_are_needed() -> None:
    done = processing("text/csv; charset=utf-8", InputFilter="$[1:]")

    assert done.to_send(b'1,"a, b",c\n') == b'"a, b",c'


@pytest.mark.parametrize(
    ("given_", "sent", "kept"),
    [
        ({"InputFilter": "$.features"}, [1, 2], [2, 4]),
        (
            {"InputFilter": "$.features", "JoinSource": "Input"},
            [1, 2],
            {"id": 1, "features": [1, 2], "SageMakerOutput": [2, 4]},
        ),
        (
            {"InputFilter": "$['features']", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
            [1, 2],
            {"id": 1, "SageMakerOutput": [2, 4]},
        ),
        ({"InputFilter": "$['features'][0:1]", "OutputFilter": "$[0]"}, [1], 2),
    ],
)
@pytest.mark.parametrize("split", ["Line", "None"])
def test_members_of_json_are_filtered_and_joined(given_: dict[str, str], sent: Any, kept: Any, split: str) -> None:
    body = b'{"id": 1, "features": [1, 2]}'
    done = processing("application/json", split=split, **given_)

    assert json.loads(done.to_send(body)) == sent
    assert json.loads(done.to_keep(body, b"[2, 4]")) == kept


def test_input_that_is_no_object_is_joined_into_one() -> None:
    done = processing("application/jsonlines", JoinSource="Input")

    assert done.to_keep(b"[1]\n[2]\n", b"[2]\n[4]\n") == (
        b'{"SageMakerInput": [1], "SageMakerOutput": [2]}\n{"SageMakerInput": [2], "SageMakerOutput": [4]}'
    )


@pytest.mark.parametrize(
    ("given_", "answer", "reason"),
    [
        (
            {"OutputFilter": "$[3]"},
            b"1",
            "ClientError: $[3] selects nothing of a record (IndexError: list index out of range)",
        ),
        (
            {"JoinSource": "Input"},
            b"1\n2",
            "ClientError: the model answered 1 records with 2, which cannot be joined",
        ),
        ({"OutputFilter": "$[0]"}, b"\xff", "ClientError: Failed to parse the data as text/csv: "),
    ],
)
def test_an_answer_that_does_not_fit_fails(given_: dict[str, str], answer: bytes, reason: str) -> None:
    with pytest.raises(JobFailedError) as caught:
        processing("text/csv", **given_).to_keep(b"1,2\n", answer)

    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize(
    ("media_type", "accept", "reason"),
    [
        ("image/png", "text/csv", "DataProcessing works on text/csv, application/json, application/jsonlines, "),
        ("text/csv", "application/json", "ContentType is text/csv and Accept is application/json."),
    ],
)
def test_formats_that_cannot_be_joined_are_refused(media_type: str, accept: str, reason: str) -> None:
    with pytest.raises(ValueError, match="ContentType is ") as caught:
        processing(media_type, accept=accept, JoinSource="Input")

    assert reason in str(caught.value)


# --- JSONPath ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", {"a": [1, 2, 3], "b": {"c-d": 4}}),
        ("$.a", [1, 2, 3]),
        ("$['b'].c-d", 4),
        ("$.a[-1]", 3),
        ("$.a[0,2]", [1, 3]),
        ("$.a[0,1:]", [1, 2, 3]),
        ("$.a[:2]", [1, 2]),
        ("$['b', 'a']", {"b": {"c-d": 4}, "a": [1, 2, 3]}),
        ("$.b.*", [4]),
        ("$.a[*]", [1, 2, 3]),
    ],
)
def test_a_path_selects_a_part(path: str, expected: Any) -> None:
    assert JsonPath(path).select({"a": [1, 2, 3], "b": {"c-d": 4}}) == expected


@pytest.mark.parametrize("path", ["", "a", "[0]", "$..a", "$.a[", "$.a[]", "$[?(@.a>1)]", "$ "])
def test_what_is_no_path_is_named(path: str) -> None:
    with pytest.raises(ValueError, match="is not a supported JSONPath expression") as caught:
        JsonPath(path)

    assert str(caught.value).startswith(repr(path))


@pytest.mark.parametrize("path", ["$.c", "$.a[7]", "$.a.b", "$.b[0]"])
def test_a_part_that_is_not_there_is_an_error(path: str) -> None:
    with pytest.raises(LookupError):
        JsonPath(path).select({"a": [1, 2, 3], "b": {"c": 4}})
