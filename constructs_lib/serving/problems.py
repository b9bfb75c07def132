"""How a wrong value is reported: every problem at once, each with the field it is about."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one field.

    Attributes
    ----------
    field
        The field, as its owner names it (``instance_count``), or a path into it (``environment.PORT``). Empty when the
        problem is about the value as a whole.
    message
        What was given, what is allowed, and what to do; lower case, no full stop.
    """

    field: str
    message: str

    def __str__(self) -> str:
        return f"'{self.field}' {self.message}" if self.field else self.message


class InvalidValueError(ValueError):
    """A value that breaks one or more rules; its text has one line per problem.

    Attributes
    ----------
    problems
        The problems, in the order in which they were found.
    """

    def __init__(self, owner: str, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{owner}: {problem}" for problem in problems))


class Problems:
    """Collects the problems of one value, then raises them together."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._found: list[Problem] = []

    @staticmethod
    def of(value: object, owner: str | None = None) -> Problems:
        """Begin the check of a value object with the types of its fields, without which no rule can read them.

        Parameters
        ----------
        value
            An instance of a dataclass.
        owner
            Whose problems they are. None: its class's.

        Raises
        ------
        InvalidValueError
            When a field holds something else than its type says.
        """
        from constructs_lib.serving.field_types import type_problems  # which needs what is above

        problems = Problems(owner or type(value).__name__)
        problems.extend(type_problems(value))
        problems.raise_any()
        return problems

    def add(self, field: str, message: str) -> None:
        """Note that ``field`` is wrong."""
        self._found.append(Problem(field, message))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note problems that somebody else found."""
        self._found.extend(problems)

    def raise_any(self) -> None:
        """Raise what was found.

        Raises
        ------
        InvalidValueError
            When at least one problem was noted.
        """
        if self._found:
            raise InvalidValueError(self._owner, self._found)


def is_token(value: object) -> bool:
    """Tell whether a string or a number stands for one that is only known at deployment (a CDK token).

    No rule can check such a value. The CDK writes a number as a double whose two highest bytes are ``fbff``.
    """
    if isinstance(value, str):
        return "${Token[" in value
    return isinstance(value, float) and struct.pack(">d", value)[:2] == b"\xfb\xff"


def below(value: float, minimum: float) -> bool:
    """Tell whether a number is known to be below its minimum, which a token is not."""
    return not is_token(value) and value < minimum
