"""Tags and content types that SageMaker would refuse at deployment are refused before."""

from __future__ import annotations

import pytest

from constructs_lib.sagemaker.data_capture import DataCapture
from constructs_lib.sagemaker.tags import tag_problems
from constructs_lib.serving.problems import InvalidValueError


def told(**tags: str) -> list[str]:
    return [str(problem) for problem in tag_problems(tags)]


def test_tags_have_letters_numbers_spaces_and_some_signs() -> None:
    assert told(team="café 7 +-=._:/@ 日本", é="") == []
    assert told(team="a&b#c") == [
        "'tags.team' has a value with # &, and tags have letters, numbers, spaces and _.:/=+-@ alone, got 'a&b#c'"
    ]
    assert told(**{"t!": "${Token[TOKEN.1]}"}) == [
        "'tags.t!' has a key with !, and tags have letters, numbers, spaces and _.:/=+-@ alone, got 't!'"
    ]


@pytest.mark.parametrize("given", ["csv", "", "text/", "/csv", "text/csv;charset=utf-8", "a" * 300 + "/b"])
def test_what_is_captured_as_text_is_a_content_type(given: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        DataCapture(destination="s3://their-bucket/x", csv_content_types=("text/csv", given))

    assert [str(problem) for problem in caught.value.problems] == [
        f"'csv_content_types.1' must be a content type, such as 'text/csv', got '{given}'"
    ]


def test_content_types_with_hyphens_and_dots_are_taken() -> None:
    capture = DataCapture(
        destination="s3://their-bucket/x", json_content_types=("application/json", "application/vnd-x.v1")
    )

    assert capture.json_content_types[1] == "application/vnd-x.v1"
