"""TensorFlow Serving's REST interface on a free port of 127.0.0.1, for handlers that call it themselves."""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .saved_model import RequestError, SavedModel, find_models, parse

_PATH = re.compile(r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?:(?P<method>\w+)")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of TensorFlow Serving, with the names that ``output_handler`` knows from ``requests.Response``."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """The content, decoded."""
        return self.content.decode()

    @property
    def ok(self) -> bool:
        """Whether it is no error."""
        return self.status_code < HTTPStatus.BAD_REQUEST

    def json(self) -> Any:
        """Parse the content."""
        return json.loads(self.content)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


class TensorFlowServing:
    """The models of an archive; the newest version of each is loaded at once.

    Parameters
    ----------
    directory
        The stand-in of ``/opt/ml/model``.

    Raises
    ------
    FileNotFoundError
        When there is no SavedModel where TensorFlow Serving looks.
    """

    def __init__(self, directory: Path) -> None:
        self._versions = find_models(directory)
        if not self._versions:
            raise FileNotFoundError("the archive has no <version>/saved_model.pb with a number for its version")
        self._lock = threading.Lock()
        self._loaded: dict[Path, SavedModel] = {}
        for versions in self._versions.values():
            self._model(versions[max(versions)])
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, name="tensorflow-serving", daemon=True).start()

    @property
    def default_model(self) -> str:
        """The model that is called where none is named."""
        return next(iter(self._versions))

    def uri(self, name: str, version: str | None, method: str) -> str:
        """Say where a model is called."""
        versioned = f"/versions/{version}" if version else ""
        return f"http://127.0.0.1:{self._server.server_port}/v1/models/{name}{versioned}:{method}"

    def post(self, uri: str, body: bytes) -> Response:
        """Answer a request."""
        found = _PATH.fullmatch(urlsplit(uri).path)
        versions = self._versions.get(found["name"], {}) if found else {}
        number = int(found["version"]) if found and found["version"] else max(versions, default=0)
        if found is None or number not in versions:
            return _error(HTTPStatus.NOT_FOUND, f"no such model, version or method is served: {uri}")
        if found["method"] != "predict":
            return _error(HTTPStatus.NOT_IMPLEMENTED, f"local AWS does not serve '{found['method']}', but 'predict'")
        try:
            return _json(HTTPStatus.OK, self._model(versions[number]).predict(parse(body)))
        except RequestError as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))

    def _model(self, directory: Path) -> SavedModel:
        with self._lock:
            if directory not in self._loaded:
                self._loaded[directory] = SavedModel(directory)
            return self._loaded[directory]


def _json(status: HTTPStatus, document: object) -> Response:
    return Response(status.value, json.dumps(document).encode(), {"Content-Type": "application/json"})


def _error(status: HTTPStatus, message: str) -> Response:
    return _json(status, {"error": message})


def _handler(serving: TensorFlowServing) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            response = serving.post(f"http://127.0.0.1{self.path}", body)
            self.send_response(response.status_code)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Stay silent."""

    return Handler
