"""What a training script finds: command line, environment variables and configuration files.

The names and forms are those of AWS's sagemaker-training toolkit, which runs scripts in the training images:
https://github.com/aws/sagemaker-training-toolkit (environment.py, mapping.py, params.py).
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.hosting.container_environment import with_base

# Hyperparameters that the toolkit keeps to itself; others with this prefix are for the framework.
_RESERVED = {
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "sagemaker_region",
    "sagemaker_s3_output",
}
_PREFIX = "sagemaker_"
_HOST, _GROUP = "algo-1", "homogeneousCluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingContainer:
    """One container of a training job, as the host must run it.

    Parameters
    ----------
    image
        The image's URI.
    job_name
        The training job's name.
    hyperparameters
        As ``CreateTrainingJob`` has them: every value is a text.
    channels
        ``inputdataconfig.json``: how the data of each channel came.
    instance_type
        What the job asked for.
    environment
        Further environment variables.
    """

    image: str
    job_name: str
    hyperparameters: Mapping[str, str]
    channels: Mapping[str, Mapping[str, str]]
    instance_type: str
    environment: Mapping[str, str]

    @property
    def parsed(self) -> dict[str, Any]:
        """The hyperparameters with their values read as JSON, where they are that."""
        return {name: _parse(value) for name, value in self.hyperparameters.items()}

    @property
    def program(self) -> str | None:
        """The script to run (``sagemaker_program``); None when the image's own entry point is meant."""
        program = self.environment.get("SAGEMAKER_PROGRAM") or self.parsed.get("sagemaker_program")
        return None if program is None else str(program)

    @property
    def submit_directory(self) -> str:
        """Where the script is: an archive in S3, or a directory of the container."""
        given = self.environment.get("SAGEMAKER_SUBMIT_DIRECTORY") or self.parsed.get("sagemaker_submit_directory")
        return str(given or "/opt/ml/code")

    @property
    def user_hyperparameters(self) -> dict[str, Any]:
        """The hyperparameters that are for the script."""
        return {name: value for name, value in self.parsed.items() if not name.startswith(_PREFIX)}

    @property
    def arguments(self) -> list[str]:
        """The script's command line."""
        arguments = []
        for name, value in sorted(self.user_hyperparameters.items()):
            text = ",".join(f"{k}={v}" for k, v in sorted(value.items())) if isinstance(value, dict) else str(value)
            arguments += [f"--{name}" if len(name) > 1 else f"-{name}", "" if value is None else text]
        return arguments

    def write_configuration(self, base: Path) -> None:
        """Write the files of ``/opt/ml/input/config``; ``base`` stands in for ``/opt/ml``."""
        directory = base / "input" / "config"
        directory.mkdir(parents=True)
        files: dict[str, Mapping[str, Any]] = {
            "hyperparameters": self.hyperparameters,
            "inputdataconfig": self.channels,
            "resourceconfig": self._resources(),
        }
        for name, content in files.items():
            (directory / f"{name}.json").write_text(with_base(json.dumps(content), base), encoding="utf-8")

    def variables(self) -> dict[str, str]:
        """Return the environment variables of the script, with ``/opt/ml`` as the root of its files."""
        facts = self._facts()
        values = {
            "hps": self.user_hyperparameters,
            "framework_params": facts["additional_framework_parameters"],
            "channels": sorted(self.channels),
            "training_env": facts,
            "user_args": self.arguments,
            **{name: value for name, value in facts.items() if name not in _ONLY_IN_TRAINING_ENV},
            **{f"channel_{name}": path for name, path in facts["channel_input_dirs"].items()},
            **{f"hp_{name}": value for name, value in self.user_hyperparameters.items()},
        }
        return {f"SM_{name.upper()}": _text(value) for name, value in values.items()}

    def _resources(self) -> dict[str, Any]:
        return {
            "current_host": _HOST,
            "current_instance_type": self.instance_type,
            "current_group_name": _GROUP,
            "hosts": [_HOST],
            "instance_groups": [{"instance_group_name": _GROUP, "instance_type": self.instance_type, "hosts": [_HOST]}],
            "network_interface_name": "eth0",
        }

    def _facts(self) -> dict[str, Any]:
        program = self.program or ""
        framework = {k: v for k, v in self.parsed.items() if k.startswith(_PREFIX) and k not in _RESERVED}
        return {
            "additional_framework_parameters": framework,
            "channel_input_dirs": {name: f"/opt/ml/input/data/{name}" for name in self.channels},
            "current_host": _HOST,
            "current_instance_group": _GROUP,
            "current_instance_group_hosts": [_HOST],
            "current_instance_type": self.instance_type,
            "hosts": [_HOST],
            "hyperparameters": self.user_hyperparameters,
            "input_config_dir": "/opt/ml/input/config",
            "input_data_config": self.channels,
            "input_dir": "/opt/ml/input",
            "instance_groups": [_GROUP],
            "is_hetero": False,
            "is_master": True,
            "job_name": self.job_name,
            "log_level": self.parsed.get("sagemaker_container_log_level", 20),
            "master_hostname": _HOST,
            "model_dir": "/opt/ml/model",
            "module_dir": self.submit_directory,
            "module_name": program.removesuffix(".py"),
            "network_interface_name": "eth0",
            "num_cpus": os.cpu_count() or 1,
            "num_gpus": _count_gpus(),
            "output_data_dir": "/opt/ml/output/data",
            "output_dir": "/opt/ml/output",
            "output_intermediate_dir": "/opt/ml/output/intermediate",
            "resource_config": self._resources(),
            "user_entry_point": program,
        }


_ONLY_IN_TRAINING_ENV = {
    "additional_framework_parameters",
    "channel_input_dirs",
    "hyperparameters",
    "is_master",
    "job_name",
    "master_hostname",
}


def _parse(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _count_gpus() -> int:
    command = shutil.which("nvidia-smi")
    if command is None:
        return 0
    listed = subprocess.run([command, "--list-gpus"], capture_output=True, text=True, check=False)  # noqa: S603
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
