"""A function that streams, under Node: its status and headers, its parts, and what becomes of its failures."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from local_aws.services import streaming_function
from local_aws.services.streaming_function import (
    BrokenOffError,
    FunctionFailedError,
    NotInstalledError,
    StreamingFunction,
)
from scripts.node import bundled_node_directory

HANDLER = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {{
  {body}
}});
"""
OF_THE_API = Path(__file__).resolve().parents[2] / "constructs_lib" / "sagemaker" / "api" / "streaming" / "index.js"
SDK = """
exports.InvokeEndpointWithResponseStreamCommand = class {};
exports.SageMakerRuntimeClient = class {
  async send() {
    return { Body: (async function* () {
      yield { PayloadPart: { Bytes: Buffer.from("one ") } };
      throw new Error("ModelStreamError");
    })() };
  }
};
"""
WATCHED = """
const { handler } = require("./of_the_api.js");
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  try {
    await handler(event, stream);
  } catch (error) {
    console.log(`destroyed: ${stream.destroyed}`);
    throw error;
  }
});
"""
KILLED = """
import os, subprocess, sys

function = subprocess.Popen(["node", *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
function.stdin.write(b"{}")
function.stdin.close()
while function.stdout.read(1) != b"~":
    pass
os._exit(9)
"""
ANSWER = 'stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "x-count": 2 } });'


class Function:
    """A function of one file, and what it has logged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(bundled_node_directory()))
        self.logged: list[str] = []

    def make(self, source: str, file: str = "index.js") -> StreamingFunction:
        return self.pack({file: source}, {"GREETING": "hello"})

    def pack(self, files: Mapping[str, str], environment: Mapping[str, str]) -> StreamingFunction:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for file, source in files.items():
                archive.writestr(file, source)
        return StreamingFunction(
            code=packed.getvalue(), handler="index.handler", environment=environment, log=self._log
        )

    def _log(self, lines: Sequence[str]) -> None:
        self.logged += lines

    def answer(self, body: str, event: Any = None, *, timeout: float = 60) -> tuple[int, dict[str, str], bytes]:
        status, headers, parts = self.make(HANDLER.format(body=body)).answer(event, timeout=timeout)
        return status, headers, b"".join(parts)


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    return Function(monkeypatch)


def test_status_headers_and_parts_are_those_of_the_function(function: Function) -> None:
    body = ANSWER + "stream.write(process.env.GREETING); stream.write(event.name); stream.end();"

    assert function.answer(body, {"name": " é"}) == (
        201,
        {"Content-Type": "application/json", "X-Count": "2"},
        "hello é".encode(),
    )


def test_what_it_logs_is_kept_apart_from_its_answer(function: Function) -> None:
    assert function.answer(ANSWER + 'console.log("seen"); stream.write("answer"); stream.end();')[2] == b"answer"
    assert function.logged == ["seen"]


def test_a_module_of_the_newer_kind_is_loaded(function: Function) -> None:
    source = HANDLER.format(body=ANSWER + 'stream.write("new"); stream.end();').replace(
        "exports.handler", "export const handler"
    )

    _, _, parts = function.make(source, "index.mjs").answer({}, timeout=60)

    assert b"".join(parts) == b"new"


def test_an_answer_that_is_not_wanted_any_more_ends_the_function(function: Function) -> None:
    source = HANDLER.format(body=ANSWER + 'console.log("begun"); stream.write("a"); setInterval(() => {}, 1000);')
    _, _, parts = function.make(source).answer({}, timeout=600)
    assert next(parts) == b"a"

    del parts

    assert function.logged == ["begun"]  # which is told when it has ended


@pytest.mark.parametrize(
    ("body", "logged"),
    [
        ('throw new Error("no such model");', "Error: no such model"),
        ('stream.write("{}"); stream.end();', ""),
        ('stream.write("[1, "); stream.write(Buffer.alloc(8)); stream.end();', ""),
        ("stream.end();", ""),
    ],
    ids=["raises", "no delimiter", "no JSON", "nothing"],
)
def test_a_function_that_fails_before_its_status_has_failed(body: str, logged: str, function: Function) -> None:
    with pytest.raises(FunctionFailedError):
        function.answer(body)
    assert logged in "\n".join(function.logged)


def test_a_handler_that_is_not_made_for_streams_has_failed(function: Function) -> None:
    with pytest.raises(FunctionFailedError):
        function.make("exports.handler = async () => ({});").answer({}, timeout=60)
    assert "index.handler is not made by awslambda.streamifyResponse" in "\n".join(function.logged)


def test_a_failure_in_the_midst_comes_after_what_was_sent(function: Function) -> None:
    source = HANDLER.format(body=ANSWER + 'stream.write("one"); throw new Error("lost");')
    _, _, parts = function.make(source).answer({}, timeout=60)

    assert next(parts) == b"one"
    with pytest.raises(BrokenOffError):
        next(parts)
    assert "Error: lost" in "\n".join(function.logged)


def test_a_function_that_takes_too_long_is_ended(function: Function) -> None:
    with pytest.raises(TimeoutError):
        function.answer("await new Promise((resolve) => setTimeout(resolve, 600000));", timeout=0.5)


def test_the_stream_of_an_api_is_left_to_lambda_when_the_answer_breaks_off(function: Function) -> None:
    sdk = "node_modules/@aws-sdk/client-sagemaker-runtime/index.js"
    files = {"index.js": WATCHED, "of_the_api.js": OF_THE_API.read_text(encoding="utf-8"), sdk: SDK}
    _, _, parts = function.pack(files, {"HEADERS": json.dumps({})}).answer({}, timeout=60)

    assert next(parts) == b"one "
    with pytest.raises(BrokenOffError):
        next(parts)
    assert function.logged[0] == "destroyed: false"
    assert "Error: ModelStreamError" in function.logged[1]


def test_without_node_it_is_said_what_to_install(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(NotInstalledError, match="has no 'node' on its PATH: install it, and start local AWS anew"):
        function.answer(ANSWER)


def test_without_the_sdk_it_is_said_what_to_install(function: Function) -> None:
    with pytest.raises(NotInstalledError, match="npm install @aws-sdk/client-sagemaker-runtime, and start local AWS"):
        function.make('require("@aws-sdk/client-nobody-has");').answer({}, timeout=60)
    assert "Cannot find module '@aws-sdk/client-nobody-has'" in "\n".join(function.logged)


def test_a_function_does_not_outlive_who_called_it(function: Function, tmp_path: Path) -> None:
    source = HANDLER.format(body=ANSWER + 'stream.write("~"); await new Promise(() => setInterval(() => {}, 1000));')
    (tmp_path / "index.js").write_text(source)
    runtime = Path(streaming_function.__file__).with_name("streaming_runtime.cjs")

    # Ends when nobody has the pipe any more, of which the function has the other end.
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, runtime, tmp_path, "index.handler"],
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (9, b"")
