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
# What the shell has for the real AWS is not for the tests, nor is its proxy for what they serve on this machine.
for variable in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL"):
    os.environ.pop(variable, None)
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
for variable in ("NO_PROXY", "no_proxy"):
    os.environ[variable] = ",".join(filter(None, [os.environ.get(variable), "127.0.0.1", "localhost"]))

# A job in the background is started deaf to Ctrl-C, and so would be what the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No limit on time, of which a busy machine needs more.
timeless = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples in every run; `pytest --hypothesis-profile=search` looks for others.
settings.register_profile("search", timeless, print_blob=True)
settings.register_profile("repeatable", timeless, derandomize=True)
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True, scope="session")
def archive_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep the archives of the tests apart from those of the user."""
    directory = tmp_path_factory.mktemp("cache")
    os.environ["INFERENCE_CONSTRUCTS_CACHE"] = str(directory)
    return directory
