"""Where a settings file is: local paths in it are relative to its own directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """What readers of a settings file are handed as pydantic's context.

    Attributes
    ----------
    directory
        The directory of the file.
    """

    directory: Path
