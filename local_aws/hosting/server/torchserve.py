"""What a handler imports of TorchServe, the server of the PyTorch images, to send its answer in parts.

Names and behaviour: https://github.com/pytorch/serve/blob/master/ts/handler_utils/utils.py and, as older versions have
it, https://github.com/pytorch/serve/blob/master/ts/protocol/otf_message_handler.py
"""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from .context import Context


def provide() -> None:
    """Let a handler import it from where TorchServe has it, whether TorchServe is installed or not."""
    if all(name in sys.modules for name in _CONTENTS):
        return
    is_installed = importlib.util.find_spec("ts") is not None
    for name, content in _CONTENTS.items():
        if not is_installed:
            for package in ("ts", name.rpartition(".")[0]):
                sys.modules.setdefault(package, ModuleType(package)).__path__ = []
        module = sys.modules[name] = ModuleType(name)
        setattr(module, content.__name__, content)


def send_intermediate_predict_response(
    ret: Sequence[object] | Mapping[int, object],
    req_id_map: Mapping[int, str],
    message: str,
    code: int,
    context: Context,
) -> None:
    """Send a part of the answer to each request of a batch, which has one here.

    Parameters
    ----------
    ret
        The parts, by the number of the request.
    req_id_map
        ``context.request_ids``.
    message, code
        What TorchServe is told and nobody else.
    context
        The one that the handler function got.
    """
    for number in req_id_map:
        context.set_response_header(number, "ts_stream_next", "true")
        context.send_part(ret[number])


_CONTENTS: Mapping[str, Any] = {
    "ts.context": Context,
    "ts.handler_utils.utils": send_intermediate_predict_response,
    "ts.protocol.otf_message_handler": send_intermediate_predict_response,
}
