"""The server of the container example keeps SageMaker's contract, over HTTP."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from examples.container.server.serve import ModelServer, main

MODEL = Path(__file__).resolve().parents[2] / "examples" / "container" / "model"


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "inference", raising=False)
    with ModelServer(MODEL, ("127.0.0.1", 0)) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    monkeypatch.delitem(sys.modules, "inference", raising=False)


def ask(url: str, body: bytes | None = None, content_type: str = "application/json") -> tuple[int, str]:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_it_is_healthy_once_the_model_is_loaded(url: str) -> None:
    assert ask(f"{url}/ping") == (200, "")


def test_it_answers_as_the_readme_says(url: str) -> None:
    assert ask(f"{url}/invocations", b'{"instances": [[1.0, 2.0]]}') == (200, '{"predictions": [4.5]}')


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        (b"1,2", "text/csv", "ValueError: send application/json, not 'text/csv'"),
        (b'{"rows": []}', "application/json", "KeyError: 'instances'"),
        (b'{"instances": [[1.0]]}', "application/json", "ValueError: zip() argument 2 is longer than argument 1"),
    ],
)
def test_a_request_that_it_cannot_read_is_the_callers_error(
    url: str, body: bytes, content_type: str, told: str
) -> None:
    assert ask(f"{url}/invocations", body, content_type) == (400, told)


def test_other_addresses_are_not_there(url: str) -> None:
    assert ask(f"{url}/models")[0] == 404
    assert ask(f"{url}/models", b"{}")[0] == 404


def test_it_is_run_with_the_one_word_that_sagemaker_gives() -> None:
    with pytest.raises(SystemExit, match=r"usage: serve\.py serve"):
        main(["train"])
