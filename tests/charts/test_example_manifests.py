"""Every manifest of every example: strictly valid on each Kubernetes that EKS supports, and right beyond the schema."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.charts.conftest import (
    CUSTOM,
    EXAMPLES,
    KUBERNETES_VERSIONS,
    charts_of,
    schema_errors,
    settings_of,
)
from tests.charts.manifest_rules import broken_rules

NAMES = [
    (example, name)
    for example in EXAMPLES
    for name in (*settings_of(example).workloads, *settings_of(example).neuron_compilations)
]


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_every_manifest_is_strictly_valid(example: str, version: str) -> None:
    manifests = [each for chart in charts_of(example).values() for each in chart if each["kind"] not in CUSTOM]

    assert [error for manifest in manifests for error in schema_errors(manifest, version)] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_manifest_keeps_the_rules_that_schemas_do_not_know(example: str) -> None:
    manifests = [each for chart in charts_of(example).values() for each in chart]

    assert broken_rules(manifests, settings_of(example).node_groups) == []


def test_a_field_that_kubernetes_does_not_know_is_an_error() -> None:
    service = next(each for each in charts_of("eks-tensorflow-serving")["tf-inference"] if each["kind"] == "Service")
    misspelt: dict[str, Any] = {**service, "spec": {**service["spec"], "Ports": service["spec"]["ports"]}}

    assert schema_errors(misspelt, "1.35") == [
        "Service/tf-inference: spec: Additional properties are not allowed ('Ports' was unexpected)"
    ]


@pytest.mark.parametrize(("example", "name"), NAMES)
def test_the_chart_is_as_it_was(example: str, name: str, snapshot: SnapshotAssertion) -> None:
    assert charts_of(example)[name] == snapshot(extension_class=JSONSnapshotExtension)
