"""Settings files that are refused for their form: keys, types, versions and names."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from settings_files import DIGITS, ENDPOINT_KEYS, FRAMEWORKS, ONNX_KEYS, changed, meaning, refusal, write_model

from constructs_lib.sagemaker import Autoscaling
from stacks.settings import Settings

SETTINGS_KEYS = ", ".join(field.name for field in fields(Settings))
AUTOSCALING_KEYS = ", ".join(field.name for field in fields(Autoscaling))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory with a model that is right."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path)


PYTORCH_VERSIONS = "2.6.0, 2.5.1, 2.4.0, 2.3.0, 2.2.0, 2.1.0, 2.0.1, 2.0.0 and 20 older"
NAME_RULE = "but SageMaker allows 1 to 63 letters, digits and hyphens, with no hyphen at either end"
# What is wrong with the file, and all that is said about it.
BAD_FILES = {
    "empty": ("", ["inference.yaml: is empty; it needs at least 'endpoints:'"]),
    "only a comment": ("# later\n", ["inference.yaml: is empty; it needs at least 'endpoints:'"]),
    "no YAML": ("endpoints: [\n", ["inference.yaml:2: is no valid YAML: did not find expected node content"]),
    "no mapping": (
        "hello\n",
        [f"inference.yaml: must be a mapping of keys to values, got 'hello'; its keys are {SETTINGS_KEYS}"],
    ),
    "a list": (
        "- endpoints\n",
        [f"inference.yaml: must be a mapping of keys to values, got a list; its keys are {SETTINGS_KEYS}"],
    ),
    "no endpoints": ("region: us-east-1\n", ["inference.yaml: endpoints: is empty; give at least one endpoint"]),
    "endpoints left empty": (
        "endpoints:\n",
        [
            "inference.yaml:1: endpoints: must be a mapping of keys to values, got nothing; its keys are names that you choose"
        ],
    ),
    "endpoints without one": ("endpoints: {}\n", ["inference.yaml:1: endpoints: is empty; give at least one endpoint"]),
    "duplicate key": (
        changed("    instance_count: 1\n", "    instance_count: 1\n    instance_type: ml.m5.large\n"),
        ["inference.yaml:6: endpoints.digits.instance_type: is given twice, first on line 4"],
    ),
    "unknown key": (
        changed("instance_type", "instance_tipe"),
        [
            "inference.yaml:4: endpoints.digits.instance_tipe: is no key here; did you mean 'instance_type'? choose one "
            f"of {ENDPOINT_KEYS}",
        ],
    ),
    "unknown key at the top": (
        DIGITS + "mine: true\n",
        [f"inference.yaml:7: mine: is no key here; choose one of {SETTINGS_KEYS}"],
    ),
    "unknown key of a model": (
        changed("artifact: model", "artifact: model, entrypoint: a.py"),
        [
            "inference.yaml:3: endpoints.digits.model.entrypoint: is no key here; did you mean 'entry_point'? choose one "
            f"of {ONNX_KEYS}"
        ],
    ),
    "unknown key with the framework's name": (
        changed("artifact: model", "artifact: 5, onnx: {artifact: model}"),
        [
            "inference.yaml:3: endpoints.digits.model.artifact: must be text, got the number 5; put it in quotes: '5'",
            f"inference.yaml:3: endpoints.digits.model.onnx: is no key here; choose one of {ONNX_KEYS}",
        ],
    ),
    "unknown key of the autoscaling": (
        changed("min: 1", "minimum: 1"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling.minimum: is no key here; did you mean 'min'? choose one of "
            f"{AUTOSCALING_KEYS}"
        ],
    ),
    "framework missing": (
        changed("framework: onnx, ", ""),
        [f"inference.yaml:3: endpoints.digits.model.framework: is missing; choose one of {FRAMEWORKS}"],
    ),
    "framework unknown": (
        changed("framework: onnx", "framework: onyx"),
        [
            "inference.yaml:3: endpoints.digits.model.framework: 'onyx' is no framework; did you mean 'onnx'? choose one "
            f"of {FRAMEWORKS}"
        ],
    ),
    "framework a list": (
        changed("framework: onnx", "framework: [onnx]"),
        [
            f"inference.yaml:3: endpoints.digits.model.framework: a list is no framework; did you mean 'onnx'? choose one of {FRAMEWORKS}"
        ],
    ),
    "text for a number": (
        changed("instance_count: 1", "instance_count: one"),
        [
            "inference.yaml:5: endpoints.digits.instance_count: must be a whole number, got 'one' "
            f"({meaning('EndpointSettings', 'instance_count')})"
        ],
    ),
    "a quoted number": (
        changed("instance_count: 1", "instance_count: '1'"),
        ["inference.yaml:5: endpoints.digits.instance_count: must be a whole number, got '1'; leave the quotes out"],
    ),
    "another unit": (
        changed("max: 4", "max: 4, scale_in_cooldown: 5m"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling.scale_in_cooldown: must be a whole number, got '5m' "
            f"({meaning('Autoscaling', 'scale_in_cooldown')})"
        ],
    ),
    "one for a list": (
        DIGITS + "acknowledged_warnings: inference:neo-frozen\n",
        [
            "inference.yaml:7: acknowledged_warnings: must be a list, got 'inference:neo-frozen'; put it in brackets: "
            "[inference:neo-frozen]"
        ],
    ),
    "a whole file for a number": (
        changed("instance_count: 1", f"instance_count: {'x' * 500}"),
        [
            f"inference.yaml:5: endpoints.digits.instance_count: must be a whole number, got '{'x' * 100}…' "
            f"({meaning('EndpointSettings', 'instance_count')})"
        ],
    ),
    "a fraction": (
        changed("instance_count: 1", "instance_count: 1.0"),
        ["inference.yaml:5: endpoints.digits.instance_count: must be a whole number, got the number 1.0"],
    ),
    "a truth value for a number": (
        changed("max: 4", "max: true"),
        ["inference.yaml:6: endpoints.digits.autoscaling.max: must be a whole number, got true"],
    ),
    "a word for a truth value": (
        changed("max: 4", "max: 4, disable_scale_in: yes"),
        ["inference.yaml:6: endpoints.digits.autoscaling.disable_scale_in: must be true or false, got 'yes'"],
    ),
    "a list for text": (
        changed("instance_type: ml.c6i.large", "instance_type: [ml.c6i.large]"),
        ["inference.yaml:4: endpoints.digits.instance_type: must be text, got a list"],
    ),
    "text for a mapping": (
        changed("autoscaling: {min: 1, max: 4, invocations_per_instance: 600}", "autoscaling: on"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling: must be a mapping of keys to values, got 'on'; its keys are "
            f"{AUTOSCALING_KEYS}"
        ],
    ),
    "nothing for a model": (
        changed("{framework: onnx, artifact: model, entry_point: inference.py}", ""),
        [
            "inference.yaml:3: endpoints.digits.model: must be a mapping of keys to values, got nothing; begin it with "
            "'framework', one of container, huggingface, llm, model-package, multi-container, multi-model, onnx, "
            "pytorch, tensorflow"
        ],
    ),
    "a name for a server": (
        "workloads: {demo: {model: {framework: tensorflow, artifact: s3://models/demo/}, server: triton}}\n",
        [
            "inference.yaml:1: workloads.demo.server: must be a mapping of keys to values, got 'triton'; begin it with "
            "'kind', one of multi-model-server, sagemaker, tensorflow-serving, torchserve, triton, vllm"
        ],
    ),
    "a framework in capitals": (
        changed("framework: onnx", "framework: ONNX"),
        [
            "inference.yaml:3: endpoints.digits.model.framework: 'ONNX' is no framework; did you mean 'onnx'? choose one "
            "of tensorflow, pytorch, onnx, huggingface, llm, container, model-package, multi-model, multi-container"
        ],
    ),
    "a number in the environment": (
        changed("artifact: model", "artifact: model, environment: {OMP_NUM_THREADS: 1}"),
        [
            "inference.yaml:3: endpoints.digits.model.environment.OMP_NUM_THREADS: must be text, got the number 1; put "
            "it in quotes: '1'"
        ],
    ),
    "a truth value in the environment": (
        changed("artifact: model", "artifact: model, environment: {VERBOSE: True}"),
        [
            "inference.yaml:3: endpoints.digits.model.environment.VERBOSE: must be text, got True; put it in quotes: 'True'"
        ],
    ),
    "version a number": (
        changed("artifact: model", "artifact: model, version: 2.6"),
        [
            "inference.yaml:3: endpoints.digits.model.version: must be text, got the number 2.6; put it in quotes: '2.6'",
        ],
    ),
    "version a number that ends with a nought": (
        changed("artifact: model", "artifact: model, version: 2.10"),
        [
            "inference.yaml:3: endpoints.digits.model.version: must be text, got the number 2.10; put it in quotes: '2.10'",
        ],
    ),
    "version without an image": (
        changed("artifact: model", "artifact: model, version: '3.0'"),
        [
            "inference.yaml:3: endpoints.digits.model.version: '3.0' is not a PyTorch version with an inference image for "
            f"cpu on SageMaker; choose one of {PYTORCH_VERSIONS}, or set 'image'"
        ],
    ),
    "python without an image": (
        changed("artifact: model", "artifact: model, version: '2.6', py_version: py39"),
        [
            "inference.yaml:3: endpoints.digits.model.py_version: 'py39' is not a python of PyTorch 2.6.0 with an "
            "inference image for cpu on SageMaker; choose one of py312, or set 'image'"
        ],
    ),
    "underscore in the name": (
        changed("  digits:", "  my_digits:"),
        [f"inference.yaml:2: endpoints.my_digits: is 'my_digits' (9 characters), {NAME_RULE}; for example 'my-digits'"],
    ),
    "name of 64 characters": (
        changed("  digits:", f"  {'d' * 64}:"),
        [
            f"inference.yaml:2: endpoints.{'d' * 64}: is '{'d' * 64}' (64 characters), {NAME_RULE}; for example "
            f"'{'d' * 63}'"
        ],
    ),
    "name with a dot": (
        changed("  digits:", "  digits.v2:"),
        [f"inference.yaml:2: endpoints.digits.v2: is 'digits.v2' (9 characters), {NAME_RULE}; for example 'digits-v2'"],
    ),
    "names that differ in case only": (
        DIGITS + DIGITS.removeprefix("endpoints:\n").replace("digits:", "Digits:"),
        ["inference.yaml:7: endpoints.Digits: differs from 'digits' in case or hyphens only; choose another name"],
    ),
}


@pytest.mark.parametrize(("text", "messages"), BAD_FILES.values(), ids=BAD_FILES)
def test_fails_with_file_line_key_and_remedy(text: str, messages: list[str]) -> None:
    assert refusal(text) == messages
