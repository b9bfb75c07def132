"""Protobuf's text format, read without a schema."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.text_proto import TextProtoError, parse_text_proto


def test_every_form_of_a_field_is_read() -> None:
    text = """
    # a comment
    name: "digits"  # another
    max_batch_size: 8; backend: 'onnxruntime',
    input [ { name: "x" dims: [ -1, 3 ] }, { name: "}" dims: -1 dims: 3 } ]
    instance_group { kind: KIND_GPU }
    instance_group < count: 2 >
    version_policy: { all { } }
    """

    assert parse_text_proto(text) == {
        "name": ["digits"],
        "max_batch_size": [8],
        "backend": ["onnxruntime"],
        "input": [{"name": ["x"], "dims": [-1, 3]}, {"name": ["}"], "dims": [-1, 3]}],
        "instance_group": [{"kind": ["KIND_GPU"]}, {"count": [2]}],
        "version_policy": [{"all": [{}]}],
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('name "x"', "line 1: '\"x\"' must be the value of 'name', after a colon"),
        ("input {\n  name: ", "line 2: ends too early"),
        ("dims: [1, 2", "line 1: ends too early"),
        ('name: "x\n', "line 1: has quotes that are not closed"),
        ("a: 1\n}", "line 2: '}' must be a field's name"),
        ("a: }", "line 1: '}' must be a value"),
        ("a {" * 60, "line 1: 'a' is nested too deeply"),
        ("a { b: 1 >", "line 1: '>' must be a field's name"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, why: str) -> None:
    with pytest.raises(TextProtoError) as caught:
        parse_text_proto(text)

    assert str(caught.value) == why


@given(st.text(alphabet="ab:{}[]<>,;\"'#\\ \n1", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(TextProtoError):
        assert isinstance(parse_text_proto(text), dict)
