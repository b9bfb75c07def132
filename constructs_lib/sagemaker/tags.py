"""Tags for all the resources of an endpoint."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from constructs_lib.serving.problems import Problem, is_token

# Source: botocore sagemaker TagKey, TagValue, TagList; "aws:" is AWS's own.
_TAGS_MAX = 50
_KEY_MAX = 128
_VALUE_MAX = 256
_SIGNS = "_.:/=+-@"  # besides letters, numbers and spaces of any language


def tag_problems(tags: Mapping[str, str]) -> Iterator[Problem]:
    """Check that AWS takes the tags.

    Parameters
    ----------
    tags
        Values by key: at most 50, keys of 1 to 128 characters that do not begin with ``aws:``, values of at most 256;
        both of letters, numbers, spaces and ``_.:/=+-@``.
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
        for what, text in (("key", key), ("value", value)):
            if not is_token(text) and (odd := sorted({sign for sign in text if not _is_allowed(sign)})):
                signs = " ".join(odd)
                allowed = f"letters, numbers, spaces and {_SIGNS}"
                yield Problem(f"tags.{key}", f"has a {what} with {signs}, and tags have {allowed} alone, got '{text}'")


def _is_allowed(sign: str) -> bool:
    return sign in _SIGNS or unicodedata.category(sign)[0] in "LNZ"
