"""Which names SageMaker takes."""

from __future__ import annotations

import re

from constructs_lib.serving.problems import is_token

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
