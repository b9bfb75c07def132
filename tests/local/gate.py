"""A gate in front of what a test must see under way. Standard library alone: containers import this file."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Self


class Gate:
    """A directory in which whoever comes leaves a note, and waits for the file `open`.

    A container waits where its environment says, and a test sees who is there before it opens: no clock is needed to
    tell what happens at the same time. The end of a ``with`` block opens it.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()

    def enter(self) -> int:
        """Wait until the gate is open; return how many were here at a time meanwhile, this one among them."""
        note = self.directory / f"{uuid.uuid4().hex}.note"
        note.touch()
        most = self.waiting
        while not (self.directory / "open").exists():
            most = max(most, self.waiting)
            time.sleep(0.01)
        note.unlink()
        return most

    @property
    def waiting(self) -> int:
        """How many are here."""
        return len(list(self.directory.glob("*.note")))

    def open(self) -> None:
        """Let everybody through, now and later."""
        (self.directory / "open").touch()
