"""Local AWS for tests: one server for the whole session, on a free port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aws_clients import Aws

from local_aws.process import LocalAws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Local AWS with its real hosting plane."""
    with LocalAws.start(state=tmp_path_factory.mktemp("local-aws")) as server:
        yield server


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """Local AWS with a hosting plane that starts nothing."""
    state = tmp_path_factory.mktemp("fake-local-aws")
    with LocalAws.start(state=state, hosting="fake_hosting") as server:
        yield Aws(server)
