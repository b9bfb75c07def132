"""The one state machine of SageMaker: endpoints, inference components and jobs move and settle in the same way."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from local_aws.errors import validation_error

# FailureReason is a string of at most 1024 characters.
_LONGEST_REASON = 1024
_JUST_NOW = 0.5


class Moves:
    """Tells whoever waits that something has settled, wherever it is."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._latest = -math.inf

    def tell(self) -> None:
        """Say that something has settled."""
        with self._changed:
            self._latest = time.monotonic()
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait for so many seconds, or until something settles; what settled just now may not have been seen."""
        with self._changed:
            if time.monotonic() - self._latest > _JUST_NOW:
                self._changed.wait(seconds)


MOVES = Moves()


def now() -> datetime:
    """Return the current time, as AWS keeps it."""
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Moving:
    """A resource with a status; while it is not settled, something is under way."""

    kind: ClassVar[str]
    # "Deleted" is ours: the resource is gone by then, and whoever waited for that is told.
    ends: ClassVar[frozenset[str]] = frozenset({"InService", "Failed", "Deleted"})

    name: str
    arn: str
    status: str = "Creating"
    failure_reason: str | None = None
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    settled: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def begin(self, status: str) -> str:
        """Move to a status in which something is under way; return the one before.

        Raises
        ------
        ServiceError
            When something is under way already.
        """
        with self.lock:
            if self.status not in self.ends:
                raise validation_error(f'Cannot update in-progress {self.kind} "{self.arn}".')
            before = self.status
            self.set_status(status)
            return before

    def set_status(self, status: str, *, failure_reason: str | None = None) -> None:
        """Move to another status; one of the ends settles what was under way."""
        with self.lock:
            self.failure_reason = failure_reason[:_LONGEST_REASON] if failure_reason else None
            self.status = status
            self.modified = now()
            if status in self.ends:
                self.settled.set()
            else:
                self.settled.clear()
        if status in self.ends:
            MOVES.tell()
