"""What SageMaker remembers of a job, and how a job moves: in progress → completed, failed, or stopping → stopped."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from local_aws.api import Parameters
from local_aws.errors import validation_error
from local_aws.services.sagemaker.status import Moving, now


class JobStoppedError(Exception):
    """Somebody asked for the job to stop."""


class JobTimedOutError(Exception):
    """The job has run for as long as it may."""


class JobFailedError(Exception):
    """The job cannot go on; the text is its failure reason."""


@dataclass(slots=True, kw_only=True)
class Job(Moving):
    """Work that ends by itself, unless it is stopped or runs out of time."""

    COMPLETED: ClassVar[str] = "Completed"
    FAILED: ClassVar[str] = "Failed"
    STOPPING: ClassVar[str] = "Stopping"
    STOPPED: ClassVar[str] = "Stopped"
    ends: ClassVar[frozenset[str]] = frozenset({COMPLETED, FAILED, STOPPED})

    status: str = "InProgress"
    request: Parameters
    started: datetime | None = None
    ended: datetime | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _deadline: float = math.inf

    def begin_work(self, *, limit: float = math.inf) -> None:
        """Note that the work itself begins, which may take so many seconds."""
        self.started = now()
        self._deadline = time.monotonic() + limit

    def check(self) -> None:
        """Go on, or not.

        Raises
        ------
        JobStoppedError
            When the job is to stop.
        JobTimedOutError
            When its time is over.
        """
        if self._stop.is_set():
            raise JobStoppedError
        if time.monotonic() > self._deadline:
            raise JobTimedOutError

    def pause(self) -> None:
        """Wait a little, and :meth:`check`."""
        self._stop.wait(0.02)
        self.check()

    def stop(self) -> None:
        """Ask the job to stop.

        Raises
        ------
        ServiceError
            When it has ended.
        """
        with self.lock:
            if self.status in self.ends:
                raise validation_error(f"The request was rejected because the {self.kind} is in status {self.status}.")
            self.set_status(self.STOPPING)
            self._stop.set()

    def move(self, status: str) -> None:
        """Move on, unless the job is to stop."""
        with self.lock:
            if self.status != self.STOPPING:
                self.set_status(status)

    def end(self, status: str, *, failure_reason: str | None = None) -> None:
        """End; a job that was asked to stop is stopped, even if it was quicker."""
        with self.lock:
            self.ended = now()
            if self.status == self.STOPPING:
                status, failure_reason = self.STOPPED, None
            self.set_status(status, failure_reason=failure_reason)


@dataclass(slots=True, kw_only=True)
class TrainingJob(Job):
    """A training job."""

    kind: ClassVar[str] = "training job"

    transitions: list[Parameters] = field(default_factory=list)
    metrics: dict[str, Parameters] = field(default_factory=dict)

    @property
    def secondary_status(self) -> str:
        """What it is doing."""
        return str(self.transitions[-1]["Status"])

    def turn_to(self, secondary_status: str, message: str) -> None:
        """Move to another secondary status; a job that is to stop does not go on."""
        with self.lock:
            if self.status == self.STOPPING and secondary_status not in ("Stopping", "Stopped"):
                return
            moment = now()
            if self.transitions:
                self.transitions[-1].setdefault("EndTime", moment)
            self.transitions.append({"Status": secondary_status, "StartTime": moment, "StatusMessage": message})
            self.modified = moment

    def stop(self) -> None:
        """Ask the job to stop."""
        with self.lock:
            Job.stop(self)  # super() does not work in a class with slots
            if self.secondary_status != "Stopping":
                self.turn_to("Stopping", "Stopping the training job")

    def end(self, status: str, *, failure_reason: str | None = None) -> None:
        """End, with the last secondary status."""
        with self.lock:
            Job.end(self, status, failure_reason=failure_reason)
            if self.secondary_status != "MaxRuntimeExceeded":
                self.turn_to(self.status, f"Training job {self.status.lower()}")
            self.transitions[-1]["EndTime"] = self.modified


@dataclass(slots=True, kw_only=True)
class TransformJob(Job):
    """A batch transform job."""

    kind: ClassVar[str] = "transform job"


@dataclass(slots=True, kw_only=True)
class CompilationJob(Job):
    """A compilation job of Neo, whose statuses are in capitals."""

    COMPLETED: ClassVar[str] = "COMPLETED"
    FAILED: ClassVar[str] = "FAILED"
    STOPPING: ClassVar[str] = "STOPPING"
    STOPPED: ClassVar[str] = "STOPPED"
    ends: ClassVar[frozenset[str]] = frozenset({COMPLETED, FAILED, STOPPED})
    kind: ClassVar[str] = "compilation job"

    status: str = "STARTING"
    digest: str = ""
    image: str | None = None
