"""A handler's error in one line: what the author of the model reads first."""

import traceback
from pathlib import Path

_LONGEST = 400  # of one cause; an endpoint's FailureReason has room for 1024 characters in all
_CAUSES = 3


def describe(error: BaseException, model_dir: Path) -> str:
    """Return the error, where in the model's own code it was raised, and what caused it."""
    parts = [_one(error, model_dir)]
    cause = _cause(error)
    while cause is not None and len(parts) < _CAUSES:
        parts.append(_one(cause, model_dir))
        cause = _cause(cause)
    return "; caused by ".join(parts)


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _one(error: BaseException, model_dir: Path) -> str:
    text = " ".join(str(error).split()).replace(str(model_dir), "/opt/ml/model")
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    message = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        message += ", not in the archive's code, its requirements.txt or local AWS's own packages"
    return message + _place(error, model_dir)


def _place(error: BaseException, model_dir: Path) -> str:
    """Where in the model's own code; a syntax error's message says it itself."""
    if isinstance(error, SyntaxError):
        return ""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(model_dir):
            scope = "" if frame.name == "<module>" else f", in {frame.name}"
            return f" ({path.relative_to(model_dir).as_posix()}, line {frame.lineno}{scope})"
    return ""
