"""Step Functions: the pause before a retry ends early when what is waited for may have happened."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions

from local_aws.services.sagemaker.status import MOVES

_is_in_wait_state: contextvars.ContextVar[bool] = contextvars.ContextVar("is_in_wait_state", default=False)


def install() -> None:
    """Try again as soon as an endpoint or a job of SageMaker settles; a ``Wait`` state takes its time.

    The waiter of the CDK's provider framework is a task that is retried every few seconds. Its limits stay what they
    are: MiniStack's own scale for all waits would shrink them.
    """
    sleep: Callable[[float], None] = stepfunctions._scaled_sleep
    execute_wait: Callable[..., Any] = stepfunctions._execute_wait

    def pause(seconds: float) -> None:
        if _is_in_wait_state.get():
            sleep(seconds)
        else:
            MOVES.wait(seconds)

    def wait(*arguments: Any, **named: Any) -> Any:
        token = _is_in_wait_state.set(True)
        try:
            return execute_wait(*arguments, **named)
        finally:
            _is_in_wait_state.reset(token)

    stepfunctions._scaled_sleep = pause
    stepfunctions._execute_wait = wait
