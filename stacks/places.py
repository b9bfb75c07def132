"""Where a settings file is: local paths in it are relative to its own directory, and what they name must be there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeVar

from pydantic import AfterValidator, ValidationInfo

from constructs_lib.serving.problems import Problem, Problems


class _WithPaths(Protocol):
    def relative_to(self, directory: Path) -> Self: ...


AValue = TypeVar("AValue", bound=_WithPaths)


@dataclass(frozen=True, slots=True)
class Place:
    """What readers of a settings file are handed as pydantic's context.

    Attributes
    ----------
    directory
        The directory of the file.
    """

    directory: Path


def local_files(owner: str, problems_of: Callable[[AValue], Iterable[Problem]]) -> AfterValidator:
    """Have a value's local paths read as seen from the settings file, and the files that they name checked.

    Parameters
    ----------
    owner
        What the value is called in an error.
    problems_of
        Finds what is wrong with its files.
    """

    def read(value: AValue, info: ValidationInfo) -> AValue:
        if isinstance(info.context, Place):
            value = value.relative_to(info.context.directory)
            problems = Problems(owner)
            problems.extend(problems_of(value))
            problems.raise_any()
        return value

    return AfterValidator(read)
