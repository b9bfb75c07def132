"""IAM: the resource that a request is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_actions

from local_aws import backend


def install() -> None:
    """Let IAM ask about the path of `GetParametersByPath`, as AWS does, where MiniStack asks about ``*``."""
    original: Callable[..., str] = iam_actions.extract_resource_arn

    def extract(
        service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, *more: Any, **named: Any
    ) -> str:
        asked = headers.get("x-amz-target", "") if service == "ssm" else ""
        if asked.endswith(".GetParametersByPath"):
            scope = backend.current_scope()
            return scope.arn("ssm", f"parameter{json.loads(body or b'{}').get('Path', '/')}")
        return original(service, method, path, headers, body, *more, **named)

    iam_actions.extract_resource_arn = extract
