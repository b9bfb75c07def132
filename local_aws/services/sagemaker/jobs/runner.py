"""Run a job on a thread of its own, so that the API answers at once; however it ends, its status says how."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from local_aws.errors import ServiceError
from local_aws.services.sagemaker.jobs.job import Job, JobFailedError, JobStoppedError

_log = logging.getLogger(__name__)


def run(job: Job, work: Callable[[], None]) -> None:
    """Start a job's work.

    Parameters
    ----------
    job
        The job, in progress.
    work
        Returns when the job is complete. Raises :class:`JobStoppedError`; :class:`JobFailedError` with the failure
        reason; or a ServiceError when its role lacks a right. It may end the job itself.
    """

    def guarded() -> None:
        try:
            work()
        except JobStoppedError:
            job.end(job.STOPPED)
        except JobFailedError as failure:
            job.end(job.FAILED, failure_reason=str(failure))
        except ServiceError as refused:
            job.end(job.FAILED, failure_reason=f"ClientError: {refused.message}")
        except Exception:
            # A defect of local AWS must not leave callers waiting for an end that never comes.
            _log.exception("%s %s", job.kind, job.name)
            job.end(job.FAILED, failure_reason="InternalServerError: local AWS could not run the job: see its log.")
        else:
            if not job.settled.is_set():
                job.end(job.COMPLETED)

    threading.Thread(target=guarded, name=f"{job.kind} {job.name}", daemon=True).start()
