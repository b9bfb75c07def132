"""The settings keys `monitoring` and `dashboard`: what they become, and every way in which they can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from cfnlint.jsonschema import StandardValidator
from settings_files import meaning

from constructs_lib.sagemaker.monitoring.monitoring import Monitoring
from stacks.settings import Settings, json_schema, load_settings
from stacks.yaml_source import SettingsError

ROOT = Path(__file__).resolve().parents[2]
ENDPOINT = "endpoints: {a: {model: {framework: container, image: mine}, instance_type: ml.m5.large, monitoring: %s}}"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str) -> Settings:
    Path("inference.yaml").write_text(text, encoding="utf-8")
    return load_settings(Path("inference.yaml"))


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("true", True),
        ("false", False),
        ("{}", Monitoring()),
        ("{latency_p99_ms: 200, cpu_percent: null}", Monitoring(latency_p99_ms=200, cpu_percent=None)),
        (
            "{alarm_topics: ['arn:aws:sns:eu-west-1:111111111111:ops']}",
            Monitoring(alarm_topics=("arn:aws:sns:eu-west-1:111111111111:ops",)),
        ),
    ],
)
def test_monitoring_is_one_word_or_its_choices(given: str, value: bool | Monitoring) -> None:
    assert load(ENDPOINT % given).endpoints["a"].monitoring == value


def test_an_endpoint_is_not_monitored_and_a_stack_has_no_dashboard_unless_asked() -> None:
    settings = load(ENDPOINT.replace(", monitoring: %s", ""))

    assert (settings.endpoints["a"].monitoring, settings.dashboard) == (False, False)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("3", "monitoring: must be true, false or a mapping of keys to values, got the number 3"),
        ("null", "monitoring: must be true, false or a mapping of keys to values, got nothing"),
        ("yes", "monitoring: must be true, false or a mapping of keys to values, got 'yes'"),
        (
            "{cpu_percent: 0}",
            "monitoring.cpu_percent: must be above 0 and at most 100 percent, got 0; "
            "None (null in settings) means no alarm",
        ),
        (
            "{cpu_percent: high}",
            f"monitoring.cpu_percent: must be a number, got 'high' ({meaning('Monitoring', 'cpu_percent')})",
        ),
        ("{silent_minutes: 1.5}", "monitoring.silent_minutes: must be a whole number, got the number 1.5"),
        ("{at_max_instances: 1}", "monitoring.at_max_instances: must be true or false, got the number 1"),
        ("{alarm_topics: ops}", "monitoring.alarm_topics: must be a list, got 'ops'; put it in brackets: [ops]"),
        (
            "{alarm_topics: [ops]}",
            "monitoring.alarm_topics.0: must look like arn:PARTITION:sns:REGION:ACCOUNT:NAME, got 'ops'",
        ),
        (
            "{missing_data: no}",
            "monitoring.missing_data: must be 'breaching', 'ignore', 'missing' or 'notBreaching', got 'no'",
        ),
    ],
)
def test_fails_with_the_key_and_what_is_allowed(given: str, text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(ENDPOINT % given)

    assert str(raised.value) == f"inference.yaml:1: endpoints.a.{text}"


def test_fails_with_the_nearest_key() -> None:
    with pytest.raises(SettingsError) as raised:
        load(ENDPOINT % "{latency_p99: 200}")

    assert str(raised.value).startswith(
        "inference.yaml:1: endpoints.a.monitoring.latency_p99: is no key here; did you mean 'latency_p99_ms'? "
        "choose one of error_percent, client_error_percent, latency_p99_ms,"
    )


def test_a_dashboard_is_there_or_not() -> None:
    with pytest.raises(SettingsError, match=r"inference\.yaml:2: dashboard: must be true or false, got 'yes'"):
        load(f"{ENDPOINT % 'true'}\ndashboard: yes")


def test_a_dashboard_has_endpoints_to_show() -> None:
    node = "{name: cpu, instance_types: [m7i.large], min_size: 1, max_size: 1}"
    with pytest.raises(SettingsError) as raised:
        load(f"cluster: {{node_groups: [{node}]}}\ndashboard: true")

    why = "shows 'endpoints', of which there are none; give one, or leave it out"
    assert str(raised.value) == f"inference.yaml:2: dashboard: {why}"


def test_a_dashboard_shows_inference_components_too() -> None:
    model = "{framework: container, image: mine}"
    fleet = f"{{instance_type: ml.c6i.large, inference_components: {{a: {{model: {model}, min_memory_mb: 512}}}}}}"

    assert load(f"inference_component_endpoints: {{fleet: {fleet}}}\ndashboard: true").dashboard


@pytest.mark.parametrize(("given", "is_valid"), [(True, True), ({"minutes": 3}, True), (3, False), ({"m": 1}, False)])
def test_an_editor_knows_both_ways(given: object, is_valid: bool) -> None:
    endpoint = {
        "model": {"framework": "container", "image": "mine"}, "instance_type": "ml.m5.large", "monitoring": given
    }  # fmt: skip

    assert StandardValidator(json_schema()).is_valid({"endpoints": {"a": endpoint}}) == is_valid
