"""The records of one kind of resource, by name."""

from __future__ import annotations

import threading
from typing import Generic, Protocol, TypeVar

from local_aws.errors import ServiceError, validation_error
from local_aws.scope import Scope
from local_aws.services.sagemaker.jobs.job import CompilationJob, TrainingJob, TransformJob


class Named(Protocol):
    """What a table keeps."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def arn(self) -> str:
        """Its ARN."""


Record = TypeVar("Record", bound=Named)


class Table(Generic[Record]):
    """The records of one kind, by name.

    Names are case-insensitive when a resource is created and keep their case afterwards (CreateEndpoint's reference).
    """

    def __init__(self, scope: Scope, kind: str, arn_type: str) -> None:
        self._scope = scope
        self._kind = kind
        self._arn_type = arn_type
        self._records: dict[str, Record] = {}
        self._lock = threading.Lock()

    def arn(self, name: str) -> str:
        """Return the ARN of a name; SageMaker writes names in ARNs in lower case."""
        return self._scope.arn("sagemaker", f"{self._arn_type}/{name.lower()}")

    def add(self, record: Record) -> None:
        """Keep a new record.

        Raises
        ------
        ServiceError
            When there already is one of that name.
        """
        with self._lock:
            if record.name.lower() in self._records:
                raise self._taken(record.arn)
            self._records[record.name.lower()] = record

    def get(self, name: str) -> Record:
        """Return a record.

        Raises
        ------
        ServiceError
            When there is none of that name.
        """
        record = self._records.get(name.lower())
        if record is None:
            raise self._missing(name)
        return record

    def find(self, name: str) -> Record | None:
        """Return a record, or None when there is none of that name."""
        return self._records.get(name.lower())

    def remove(self, name: str) -> None:
        """Forget a record."""
        with self._lock:
            self._records.pop(name.lower(), None)

    def all(self) -> list[Record]:
        """Return every record."""
        with self._lock:
            return list(self._records.values())

    def _taken(self, arn: str) -> ServiceError:
        return validation_error(f'Cannot create already existing {self._kind} "{arn}".')

    def _missing(self, name: str) -> ServiceError:
        return validation_error(f'Could not find {self._kind} "{self.arn(name)}".')


class TrainingJobs(Table[TrainingJob]):
    """Training jobs, which SageMaker has words of its own for."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, TrainingJob.kind, "training-job")

    def _taken(self, arn: str) -> ServiceError:
        return ServiceError(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training job with this name "
            f"already exists ({arn})",
        )

    def _missing(self, name: str) -> ServiceError:
        return validation_error("Requested resource not found.")


class TransformJobs(Table[TransformJob]):
    """Batch transform jobs."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, TransformJob.kind, "transform-job")

    def _taken(self, arn: str) -> ServiceError:
        return ServiceError(
            "ResourceInUse",
            "Job name must be unique within an AWS account and region, and a job with this name already exists "
            f"({arn})",
        )

    def _missing(self, name: str) -> ServiceError:
        return validation_error(f"Could not find requested job with name: {name}")


class CompilationJobs(Table[CompilationJob]):
    """Neo's compilation jobs; AWS documents the codes of their refusals, and the words are ours."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, CompilationJob.kind, "compilation-job")

    def _taken(self, arn: str) -> ServiceError:
        return ServiceError("ResourceInUse", f"A compilation job with this name already exists ({arn})")

    def _missing(self, name: str) -> ServiceError:
        return ServiceError("ResourceNotFound", f'Could not find compilation job "{self.arn(name)}".')
