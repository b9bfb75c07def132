"""Handlers of CloudFormation's resource types, as MiniStack keeps them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def then(first: Callable[..., Any], second: Callable[[Any, Any], Any], *, of: int) -> Callable[..., Any]:
    """Return a handler that hands the result on, with the argument that has the properties."""
    return lambda *arguments: second(first(*arguments), arguments[of])
