"""The request context that TorchServe hands to sagemaker-inference, and it to handler functions that take ``context``.

Names and behaviour: https://github.com/pytorch/serve/blob/master/ts/context.py
"""

from collections.abc import Callable, Mapping
from pathlib import Path


class RequestProcessor:
    """One request's headers, and the status and headers of its response."""

    def __init__(self, request_headers: Mapping[str, str]) -> None:
        self._request_headers = dict(request_headers)
        self._response_headers: dict[str, str] = {}
        self._status = (200, "")

    def get_request_property(self, key: str) -> str | None:
        """Return a request header."""
        return self._request_headers.get(key)

    def get_request_properties(self) -> dict[str, str]:
        """Return all request headers."""
        return self._request_headers

    def report_status(self, code: int, reason_phrase: str = "") -> None:
        """Set the response's status."""
        self._status = (code, reason_phrase)

    def get_response_status_code(self) -> int:
        """Return the response's status code."""
        return self._status[0]

    def get_response_status_phrase(self) -> str:
        """Return the response's reason phrase."""
        return self._status[1]

    def add_response_property(self, key: str, value: str) -> None:
        """Set a response header."""
        self._response_headers[key] = value

    def get_response_headers(self) -> dict[str, str]:
        """Return all response headers."""
        return self._response_headers


class Context:
    """A worker's context: fixed properties of the model, and the request that it works on."""

    def __init__(self, model_dir: Path) -> None:
        self.model_name = "model"
        self.manifest: dict[str, object] = {}
        self.system_properties: dict[str, object] = {
            "model_dir": str(model_dir),
            "gpu_id": None,
            "batch_size": 1,
            "server_name": "MMS",
            "server_version": "local-aws",
        }
        self.request_ids: dict[int, str] = {}
        self.request_processor: list[RequestProcessor] = []
        self.send_part: Callable[[object], None] = lambda _part: None

    def begin(
        self, request_id: str, headers: Mapping[str, str], send_part: Callable[[object], None]
    ) -> RequestProcessor:
        """Turn to the next request."""
        self.request_ids = {0: request_id}
        self.request_processor = [RequestProcessor(headers)]
        self.send_part = send_part
        return self.request_processor[0]

    def get_request_id(self, idx: int = 0) -> str | None:
        """Return a request's id."""
        return self.request_ids.get(idx)

    def get_request_header(self, idx: int, key: str) -> str | None:
        """Return a header of a request."""
        return self.request_processor[idx].get_request_property(key)

    def get_all_request_header(self, idx: int) -> dict[str, str]:
        """Return all headers of a request."""
        return self.request_processor[idx].get_request_properties()

    def set_response_content_type(self, idx: int, value: str) -> None:
        """Set the content type of a response."""
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx: int) -> str | None:
        """Return the content type of a response."""
        return self.get_response_headers(idx).get("content-type")

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """Set the status of a response."""
        self.request_processor[idx].report_status(code, reason_phrase=phrase)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        """Set the status of all responses."""
        for processor in self.request_processor:
            processor.report_status(code, reason_phrase=phrase)

    def get_response_status(self, idx: int) -> tuple[int, str]:
        """Return the status of a response."""
        processor = self.request_processor[idx]
        return processor.get_response_status_code(), processor.get_response_status_phrase()

    def get_response_headers(self, idx: int) -> dict[str, str]:
        """Return the headers of a response."""
        return self.request_processor[idx].get_response_headers()

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        """Set a header of a response."""
        self.request_processor[idx].add_response_property(key, value)
