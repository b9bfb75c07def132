"""Endpoints of inference components in a settings file: what is read, and each refusal with its line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from constructs_lib.serving.models import OnnxModel
from stacks.settings import Settings, load_settings
from stacks.yaml_source import SettingsError


class TestSettings:
    @pytest.fixture(autouse=True)
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "sub" / "model").mkdir(parents=True)
        (tmp_path / "sub" / "model" / "model.onnx").write_bytes(b"weights")

    def read(self, text: str) -> Settings:
        file = Path("sub/inference.yaml")
        file.write_text(text, encoding="utf-8")
        return load_settings(file)

    def test_they_may_stand_alone(self) -> None:
        settings = self.read(
            "inference_component_endpoints:\n"
            "  fleet:\n"
            "    instance_type: ml.c6i.large\n"
            "    inference_components:\n"
            "      chat: {model: {framework: onnx, artifact: model}, min_memory_mb: 512, cpu_cores: 1}\n"
        )
        assert settings.endpoints == {}
        (component,) = settings.inference_component_endpoints["fleet"].inference_components.values()
        assert component.model == OnnxModel(artifact="sub/model")
        assert component.cpu_cores == 1

    def test_names_are_unique_over_all_endpoints(self) -> None:
        component = "chat: {model: {framework: container, image: example/mine:1}, min_memory_mb: 512}"
        fleet = f"    instance_type: ml.c6i.large\n    inference_components:\n      {component}\n"
        with pytest.raises(SettingsError) as caught:
            self.read(
                "endpoints:\n"
                "  one:\n"
                "    model: {framework: container, image: example/mine:1}\n"
                "    instance_type: ml.c6i.large\n"
                f"inference_component_endpoints:\n  one:\n{fleet}  two:\n{fleet}"
            )
        assert str(caught.value).splitlines() == [
            "sub/inference.yaml:6: inference_component_endpoints.one: is the name of an endpoint in 'endpoints', too; "
            "choose another name",
            "sub/inference.yaml:13: inference_component_endpoints.two.inference_components.chat: is a component of 'one', "
            "too; names are unique in account and region",
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        {
            "a group as a component": (
                "model: {framework: multi-model, server: pytorch, artifact: 's3://bucket/x/'}, min_memory_mb: 512",
                "5: inference_component_endpoints.fleet.inference_components.chat.model.framework: multi-model is of several "
                "models or containers, and an inference component serves one; make each a component, or host them in an "
                "endpoint of their own",
            ),
            "no memory": (
                "model: {framework: container, image: example/mine:1}",
                "5: inference_component_endpoints.fleet.inference_components.chat.min_memory_mb: is missing",
            ),
            "a typing error": (
                "model: {framework: container, image: example/mine:1}, min_memory: 512",
                "5: inference_component_endpoints.fleet.inference_components.chat.min_memory: is no key here; did you mean "
                "'min_memory_mb'?",
            ),
            "a local model that is not there": (
                "model: {framework: onnx, artifact: absent}, min_memory_mb: 512",
                "5: inference_component_endpoints.fleet.inference_components.chat.model.artifact: does not exist: "
                "'sub/absent'",
            ),
            "too large": (
                "model: {framework: container, image: example/mine:1}, min_memory_mb: 512, cpu_cores: 64",
                "5: inference_component_endpoints.fleet.inference_components.chat.cpu_cores: is 64, but 'ml.c6i.large' has "
                "2; choose fewer, or a larger type",
            ),
        }.values(),
    )
    def test_fails_with_file_line_and_key(self, text: str, message: str) -> None:
        with pytest.raises(SettingsError) as caught:
            self.read(
                "inference_component_endpoints:\n"
                "  fleet:\n"
                "    instance_type: ml.c6i.large\n"
                "    inference_components:\n"
                f"      chat: {{{text}}}\n"
            )
        assert any(line.startswith(f"sub/inference.yaml:{message}") for line in str(caught.value).splitlines()), caught

    @pytest.mark.parametrize(
        ("text", "message"),
        {
            "an API that cannot name a component": (
                "api: {passed_headers: [X-Amzn-SageMaker-Session-Id]}",
                "4: inference_component_endpoints.fleet.api.passed_headers: is without "
                "'X-Amzn-SageMaker-Inference-Component', by which requests name one; add it, or give 'api' to the components "
                "instead",
            ),
            "a processor that is not there": (
                "api: {processor: absent}",
                "4: inference_component_endpoints.fleet.api.processor: must be a directory with a 'handler.py', and "
                "'sub/absent' has none; write one",
            ),
            "no stack's name": (
                "stack: 1st",
                "4: inference_component_endpoints.fleet.stack: must be the name of a stack (a letter, then up to 127 "
                "letters, digits and hyphens), got '1st'",
            ),
            "the stack of a cluster": (
                "stack: ClusterStack",
                "4: inference_component_endpoints.fleet.stack: is 'ClusterStack', where a cluster is; choose another name",
            ),
            "monitoring that is no switch": (
                "monitoring: 3",
                "4: inference_component_endpoints.fleet.monitoring: must be true, false or a mapping of keys to values, got "
                "the number 3",
            ),
            "thresholds out of range": (
                "monitoring: {latency_p99_ms: -1}",
                "4: inference_component_endpoints.fleet.monitoring.latency_p99_ms: must be a finite number of milliseconds "
                "above 0, got -1; None (null in settings) means no alarm",
            ),
            "no bucket": (
                "data_capture: {destination: here}",
                "4: inference_component_endpoints.fleet.data_capture.destination: must look like 's3://BUCKET/PREFIX', got "
                "'here'",
            ),
            "a rollout of the copies on the endpoint": (
                "rollout: {step_copies: 1}",
                "4: inference_component_endpoints.fleet.rollout.step_copies: is no key here; did you mean",
            ),
            **{
                key: (
                    f"{key}: {{}}",
                    f"4: inference_component_endpoints.fleet.{key}: is no key here: {reason}",
                )
                for key, reason in {
                    "model": "each of 'inference_components' has a 'model' of its own",
                    "autoscaling": "each component counts its copies by its own 'autoscaling'",
                    "variants": "all components share the instances of one variant",
                    "serverless": "copies of components have their place on instances",
                    "async_inference": "an asynchronous request cannot name a component",
                    "shadow": "a shadow variant serves a model",
                    "accelerator_type": "AWS has ended Elastic Inference",
                    "safe_update": "every update of it is safe",
                }.items()
            },
        }.values(),
    )
    def test_fails_with_what_an_endpoint_of_components_takes(self, text: str, message: str) -> None:
        with pytest.raises(SettingsError) as caught:
            self.read(
                "inference_component_endpoints:\n"
                "  fleet:\n"
                "    instance_type: ml.c6i.large\n"
                f"    {text}\n"
                "    inference_components:\n"
                "      chat: {model: {framework: container, image: example/mine:1}, min_memory_mb: 512}\n"
            )
        assert any(line.startswith(f"sub/inference.yaml:{message}") for line in str(caught.value).splitlines()), caught

    def test_components_with_apis_differ_in_more_than_hyphens(self) -> None:
        fleet = (
            "inference_component_endpoints:\n"
            "  fleet:\n"
            "    instance_type: ml.c6i.large\n"
            "    inference_components:\n"
            "      a-b: {model: {framework: container, image: example/mine:1}, min_memory_mb: 512%s}\n"
            "      ab: {model: {framework: container, image: example/mine:1}, min_memory_mb: 512, api: {}}\n"
        )
        assert set(self.read(fleet % "").inference_component_endpoints["fleet"].inference_components) == {"a-b", "ab"}
        with pytest.raises(SettingsError, match=r"ab\.api: belongs to a name that differs from 'a-b' in hyphens only"):
            self.read(fleet % ", api: {}")

    def test_a_region_without_the_image_is_told(self) -> None:
        with pytest.raises(SettingsError, match=r"sub/inference\.yaml:1: region: 'xx-nowhere-1'"):
            self.read(
                "region: xx-nowhere-1\n"
                "inference_component_endpoints:\n"
                "  fleet:\n"
                "    instance_type: ml.c6i.large\n"
                "    inference_components:\n"
                "      chat: {model: {framework: onnx, artifact: model}, min_memory_mb: 512}\n"
            )
