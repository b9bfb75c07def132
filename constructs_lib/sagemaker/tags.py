"""Tags for all the resources of an endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constructs_lib.serving.problems import Problem, is_token

# Source: botocore sagemaker TagKey, TagValue, TagList; "aws:" is AWS's own.
_TAGS_MAX = 50
_KEY_MAX = 128
_VALUE_MAX = 256


def tag_problems(tags: Mapping[str, str]) -> Iterator[Problem]:
    """Hold that AWS takes the tags.

    Parameters
    ----------
    tags
        Values by key: at most 50, keys of 1 to 128 characters that do not begin with ``aws:``, values of at most 256.
    """
    if len(tags) > _TAGS_MAX:
        yield Problem("tags", f"must be at most {_TAGS_MAX}, got {len(tags)}")
    for key, value in tags.items():
        if not is_token(key) and not 1 <= len(key) <= _KEY_MAX:
            yield Problem("tags", f"must have keys of 1 to {_KEY_MAX} characters, got '{key}' ({len(key)})")
        if key.lower().startswith("aws:"):
            yield Problem("tags", f"has '{key}', but keys that begin with 'aws:' are AWS's own; choose another key")
        if not is_token(value) and len(value) > _VALUE_MAX:
            yield Problem(f"tags.{key}", f"must have at most {_VALUE_MAX} characters, got {len(value)}")
