"""A Python environment of a model's own for its ``code/requirements.txt``, made once per content.

The containers run ``pip install -r /opt/ml/model/code/requirements.txt`` before they serve (``_install_requirements``
in sagemaker-inference and in the PyTorch toolkit). Here the result is kept: a virtual environment that sees the
packages of the interpreter that runs local AWS, as an image has its own, and holds what they lack.
"""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from local_aws.hosting.container import HostFailedError
from local_aws.hosting.locks import exclusive
from local_aws.hosting.processes import LoggedProcess

_COMPLETE = ".complete"


def cache_root() -> Path:
    """Return where environments are kept: ``LOCAL_AWS_CACHE``, else the platform's cache directory of the user."""
    if given := os.environ.get("LOCAL_AWS_CACHE"):
        return Path(given).expanduser().absolute()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "inference-constructs"


def interpreter(code: Path, *, log: Callable[[str], None], pause: Callable[[], None], cwd: Path | None = None) -> Path:
    """Return the interpreter for the handler in ``code``, with its requirements installed.

    Parameters
    ----------
    code
        The directory of the ``requirements.txt``: the archive's ``code``, or what local AWS has in place of an image.
    log
        Receives pip's output.
    pause
        Called again and again while pip runs; waits a little, or raises to give up.
    cwd
        Where pip runs, and so what relative paths in the requirements are relative to. None: nowhere in particular.

    Raises
    ------
    HostFailedError
        When pip fails; the message has the requirement and pip's own error.
    """
    requirements = code / "requirements.txt"
    if not requirements.is_file():
        return Path(sys.executable)
    home = cache_root() / "environments" / _key(requirements)
    if not (home / _COMPLETE).is_file():
        try:
            home.parent.mkdir(parents=True, exist_ok=True)
            # Console scripts have their environment's path in them, so it is built in place: the mark makes it valid.
            with exclusive(home.with_suffix(".lock"), pause) as lock:
                if not (home / _COMPLETE).is_file():
                    _build(home, requirements, cwd=cwd or home, log=log, pause=pause, lock=lock)
        except (OSError, subprocess.CalledProcessError) as e:
            raise HostFailedError(
                f"no Python environment for {_shown(requirements)} could be made in {home.parent}: {e}"
            ) from e
    return _python(home)


def _python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _base_packages() -> list[Path]:
    """Where the packages of this interpreter are: those that the image would have."""
    return [Path(p) for p in sys.path if Path(p).name in {"site-packages", "dist-packages"} and Path(p).is_dir()]


def _key(requirements: Path) -> str:
    digest = hashlib.sha256()
    for part in _key_parts(requirements):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]


def _key_parts(requirements: Path) -> Iterator[bytes]:
    yield sys.version.encode()
    yield sys.base_prefix.encode()
    for packages in _base_packages():
        yield str(packages).encode()
        yield from sorted(p.name.encode() for p in packages.glob("*-info"))
    text = requirements.read_bytes()
    yield text
    if re.search(rb"^\s*-[^-]|--requirement|--constraint|--editable|/|\\|\.whl", text, re.MULTILINE):
        # It names other files: any file of the code may be part of what is installed.
        for path in sorted(p for p in requirements.parent.rglob("*") if p.is_file()):
            yield str(path.relative_to(requirements.parent)).encode()
            yield path.read_bytes()


def _build(
    home: Path,
    requirements: Path,
    *,
    cwd: Path,
    log: Callable[[str], None],
    pause: Callable[[], None],
    lock: int,
) -> None:
    shutil.rmtree(home, ignore_errors=True)
    try:
        has_pip = importlib.util.find_spec("pip") is not None
        venv.EnvBuilder(with_pip=not has_pip, symlinks=sys.platform != "win32").create(home)
        site = next(home.glob("Lib/site-packages" if sys.platform == "win32" else "lib/python*/site-packages"))
        lines = "".join(f"{p}\n" for p in _base_packages())
        (site / "local-aws-base.pth").write_text(lines, encoding="utf-8")
        _pip_install(home, requirements, has_pip=has_pip, cwd=cwd, log=log, pause=pause, lock=lock)
        (home / _COMPLETE).touch()
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _pip_install(
    home: Path,
    requirements: Path,
    *,
    has_pip: bool,
    cwd: Path,
    log: Callable[[str], None],
    pause: Callable[[], None],
    lock: int,
) -> None:
    # Our own pip installs for the other interpreter: a second pip would cost three seconds.
    pip = (
        [sys.executable, "-m", "pip", "--python", str(_python(home))] if has_pip else [str(_python(home)), "-m", "pip"]
    )
    options = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--no-warn-script-location"]
    command = [*pip, "install", *options, "-r", str(requirements)]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    process = LoggedProcess(command, cwd=cwd, env=env, log=log, keep_open=[lock])
    with contextlib.ExitStack() as stack:
        stack.callback(process.end, grace=2)
        while process.returncode is None:
            pause()
        process.wait_for_log()
        if process.returncode:
            raise HostFailedError(_pip_failure(requirements, process.tail, process.ending()))


def _pip_failure(requirements: Path, tail: Sequence[str], ending: str) -> str:
    errors = [_short(m[1]) for line in tail if (m := re.match(r"\s*(?:ERROR|error): (?!Ignored the )(.+)", line))][-3:]
    cause = "; ".join(errors) or f"pip ended with {ending}: {tail[-1] if tail else 'no output'}"
    text = requirements.read_text("utf-8", errors="replace")
    named = [s for line in text.splitlines() if (s := line.partition("#")[0].strip())]
    at_fault = [n for n in named if re.split(r"[\s<>=!~;\[@]", n)[0].lower() in cause.lower()]
    return f"{_shown(requirements)} ({', '.join(at_fault or named[:5])}) could not be installed: {cause}"


def _shown(requirements: Path) -> str:
    """Name the file as its reader knows it: ``code/requirements.txt`` of an archive."""
    return f"{requirements.parent.name}/{requirements.name}"


def _short(error: str) -> str:
    """Keep the newest of the hundred versions that pip may list, and a length that leaves room for other errors."""
    head, listed, versions = error.partition("(from versions: ")
    newest = versions.split(", ")
    text = f"{head}{listed}{'…, ' if len(newest) > 8 else ''}{', '.join(newest[-8:])}"
    return text if len(text) <= 300 else f"{text[:300]}…"
