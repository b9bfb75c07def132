"""Serve a line, y = weight · x + bias, with TorchServe or Multi Model Server: JSON in, JSON out.

Both servers make the one class of this file, call ``initialize`` once and ``handle`` with a batch of requests.
"""

import json
from pathlib import Path
from typing import Any

import torch


class Handler:
    """Answers ``{"instances": [1.0, 2.0]}`` with ``{"predictions": [2.5, 3.0]}``."""

    def initialize(self, context: Any) -> None:
        """Load the weights, which the archive's manifest names."""
        weights = Path(context.system_properties["model_dir"], context.manifest["model"]["serializedFile"])
        self.model = torch.nn.Linear(1, 1)
        self.model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))

    def handle(self, requests: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
        """Predict for each request of a batch."""
        return [self.predict(request.get("body") or request.get("data")) for request in requests]

    def predict(self, body: Any) -> dict[str, Any]:
        """Predict for the body of one request, which TorchServe has parsed already and Multi Model Server has not."""
        parsed = json.loads(body) if isinstance(body, bytes | bytearray) else body
        with torch.inference_mode():
            return {"predictions": self.model(torch.tensor(parsed["instances"]).reshape(-1, 1)).flatten().tolist()}
