"""What the jobs of a stack are called: each name begins with its stack and the end of its construct's path.

A name has 63 characters at most, of which what makes it unique takes 16, and the number of a further try 3.
"""

from __future__ import annotations

import re

import aws_cdk as cdk
from constructs import Construct

_STACK_LENGTH = 20
_PART_LENGTH = 22


def stack_prefix(stack: cdk.Stack) -> str:
    """Give what the names of all jobs of a stack begin with."""
    name = cdk.Names.unique_resource_name(
        stack, max_length=_STACK_LENGTH, separator="-", allowed_special_characters="-"
    )
    return name.lower().strip("-")


def job_name(prefix: str, stack: cdk.Stack, scope: Construct) -> str:
    """Give what the names of one construct's jobs begin with.

    Of a long path the last words are kept, as they tell neighbours apart: ``recommendation-large`` of
    ``TrainingJobs/product-recommendation-large``.

    Parameters
    ----------
    prefix
        The stack's.
    stack, scope
        The stack, and the construct in it.
    """
    path = scope.node.path.removeprefix(f"{stack.node.path}/").removesuffix("/Job")
    words = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")
    if len(words) > _PART_LENGTH:
        end = words[-_PART_LENGTH - 1 :]
        words = end.partition("-")[2] or end[1:]
    return f"{prefix}-{words}"
