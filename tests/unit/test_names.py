"""Names: exactly what SageMaker's own pattern takes, and a suggestion that it takes as well."""

from __future__ import annotations

import re
import string
from functools import cache

import pytest
from botocore.loaders import Loader
from hypothesis import example, given
from hypothesis import strategies as st

from constructs_lib.serving.names import name_problem


@cache
def sagemaker_pattern(shape: str) -> tuple[re.Pattern[str], int]:
    definition = Loader().load_service_model("sagemaker", "service-2")["shapes"][shape]
    return re.compile(definition["pattern"]), definition["max"]


@given(st.text(string.ascii_letters + string.digits + "-_. é", max_size=70))
@example("a" * 63)
@example("a" * 64)
@example("a-")
@example("-a")
@example("a--b")
@example("a" + "-" * 62 + "b")
@example("")
@example("digits\n")
def test_a_name_is_taken_exactly_when_sagemaker_takes_it(name: str) -> None:
    pattern, longest = sagemaker_pattern("EndpointName")

    assert (name_problem(name) is None) == bool(pattern.fullmatch(name) and len(name) <= longest)


def test_endpoints_and_variants_have_the_same_names() -> None:
    assert (
        sagemaker_pattern("VariantName") == sagemaker_pattern("EndpointName") == sagemaker_pattern("EndpointConfigName")
    )


@given(st.text(max_size=100))
def test_a_suggested_name_is_taken(name: str) -> None:
    suggested = re.search(r"; for example '(.*)'$", name_problem(name) or "")

    assert suggested is None or name_problem(suggested[1]) is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "my_digits",
            "is 'my_digits' (9 characters), but SageMaker allows 1 to 63 letters, digits and hyphens, with no hyphen at "
            "either end; for example 'my-digits'",
        ),
        (
            "d" * 64,
            f"is '{'d' * 64}' (64 characters), but SageMaker allows 1 to 63 letters, digits and hyphens, with no hyphen "
            f"at either end; for example '{'d' * 63}'",
        ),
        (
            "",
            "is '' (0 characters), but SageMaker allows 1 to 63 letters, digits and hyphens, with no hyphen at either "
            "end",
        ),
    ],
)
def test_fails_with_what_is_allowed_and_an_example(name: str, problem: str) -> None:
    assert name_problem(name) == problem


def test_a_token_is_not_checked() -> None:
    assert name_problem("${Token[TOKEN.12]}") is None
