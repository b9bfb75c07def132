"""What every test runs with: the bundled Node, no template validation but where a test is about it, a cache of its own."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from scripts.node import use_bundled_node

use_bundled_node()  # before anything imports aws_cdk
os.environ.setdefault("CDK_VALIDATION", "false")

# A job in the background is started deaf to Ctrl-C, and so would be what the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No limit on time, of which a busy machine needs more.
timeless = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("here", timeless)
settings.register_profile("ci", timeless, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True, scope="session")
def archive_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep the archives of the tests apart from those of the user."""
    directory = tmp_path_factory.mktemp("cache")
    os.environ["INFERENCE_CONSTRUCTS_CACHE"] = str(directory)
    return directory
