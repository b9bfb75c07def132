"""Local AWS for tests: one server for the whole session, on a free port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_clients import Aws
from gate import Gate
from model_hosts import Hosts
from training_jobs import put_data

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


@pytest.fixture(scope="session")
def training_aws(local_aws: LocalAws) -> Aws:
    """Local AWS with data to train on."""
    aws = Aws(local_aws)
    put_data(aws)
    return aws


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate that is closed until the test opens it, or ends."""
    made = Gate(tmp_path / "gate")
    made.directory.mkdir()
    with made:
        yield made


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    """Hosts of models, which end with the test."""
    monkeypatch.setenv("LOCAL_AWS_CACHE", str(tmp_path / "cache"))
    made = Hosts(tmp_path)
    yield made
    made.stop()
