"""The typed Kubernetes objects: the one place that imports them, since it takes a second.

They come from cdk8s-plus-27; what the charts write is valid on every version of Kubernetes that EKS supports, which
the tests hold.
"""

from __future__ import annotations

from functools import cache

from cdk8s_plus_27 import k8s as objects

__all__ = ["int_or_string", "objects", "quantity"]


@cache
def quantity(text: str) -> objects.Quantity:
    """Give a quantity, such as ``4Gi``. One object serves all its uses: making one is a call to Node."""
    return objects.Quantity.from_string(text)


@cache
def int_or_string(value: str | int) -> objects.IntOrString:
    """Give a port by its name or number, or a count of pods. One object serves all its uses."""
    return objects.IntOrString.from_string(value) if isinstance(value, str) else objects.IntOrString.from_number(value)
