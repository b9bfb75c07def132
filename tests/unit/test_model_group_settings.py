"""Settings of several models behind one endpoint: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from constructs_lib.serving.models import (
    ContainerModel,
    OnnxModel,
)
from constructs_lib.serving.multi_container import MultiContainerModel
from constructs_lib.serving.multi_model import MultiModel
from stacks.settings import Settings, load_settings
from stacks.yaml_source import SettingsError

CPU = "ml.c6i.large"


class TestSettings:
    @pytest.fixture(autouse=True)
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for name in ("a", "code"):
            (tmp_path / "sub" / name).mkdir(parents=True)
        (tmp_path / "sub" / "a" / "model.json").write_text("{}")
        (tmp_path / "sub" / "a" / "model.onnx").write_text("{}")
        (tmp_path / "sub" / "code" / "inference.py").write_text("def model_fn(directory): ...\n")

    def read(self, text: str) -> Settings:
        file = Path("sub/inference.yaml")
        file.write_text(f"endpoints:\n  group:\n    instance_type: {CPU}\n{text}", encoding="utf-8")
        return load_settings(file)

    def test_paths_are_relative_to_the_file(self) -> None:
        model = (
            self.read(
                "    model:\n"
                "      framework: multi-model\n"
                "      server: pytorch\n"
                "      source_dir: code\n"
                "      entry_point: inference.py\n"
                "      model_cache_setting: Disabled\n"
                "      models: {a.tar.gz: a}\n"
            )
            .endpoints["group"]
            .model
        )
        assert model == MultiModel(
            server="pytorch",
            source_dir="sub/code",
            entry_point="inference.py",
            model_cache_setting="Disabled",
            models={"a.tar.gz": "sub/a"},
        )

    def test_containers_are_read_in_their_order(self) -> None:
        model = (
            self.read(
                "    model:\n"
                "      framework: multi-container\n"
                "      inference_execution_mode: Direct\n"
                "      containers:\n"
                "        second: {framework: onnx, artifact: a}\n"
                "        first: {framework: container, image: example/mine:1}\n"
            )
            .endpoints["group"]
            .model
        )
        assert isinstance(model, MultiContainerModel)
        assert list(model.containers.items()) == [
            ("second", OnnxModel(artifact="sub/a")),
            ("first", ContainerModel(image="example/mine:1")),
        ]

    @pytest.mark.parametrize(
        ("text", "messages"),
        {
            "a model that is not there": (
                "    model:\n      framework: multi-model\n      server: pytorch\n      models: {b.tar.gz: b}\n",
                [
                    "sub/inference.yaml:7: endpoints.group.model.models.b.tar.gz: does not exist: 'sub/b'; give a "
                    "directory, a .tar.gz file, or an s3:// address"
                ],
            ),
            "a wrong server": (
                "    model: {framework: multi-model, server: mxnet, artifact: 's3://bucket/x/'}\n",
                [
                    "sub/inference.yaml:4: endpoints.group.model.server: must be 'pytorch', 'tensorflow', 'onnx', 'triton' "
                    "or 'container', got 'mxnet'"
                ],
            ),
            "a wrong key of a container": (
                "    model:\n"
                "      framework: multi-container\n"
                "      containers:\n"
                "        one: {framework: onnx, artifact: a}\n"
                "        two: {framework: onnx, artifact: a, entrypoint: x}\n",
                [
                    "sub/inference.yaml:8: endpoints.group.model.containers.two.entrypoint: is no key here; did you mean "
                    "'entry_point'? choose one of "
                ],
            ),
            "a container without a framework": (
                "    model:\n"
                "      framework: multi-container\n"
                "      containers:\n"
                "        one: {artifact: a}\n"
                "        two: {framework: onnx, artifact: a}\n",
                ["sub/inference.yaml:7: endpoints.group.model.containers.one.framework: is missing; choose one of "],
            ),
            "a container in a container": (
                "    model:\n"
                "      framework: multi-container\n"
                "      containers:\n"
                "        one: {framework: multi-container, containers: {}}\n"
                "        two: {framework: onnx, artifact: a}\n",
                [
                    "sub/inference.yaml:7: endpoints.group.model.containers.one.framework: 'multi-container' is no "
                    "framework; did you mean"
                ],
            ),
            "an artifact for all containers": (
                "    model:\n"
                "      framework: multi-container\n"
                "      artifact: a\n"
                "      containers:\n"
                "        one: {framework: onnx, artifact: a}\n"
                "        two: {framework: onnx, artifact: a}\n",
                ["sub/inference.yaml:6: endpoints.group.model.artifact: is no key here; choose one of "],
            ),
            "serverless, a shadow, asynchronous": (
                "    model: {framework: multi-model, server: pytorch, artifact: 's3://bucket/x/'}\n"
                "    shadow: {name: S, instance_type: ml.c6i.large}\n"
                "    async_inference: {output: 's3://bucket/y/'}\n",
                [
                    "sub/inference.yaml:5: endpoints.group.shadow: does not work with 'async_inference'; leave one of the "
                    "two out",
                    "sub/inference.yaml:5: endpoints.group.shadow: does not work with a multi-model endpoint; leave it out",
                    "sub/inference.yaml:6: endpoints.group.async_inference: has no 'TargetModel' in its requests, which a "
                    "multi-model endpoint needs; leave it out, or give each model an endpoint of its own",
                ],
            ),
        }.values(),
    )
    def test_fails_with_file_line_and_key(self, text: str, messages: list[str]) -> None:
        with pytest.raises(SettingsError) as caught:
            self.read(text)

        lines = str(caught.value).splitlines()
        assert len(lines) == len(messages), lines
        for line, message in zip(lines, messages, strict=True):
            assert line.startswith(message)
