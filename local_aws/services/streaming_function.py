"""A Lambda function of a Node.js runtime whose answer is streamed, which MiniStack's Lambda does not do.

A process of its own runs each call: the function's real code under Node, with ``awslambda`` as Lambda has it. It finds
the AWS SDK for JavaScript, which Lambda's runtimes hold, where NODE_PATH says, or in the ``node_modules`` beside this
package.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.api import StreamedResponse

_RUNTIME = Path(__file__).with_name("streaming_runtime.cjs")
_NODE_MODULES = Path(__file__).parents[2] / "node_modules"
# "Lambda proxy integration format for response streaming" (API Gateway developer guide).
_DELIMITER = bytes(8)
_MOST_METADATA = 16_384
_LARGEST_PART = 65_536
_LACKS_SDK = 3  # exit code of the runtime
_NO_NODE = (
    "local AWS runs this function under Node.js, and has no 'node' on its PATH: install it, and start local AWS anew"
)
_NO_SDK = (
    "this function needs the AWS SDK for JavaScript, which Lambda's runtimes hold and local AWS has not: "
    "npm install @aws-sdk/client-sagemaker-runtime, and start local AWS with that node_modules directory as NODE_PATH"
)


class FunctionFailedError(Exception):
    """The function ended, or was ended, before it had said with which status it answers."""


class NotInstalledError(OSError):
    """What Lambda has, local AWS lacks."""


class BrokenOffError(OSError):
    """The function failed in the midst of its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamingFunction:
    """A function whose handler is made by ``awslambda.streamifyResponse``.

    Parameters
    ----------
    code
        The archive of its files.
    handler
        ``FILE.FUNCTION``.
    environment
        Its variables, credentials included.
    log
        Receives all that it has logged when it has ended.
    """

    code: bytes
    handler: str
    environment: Mapping[str, str]
    log: Callable[[Sequence[str]], None]

    def answer(self, event: Mapping[str, Any], *, timeout: float) -> StreamedResponse:
        """Call it, and return as soon as it has said with which status and headers it answers.

        The parts raise BrokenOffError when it fails afterwards.

        Parameters
        ----------
        event
            What it is called with.
        timeout
            Seconds after which it is ended.

        Raises
        ------
        TimeoutError
            When it was ended before it answered.
        FunctionFailedError
            When it failed before it answered.
        NotInstalledError
            When there is no Node, or no AWS SDK that it needs.
        """
        output = self._run(event, timeout)
        head = b""
        try:
            while _DELIMITER not in head and len(head) < _MOST_METADATA:
                head += next(output)
            metadata, _, first = head.partition(_DELIMITER)
            said = json.loads(metadata)
        except (StopIteration, BrokenOffError, ValueError) as error:
            output.close()
            raise FunctionFailedError("no status came of the function") from error
        headers = {"Content-Type": "application/json"} | {
            name.title(): str(value) for name, value in said.get("headers", {}).items()
        }
        return int(said.get("statusCode", 200)), headers, _together(first, output)

    def _run(self, event: Mapping[str, Any], timeout: float) -> Generator[bytes, None, None]:
        """Yield what the function writes, as it does."""
        with tempfile.TemporaryDirectory(prefix="streaming-function-") as directory, tempfile.TemporaryFile() as log:
            with zipfile.ZipFile(io.BytesIO(self.code)) as archive:
                archive.extractall(directory)
            modules = os.pathsep.join(filter(None, [os.environ.get("NODE_PATH"), str(_NODE_MODULES)]))
            deadline = time.monotonic() + timeout
            try:
                process = subprocess.Popen(  # noqa: S603 - what Lambda would run
                    ["node", str(_RUNTIME), directory, self.handler],  # noqa: S607 - of whatever version is there
                    cwd=directory,
                    env={**os.environ, "NODE_PATH": modules, **self.environment},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
            except FileNotFoundError as error:
                raise NotInstalledError(_NO_NODE) from error
            assert process.stdin is not None  # noqa: S101
            assert process.stdout is not None  # noqa: S101
            timer = threading.Timer(timeout, process.kill)
            timer.start()
            try:
                with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
                    pipe.write(json.dumps(event).encode())
                while part := os.read(process.stdout.fileno(), _LARGEST_PART):
                    yield part
                if (code := process.wait()) == _LACKS_SDK:
                    raise NotInstalledError(_NO_SDK)
                if code != 0:
                    raise TimeoutError if time.monotonic() >= deadline else BrokenOffError
            finally:
                timer.cancel()
                process.kill()  # whoever does not want the rest ends it
                process.wait()
                process.stdout.close()
                log.seek(0)
                self.log(log.read().decode("utf-8", "replace").splitlines())


def _together(first: bytes, rest: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    if first:
        yield first
    yield from rest
