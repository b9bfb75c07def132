"""Settings: what is read from inference.yaml, and every way in which it can be wrong, word by word."""

from __future__ import annotations

import contextlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.sagemaker import Autoscaling
from constructs_lib.serving.models import ContainerModel, OnnxModel
from stacks.settings import EndpointSettings, Settings, load_settings
from stacks.yaml_source import SettingsError

FILE = Path("inference.yaml")
DIGITS = """\
endpoints:
  digits:
    model: {framework: onnx, artifact: model, entry_point: inference.py}
    instance_type: ml.c6i.large
    instance_count: 1
    autoscaling: {min: 1, max: 4, invocations_per_instance: 600}
"""
FRAMEWORKS = "tensorflow, pytorch, onnx, huggingface, llm, container"
ENDPOINT_KEYS = ", ".join(field.name for field in fields(EndpointSettings))
AUTOSCALING_KEYS = ", ".join(field.name for field in fields(Autoscaling))
ONNX_KEYS = ", ".join(field.name for field in fields(OnnxModel))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory with a model that is right."""
    monkeypatch.chdir(tmp_path)
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (tmp_path / "model" / "model.onnx").write_bytes(b"weights")
    (code / "inference.py").write_text("def model_fn(directory): ...\n")


def load(text: str, *, region: str | None = None) -> Settings:
    FILE.write_text(text, encoding="utf-8")
    return load_settings(FILE, region=region)


def refusal(text: str, *, region: str | None = None) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(text, region=region)
    return str(raised.value).splitlines()


def changed(old: str, new: str) -> str:
    assert old in DIGITS
    return DIGITS.replace(old, new)


def test_the_file_becomes_values() -> None:
    assert load(DIGITS) == Settings(
        endpoints={
            "digits": EndpointSettings(
                model=OnnxModel(artifact="model", entry_point="inference.py"),
                instance_type="ml.c6i.large",
                instance_count=1,
                autoscaling=Autoscaling(min=1, max=4, invocations_per_instance=600),
            )
        }
    )


def test_what_is_left_out_has_its_default() -> None:
    endpoint = load(
        "endpoints: {a: {model: {framework: container, image: mine}, instance_type: ml.m5.large}}"
    ).endpoints["a"]

    assert endpoint == EndpointSettings(model=ContainerModel(image="mine"), instance_type="ml.m5.large")
    assert (endpoint.instance_count, endpoint.autoscaling) == (None, None)


def test_relative_paths_are_those_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text(DIGITS, encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    settings = load_settings(Path("..") / FILE)

    assert settings.endpoints["digits"].model.artifact == str(Path("../model"))


def test_the_region_of_the_file_comes_before_that_of_the_profile() -> None:
    assert load(f"region: eu-west-1\n{DIGITS}", region="us-east-1").region == "eu-west-1"
    assert load(DIGITS, region="us-east-1").region == "us-east-1"
    assert load(DIGITS).region is None


PYTORCH_VERSIONS = "2.6.0, 2.5.1, 2.4.0, 2.3.0, 2.2.0, 2.1.0, 2.0.1, 2.0.0 and 20 older"
GPU_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-gpu-py312"
CPU_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
NAME_RULE = "but SageMaker allows 1 to 63 letters, digits and hyphens, with no hyphen at either end"

# What is wrong with the file, and all that is said about it.
BAD_FILES = {
    "empty": ("", ["inference.yaml: is empty; it needs at least 'endpoints:'"]),
    "only a comment": ("# later\n", ["inference.yaml: is empty; it needs at least 'endpoints:'"]),
    "no YAML": ("endpoints: [\n", ["inference.yaml:2: is no valid YAML: did not find expected node content"]),
    "no mapping": ("hello\n", ["inference.yaml: must be a mapping of keys to values, got 'hello'"]),
    "a list": ("- endpoints\n", ["inference.yaml: must be a mapping of keys to values, got a list"]),
    "no endpoints": ("region: us-east-1\n", ["inference.yaml: endpoints: is missing"]),
    "endpoints left empty": (
        "endpoints:\n",
        ["inference.yaml:1: endpoints: must be a mapping of keys to values, got nothing"],
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
        DIGITS + "stack: mine\n",
        ["inference.yaml:7: stack: is no key here; choose one of endpoints, region, acknowledged_warnings, dashboard"],
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
        ["inference.yaml:5: endpoints.digits.instance_count: must be a whole number, got 'one'"],
    ),
    "a quoted number": (
        changed("instance_count: 1", "instance_count: '1'"),
        ["inference.yaml:5: endpoints.digits.instance_count: must be a whole number, got '1'"],
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
        ["inference.yaml:6: endpoints.digits.autoscaling: must be a mapping of keys to values, got 'on'"],
    ),
    "nothing for a model": (
        changed("{framework: onnx, artifact: model, entry_point: inference.py}", ""),
        ["inference.yaml:3: endpoints.digits.model: must be a mapping of keys to values, got nothing"],
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
    "artifact missing": (
        changed("artifact: model", "artifact: modell"),
        [
            "inference.yaml:3: endpoints.digits.model.artifact: does not exist: 'modell'; give a directory, a .tar.gz "
            "file, or an s3:// address"
        ],
    ),
    "no artifact": (
        changed("artifact: model, ", ""),
        [
            "inference.yaml:3: endpoints.digits.model.artifact: is missing; give the weights: a local directory, a "
            ".tar.gz or an s3:// address"
        ],
    ),
    "artifact in a bucket that cannot be": (
        changed("artifact: model", "artifact: 's3://My_Bucket/model.tar.gz'"),
        [
            "inference.yaml:3: endpoints.digits.model.artifact: 's3://My_Bucket/model.tar.gz' names no valid bucket; give "
            "'s3://BUCKET/path/model.tar.gz', where BUCKET has 3 to 63 lower-case letters, digits, dots and hyphens"
        ],
    ),
    "artifact with a line break": (
        changed("artifact: model", 'artifact: "mo\\ndel"'),
        [
            r"inference.yaml:3: endpoints.digits.model.artifact: does not exist: 'mo\ndel'; give a directory, a .tar.gz "
            "file, or an s3:// address"
        ],
    ),
    "handler missing": (
        changed("entry_point: inference.py", "entry_point: handler.py"),
        [
            "inference.yaml:3: endpoints.digits.model.entry_point: 'handler.py' is not in 'model/code', which has "
            "inference.py"
        ],
    ),
    "handler's directory missing": (
        changed("entry_point: inference.py", "source_dir: src"),
        ["inference.yaml:3: endpoints.digits.model.source_dir: is not a directory: 'src'"],
    ),
    "instance type without ml.": (
        changed("ml.c6i.large", "c6i.large"),
        [
            "inference.yaml:4: endpoints.digits.instance_type: 'c6i.large' lacks the prefix 'ml.'; did you mean "
            "'ml.c6i.large'?"
        ],
    ),
    "instance type that does not exist": (
        changed("ml.c6i.large", "ml.c6i.huge"),
        [
            "inference.yaml:4: endpoints.digits.instance_type: 'ml.c6i.huge' is not a SageMaker instance type for "
            "hosting; did you mean 'ml.c6i.large', 'ml.c6i.xlarge' or 'ml.c6i.8xlarge'?"
        ],
    ),
    "ml.t2 with autoscaling": (
        changed("ml.c6i.large", "ml.t2.medium"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling: does not work with 'ml.t2.medium': SageMaker does not scale "
            "burstable instances; choose another type, such as 'ml.c6i.large', or leave 'autoscaling' out"
        ],
    ),
    "GPU image on a CPU type": (
        changed("artifact: model", f"artifact: model, image: '{GPU_IMAGE}'"),
        [
            f"inference.yaml:3: endpoints.digits.model.image: '{GPU_IMAGE}' is built for gpu, but 'ml.c6i.large' is a cpu "
            "instance; choose a GPU instance such as 'ml.g5.xlarge', or leave 'image' out to get the image for cpu"
        ],
    ),
    "CPU image on a GPU type": (
        changed("artifact: model", f"artifact: model, image: '{CPU_IMAGE}'").replace("ml.c6i.large", "ml.g5.xlarge"),
        [
            f"inference.yaml:3: endpoints.digits.model.image: '{CPU_IMAGE}' is built for cpu, but 'ml.g5.xlarge' is a gpu "
            "instance; choose a CPU instance such as 'ml.c6i.large', or leave 'image' out to get the image for gpu"
        ],
    ),
    "no instance": (
        changed("instance_count: 1", "instance_count: 0"),
        ["inference.yaml:5: endpoints.digits.instance_count: must be at least 1, got 0"],
    ),
    "count outside of the range": (
        changed("instance_count: 1", "instance_count: 5"),
        [
            "inference.yaml:5: endpoints.digits.instance_count: must be between 'autoscaling.min' (1) and "
            "'autoscaling.max' (4), got 5"
        ],
    ),
    "min above max": (
        changed("min: 1", "min: 5"),
        ["inference.yaml:6: endpoints.digits.autoscaling.max: must be at least 'min' (5), got 4"],
    ),
    "min of nought": (
        changed("min: 1", "min: 0"),
        ["inference.yaml:6: endpoints.digits.autoscaling.min: must be at least 1 for a real-time endpoint, got 0"],
    ),
    "no max": (
        changed("max: 4, ", ""),
        ["inference.yaml:6: endpoints.digits.autoscaling.max: is missing"],
    ),
    "no target": (
        changed("invocations_per_instance: 600", "invocations_per_instance: 0"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling.invocations_per_instance: must be a finite number above 0, "
            "got 0.0"
        ],
    ),
    "an endless target": (
        changed("invocations_per_instance: 600", "invocations_per_instance: .inf"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling.invocations_per_instance: must be a finite number above 0, "
            "got inf"
        ],
    ),
    "negative cool-downs": (
        changed("max: 4", "max: 4, scale_in_cooldown: -1, scale_out_cooldown: -60"),
        [
            "inference.yaml:6: endpoints.digits.autoscaling.scale_in_cooldown: must be at least 0 seconds, got -1",
            "inference.yaml:6: endpoints.digits.autoscaling.scale_out_cooldown: must be at least 0 seconds, got -60",
        ],
    ),
}


@pytest.mark.parametrize(("text", "messages"), BAD_FILES.values(), ids=BAD_FILES)
def test_fails_with_file_line_key_and_remedy(text: str, messages: list[str]) -> None:
    assert refusal(text) == messages


def test_fails_at_a_file_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match=r"^other\.yaml: there is no such file; name one with '-c settings=FILE'$"):
        load_settings(Path("other.yaml"))


def test_fails_at_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r": cannot be read: Is a directory$"):
        load_settings(tmp_path)


def test_fails_at_an_empty_artifact(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()

    assert refusal(changed("artifact: model", "artifact: nothing")) == [
        "inference.yaml:3: endpoints.digits.model.artifact: is an empty directory: 'nothing'; put the model's files into it"
    ]


def test_fails_at_an_archive_that_is_empty(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").touch()

    assert refusal(changed("artifact: model", "artifact: model.tar.gz")) == [
        "inference.yaml:3: endpoints.digits.model.artifact: is an empty file: 'model.tar.gz'"
    ]


def test_fails_at_a_symlink_that_leaves_the_artifact(tmp_path: Path) -> None:
    (tmp_path / "model" / "link").symlink_to("/etc/hostname")

    assert refusal(DIGITS) == [
        "inference.yaml:3: endpoints.digits.model.artifact: model/link: is a symlink to '/etc/hostname', outside of "
        "'model', where others do not have it; put the file itself in its place (`cp -rL` copies a tree so)"
    ]


def test_fails_at_a_region_without_a_registry() -> None:
    (message,) = refusal(DIGITS + "region: us-eats-1\n")

    assert message.startswith(
        "inference.yaml:7: region: 'us-eats-1' has no registry with the image 'pytorch-inference:2.6.0-cpu-py312'; did "
        "you mean 'us-east-1'? It is in af-south-1, ap-east-1, "
    )
    assert message.endswith(", us-west-1, us-west-2")


def test_fails_at_a_region_of_the_profile_without_a_registry() -> None:
    (message,) = refusal(DIGITS, region="us-eats-1")

    assert message.startswith("inference.yaml: region: 'us-eats-1' has no registry with the image ")
    assert message.endswith("; the region is that of your AWS profile: set 'region' to deploy to another")


def test_an_image_of_your_own_may_be_deployed_to_any_region() -> None:
    text = (
        "endpoints: {a: {model: {framework: container, image: mine}, instance_type: ml.m5.large}}\nregion: xx-new-1\n"
    )

    assert load(text).region == "xx-new-1"


def test_fails_with_all_problems_in_the_order_of_the_file() -> None:
    messages = refusal(
        """\
regoin: us-east-1
endpoints:
  my_digits:
    model: {framework: onnx, artifact: gone, version: 2.6}
    instance_type: c6i.large
  other:
    model: {framework: onnx, artifact: gone}
    instance_count: 1
    instance_type: ml.c6i.huge
    autoscaling: {min: 3, max: 2, invocations_per_instance: 10}
  third:
    model: {framework: pytorch, artifact: model, version: '3.0'}
    instance_type: ml.c6i.large
    instance_count: many
    replicas: 2
region: us-eats-1
"""
    )

    assert [message.split(": ")[:2] for message in messages] == [
        ["inference.yaml:1", "regoin"],
        ["inference.yaml:3", "endpoints.my_digits"],
        ["inference.yaml:4", "endpoints.my_digits.model.version"],
        ["inference.yaml:5", "endpoints.my_digits.instance_type"],
        ["inference.yaml:7", "endpoints.other.model.artifact"],
        ["inference.yaml:9", "endpoints.other.instance_type"],
        ["inference.yaml:10", "endpoints.other.autoscaling.max"],
        ["inference.yaml:14", "endpoints.third.instance_count"],
        ["inference.yaml:15", "endpoints.third.replicas"],
    ]


def test_the_region_is_checked_once_the_endpoints_are_right() -> None:
    messages = refusal(changed("instance_count: 1", "instance_count: 0") + "region: us-eats-1\n")

    assert [message.split(": ")[1] for message in messages] == ["endpoints.digits.instance_count"]


def test_settings_that_are_made_in_code_keep_the_same_rules() -> None:
    with pytest.raises(
        ValueError, match=r"^EndpointSettings: 'instance_type' 'c6i\.large' lacks the prefix 'ml\.'; did you"
    ):
        EndpointSettings(model=ContainerModel(image="mine"), instance_type="c6i.large")
    with pytest.raises(ValueError, match=r"^Settings: 'endpoints' is empty; give at least one endpoint$"):
        Settings(endpoints={})


# What a file may hold at any place: what belongs there, what does not, and the keys of everywhere.
WORDS = st.sampled_from(
    f"endpoints region digits {FRAMEWORKS.replace(',', '')} {ENDPOINT_KEYS} {ONNX_KEYS} model.tar.gz s3://my-models/m/ min max "
    "model_id task server tensor_parallel_degree invocations_per_instance scale_in_cooldown ml.c6i.large ml.t2.medium "
    "ml.g5.xlarge us-east-1 vllm 2.6 py312 inference.py".replace(",", "").split()
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(st.characters(codec="utf-8"), max_size=8)
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6), max_leaves=12
)
MODEL = st.fixed_dictionaries(
    {"framework": st.sampled_from(FRAMEWORKS.split(", ")) | ANYTHING},
    optional=dict.fromkeys([*ONNX_KEYS.split(", ")[:-1], "model_id", "server", "onnx", "unknown"], ANYTHING),
)
ENDPOINT = st.fixed_dictionaries(
    {"model": MODEL | ANYTHING, "instance_type": WORDS | ANYTHING},
    optional={
        "instance_count": ANYTHING,
        "autoscaling": st.dictionaries(WORDS, ANYTHING, max_size=4) | ANYTHING,
        "unknown": ANYTHING,
    },
)
DOCUMENT = ANYTHING | st.fixed_dictionaries(
    {"endpoints": st.dictionaries(WORDS, ENDPOINT | ANYTHING, max_size=3)}, optional={"region": ANYTHING}
)


@given(DOCUMENT)
def test_any_data_is_settings_or_a_settings_error(data: Any) -> None:
    with contextlib.suppress(yaml.YAMLError):  # of the dumper, at what is no text
        FILE.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")

    assert [line for line in complaints() if not line.startswith("inference.yaml")] == []


def complaints() -> list[str]:
    try:
        load_settings(FILE)
    except SettingsError as error:
        return str(error).splitlines()
    return []
