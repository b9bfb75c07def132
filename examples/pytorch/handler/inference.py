"""Serves a network whose weights are in `model.pth`: the four functions that SageMaker's PyTorch container calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

JSON = "application/json"


def model_fn(model_dir: str) -> Any:
    """Build the network, and load its weights: once, when the container starts."""
    import torch  # the container's; here, so that requests can be read where it is not installed

    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    network.load_state_dict(torch.load(Path(model_dir) / "model.pth", map_location=device, weights_only=True))
    return network.to(device).eval()


def input_fn(body: str | bytes, content_type: str = JSON) -> list[Any]:
    """Read ``{"instances": [[…], …]}``.

    Raises
    ------
    ValueError
        When the request is not JSON of that form.
    """
    if content_type != JSON:
        raise ValueError(f"content type {content_type!r} is not supported; use {JSON}")
    document = json.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("instances"), list):
        raise ValueError('the request has no "instances"; expected {"instances": [[…], …]}')
    return list(document["instances"])


def predict_fn(instances: list[Any], network: Any) -> list[Any]:
    """Run the network on all instances at once."""
    import torch

    with torch.inference_mode():
        device = next(network.parameters()).device
        scores = network(torch.tensor(instances, dtype=torch.float32, device=device))
        return list(scores.softmax(dim=1).cpu().tolist())


def output_fn(predictions: list[Any], accept: str = JSON) -> tuple[str, str]:
    """Write ``{"predictions": [[…], …]}``, in the order of the instances."""
    return json.dumps({"predictions": predictions}), JSON
