"""Which names SageMaker takes, and that each is given once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from constructs_lib.serving.problems import Problem, is_token

# botocore sagemaker: EndpointName, EndpointConfigName and VariantName share this pattern.
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_MAX_LENGTH = 63


def name_problem(name: str) -> str | None:
    """Say what is wrong with the name of an endpoint or of a variant.

    Parameters
    ----------
    name
        1 to 63 letters, digits and inner hyphens; a CDK token is not checked.

    Returns
    -------
    str or None
        What is wrong and what would be right; None when SageMaker takes the name.
    """
    if is_token(name) or (_NAME.fullmatch(name) and len(name) <= _MAX_LENGTH):
        return None
    allowed = f"1 to {_MAX_LENGTH} letters, digits and hyphens, with no hyphen at either end"
    suggestion = re.sub(r"[^a-zA-Z0-9]+", "-", name)[:_MAX_LENGTH].strip("-")
    hint = f"; for example '{suggestion}'" if suggestion else ""
    return f"is '{name}' ({len(name)} characters), but SageMaker allows {allowed}{hint}"


def variant_name_problem(name: str) -> str | None:
    """Say what is wrong with the name of a variant, after which constructs are named, so that it is no token."""
    if is_token(name):
        return f"is '{name}', known at deployment only, and constructs are named after it; give it as text"
    return name_problem(name)


def twin_name_problems(field: str, names: Sequence[str]) -> Iterator[Problem]:
    """Check that no two of the things in a field have one name."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(field, f"must each have a name of its own, got '{name}' {names.count(name)} times")
