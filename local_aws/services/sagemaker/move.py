"""How endpoints and inference components move: on a thread of its own, so that the API answers at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from local_aws.errors import ServiceError
from local_aws.services.sagemaker.plane import plane
from local_aws.services.sagemaker.status import Moving

_log = logging.getLogger(__name__)


class _Closable(Protocol):
    def close(self) -> None: ...


Opened = TypeVar("Opened", bound=_Closable)


def move(resource: Moving, verb: str, work: Callable[[], None], *, otherwise: str) -> None:
    """Start a move.

    Parameters
    ----------
    resource
        In a status in which something is under way.
    verb
        What is done to it, for the log.
    work
        Sets the status in the end, or raises; the error is the resource's failure reason.
    otherwise
        The status after an error.
    """

    def guarded() -> None:
        try:
            work()
        except ServiceError as refused:
            reason = refused.message
        except Exception as failure:
            reason = str(failure) or type(failure).__name__
            if not isinstance(failure, plane().failure):
                # Not even a defect of local AWS may leave callers waiting for a status that never comes.
                _log.exception("could not %s %s %s", verb, resource.kind, resource.name)
                reason = f"local AWS could not {verb} the {resource.kind} (see its log): {reason}"
        else:
            return
        resource.set_status(otherwise, failure_reason=reason)

    threading.Thread(target=guarded, name=f"{verb} {resource.kind} {resource.name}", daemon=True).start()


def open_together(openers: Sequence[Callable[[], Opened]]) -> list[Opened]:
    """Open things at the same time; when one fails, close the others and raise its error."""
    with ThreadPoolExecutor(max_workers=len(openers), thread_name_prefix="open") as pool:
        futures = [pool.submit(opener) for opener in openers]
    failures = [failure for future in futures if (failure := future.exception())]
    if failures:
        for future in futures:
            if future.exception() is None:
                future.result().close()
        raise failures[0]
    return [future.result() for future in futures]
