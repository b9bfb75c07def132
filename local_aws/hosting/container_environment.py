"""The environment variables of a container's process."""

import os
import re
from pathlib import Path

from local_aws.hosting.container import Container

# A container does not have the caller's environment, least of all its AWS credentials; it has these, so to speak.
_PASSED_ON = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|(DY)?LD_LIBRARY_PATH|CUDA_VISIBLE_DEVICES|SSL_CERT_(FILE|DIR)"
    r"|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(HTTPS?|ALL|NO)_PROXY|SYSTEMROOT|WINDIR|COMSPEC|USERPROFILE|(LOCAL)?APPDATA"
    r"|LOCAL_AWS_LOADED_MODELS",
    re.IGNORECASE,
)
_OPT_ML = re.compile(r"(?<![\w.-])/opt/ml(?![\w.-])")


def environment_of(container: Container, *, base: Path, python: Path) -> dict[str, str]:
    """Return the environment of a container, with ``base`` for ``/opt/ml`` wherever it is named.

    Parameters
    ----------
    container
        What runs.
    base
        The stand-in of ``/opt/ml``.
    python
        The interpreter that runs it, which is the first on its PATH.
    """
    env = process_environment(python)
    env |= {"SM_MODEL_DIR": "/opt/ml/model", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    if container.multi_model:
        env["SAGEMAKER_MULTI_MODEL"] = "true"
    if container.hostname:
        env["HOSTNAME"] = container.hostname
    env |= container.environment
    return {name: with_base(value, base) for name, value in env.items()}


def process_environment(python: Path) -> dict[str, str]:
    """Return what every container's process has, whatever it runs."""
    env = {k: v for k, v in os.environ.items() if _PASSED_ON.fullmatch(k)}
    env["PATH"] = os.pathsep.join([str(python.parent), env.get("PATH", os.defpath)])
    return env | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "SAGEMAKER_BASE_DIR": "/opt/ml"}


def with_base(text: str, base: Path) -> str:
    """Return a text with ``base`` for ``/opt/ml`` wherever it is named."""
    return _OPT_ML.sub(lambda _: str(base), text)
