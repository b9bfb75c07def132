"""A worker on AWS's own sagemaker-inference, which runs model_fn, input_fn, predict_fn, output_fn and transform_fn.

Its Transformer decides which function is called with what, which content types are text, and how an error is answered;
see sagemaker_inference/transformer.py. An own container with a handler has the toolkit's defaults and no others.
"""

import importlib.util
import json
import os
import sys
import traceback
import uuid
from collections.abc import Mapping
from pathlib import Path

from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
from sagemaker_inference.transformer import Transformer

from .context import Context, RequestProcessor
from .workers import Answer, Send, Worker


def create(model_dir: Path) -> Worker:
    """Load the handler in ``model_dir/code`` with sagemaker-inference's default functions for those that it omits."""
    return ToolkitWorker(model_dir, DefaultInferenceHandler())


def has_handler() -> bool:
    """Say whether the entry point can be imported, as the toolkit asks."""
    try:
        return importlib.util.find_spec(_program().removesuffix(".py")) is not None
    except ModuleNotFoundError:
        return False


def _program() -> str:
    return os.environ.get("SAGEMAKER_PROGRAM", "inference.py")


class ToolkitWorker:
    """A Transformer with a context of its own.

    Parameters
    ----------
    model_dir
        The stand-in of ``/opt/ml/model``.
    defaults
        The image's default handler functions.

    Raises
    ------
    Exception
        Whatever the handler raises when it is imported or loads the model.
    """

    def __init__(self, model_dir: Path, defaults: object) -> None:
        if "SAGEMAKER_PROGRAM" in os.environ and not has_handler():
            # The toolkit goes on with its defaults, and their error hides a mistyped name.
            code = model_dir / "code"
            found = ", ".join(sorted(p.name for p in code.iterdir())) if code.is_dir() else "no such directory"
            raise FileNotFoundError(f"the entry point {_program()} (SAGEMAKER_PROGRAM) is not in code/: {found}")
        self._context = Context(model_dir)
        self._transformer = Transformer(default_inference_handler=defaults)
        self._transformer.validate_and_initialize(model_dir=str(model_dir), context=self._context)

    def invoke(self, headers: Mapping[str, str], body: bytes, send: Send) -> Answer:
        """Answer a request as the toolkit does: an error's body is its message and traceback.

        So is the last part of an answer that was begun, as TorchServe has it.
        """

        def send_part(part: object) -> None:
            send(_answer(processor, _to_bytes(part)))

        processor = self._context.begin(str(uuid.uuid4()), headers, send_part)
        try:
            (result,) = self._transformer.transform([{"body": body}], self._context)
            content = _to_bytes(result)
        except BaseException as e:  # a handler's sys.exit would end the worker of the container, not the endpoint
            processor.report_status(500, "Worker died.")
            content = f"Worker died: {e!r}\n{traceback.format_exc()}".encode()
        answer = _answer(processor, content)
        if answer.status >= 400:
            print(content.decode("utf-8", "replace"), file=sys.stderr, flush=True)
        return answer


def _answer(processor: RequestProcessor, content: bytes) -> Answer:
    return Answer(
        status=int(processor.get_response_status_code()),
        phrase=processor.get_response_status_phrase(),
        headers=processor.get_response_headers(),
        body=content,
    )


def _to_bytes(result: object) -> bytes:
    """Encode as TorchServe does for its workers (create_predict_response in ts/protocol/otf_message_handler.py)."""
    if isinstance(result, bytes | bytearray):
        return bytes(result)
    if isinstance(result, str):
        return result.encode()
    return json.dumps(result, indent=2).encode()
