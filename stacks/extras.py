"""Packages that only an extra installs: what lacks them says so in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtraError(ImportError):
    """A package is not installed that an extra of this one brings; the text says what to run."""


@contextmanager
def needs_extra(extra: str, what: str) -> Iterator[None]:
    """Import the packages of an extra within it.

    Parameters
    ----------
    extra
        Name of the extra.
    what
        What needs it, in the plural.

    Raises
    ------
    MissingExtraError
        When one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        needed = f"{what} need {error.name}, which is not installed"
        raise MissingExtraError(f"{needed}; run: pip install 'inference-constructs[{extra}]'") from error
