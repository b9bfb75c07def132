"""How long a deployment may wait for a job."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_lib.serving.problems import Problem, is_token

_SHORTEST = 60  # seconds
LONGEST = 12 * 3600
"""The longest that a deployment waits, in seconds."""


def timeout_problems(timeout: int, max_runtime: int | None = None) -> Iterator[Problem]:
    """Check that a deployment can wait for a job.

    Parameters
    ----------
    timeout
        Seconds that the deployment waits for the job.
    max_runtime
        Seconds after which SageMaker stops the job. None: it does not.
    """
    if is_token(timeout):
        yield Problem("timeout", "must be a number of seconds that is known at synth; give a plain number")
    elif not _SHORTEST <= timeout <= LONGEST:
        yield Problem(
            "timeout",
            f"must be {_SHORTEST} to {LONGEST} seconds (12 hours), got {timeout}; run a longer job outside of the "
            "deployment, and give the model by the s3:// address of the job's artifact",
        )
    elif max_runtime is not None and not is_token(max_runtime) and max_runtime > timeout:
        yield Problem("timeout", f"is {timeout}, but the job may run for {max_runtime} seconds; wait at least as long")
