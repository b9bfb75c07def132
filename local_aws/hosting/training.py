"""The host of a training job: the script's files, its process, and what it says when it fails."""

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from local_aws.hosting import environment
from local_aws.hosting.archive import extract, top_level
from local_aws.hosting.container import HostFailedError
from local_aws.hosting.container_environment import process_environment, with_base
from local_aws.hosting.processes import LoggedProcess
from local_aws.hosting.training_environment import TrainingContainer

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_LONGEST = 600  # of the script's own error: the failure reason has room for 1024 characters in all


class TrainingHost:
    """A training script with a stand-in of ``/opt/ml`` of its own.

    Parameters
    ----------
    container
        What to run.
    workdir
        A directory of this host's own.
    log
        Receives each line that pip and the script write. Called from another thread.
    """

    def __init__(self, container: TrainingContainer, *, workdir: Path, log: Callable[[str], None]) -> None:
        self._container = container
        self._base = workdir.absolute() / "opt" / "ml"
        self._log = log
        self._process: LoggedProcess | None = None
        container.write_configuration(self._base)
        for directory in ("code", "model", "output/data", "input/data", "checkpoints"):
            (self._base / directory).mkdir(parents=True)

    @property
    def submit_directory(self) -> str:
        """Where the script is: an archive in S3, or a directory of the container."""
        return self._container.submit_directory

    def path(self, path: str) -> Path:
        """Return where a path of the container is; it begins with ``/opt/ml/``."""
        return Path(with_base(path, self._base))

    def run(self, source: Path | None, *, pause: Callable[[], None]) -> None:
        """Run the script to its end.

        Parameters
        ----------
        source
            The downloaded ``sourcedir.tar.gz``; None when the source is in a directory of the container.
        pause
            Called again and again while pip or the script runs; waits a little, or raises to give up.

        Raises
        ------
        HostFailedError
            When the script cannot be started, or ends with another exit code than 0. The text is what SageMaker would
            say, with the script's own error.
        """
        code = self._lay_out(source)
        try:
            python = environment.interpreter(code, log=self._log, pause=pause, cwd=code)
        except HostFailedError as failure:
            raise HostFailedError(f"InstallRequirementsError: {failure}") from failure
        command = self._command(code, python)
        self._log("Invoking script with the following command: " + self._shown(command, python))
        variables = {**process_environment(python), **self._container.variables(), **self._container.environment}
        self._process = LoggedProcess(
            [sys.executable, "-s", str(_SUPERVISOR), *command],
            cwd=code,
            env={name: with_base(value, self._base) for name, value in variables.items()},
            log=self._log,
        )
        while self._process.returncode is None:
            pause()
        self._process.wait_for_log()
        if self._process.returncode:
            raise HostFailedError(self._failure(self._process, self._shown(command, python)))

    def end(self, *, grace: float) -> None:
        """SIGTERM, and after ``grace`` seconds SIGKILL. Idempotent; harmless when nothing runs."""
        if self._process is not None:
            self._process.end(grace=grace)

    def stop(self, *, grace: float = 0.0) -> None:
        """End the script and delete its files."""
        self.end(grace=grace)
        shutil.rmtree(self._base.parent, ignore_errors=True)

    def _lay_out(self, source: Path | None) -> Path:
        code, program = self._base / "code", self._container.program
        if source is not None:
            code.rmdir()
            extract(source, code)
        elif (given := self.path(self._container.submit_directory)).is_file():
            code.rmdir()
            extract(given, code)
        elif given != code:
            if not given.is_dir():
                raise HostFailedError(f"sagemaker_submit_directory {self._container.submit_directory} is not there")
            shutil.copytree(given, code, dirs_exist_ok=True)
        if program is None or not (code / program).is_file():
            raise HostFailedError(
                f"the entry point {program} (sagemaker_program) is not in the source, which holds {top_level(code)}"
            )
        return code

    def _command(self, code: Path, python: Path) -> list[str]:
        program = str(self._container.program)
        arguments = [with_base(argument, self._base) for argument in self._container.arguments]
        if program.endswith(".py"):
            return [str(python), program, *arguments]
        (code / program).chmod(0o755)
        return ["/bin/sh", "-c", shlex.join([f"./{program}", *arguments])]

    def _shown(self, command: Sequence[str], python: Path) -> str:
        return shlex.join(command).replace(str(python), "python").replace(str(self._base), "/opt/ml")

    def _failure(self, process: LoggedProcess, command: str) -> str:
        written = self._base / "output" / "failure"
        own = written.read_text("utf-8", errors="replace").strip() if written.is_file() else ""
        error = (own or last_error(process.tail)).replace(str(self._base), "/opt/ml")
        code = process.returncode
        return (
            f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{error[:_LONGEST]}"\n'
            f'Command "{command[:200]}", exit code: {code}'
        )


def last_error(lines: Sequence[str]) -> str:
    """Return a script's last error from the end of its output: its exception, or else its last line."""
    told = [line for line in lines if line.strip()]
    start = max((n for n, line in enumerate(told) if line.startswith("Traceback (most recent call last)")), default=-1)
    after = [line for line in told[start + 1 :] if not line.startswith(" ")] if start >= 0 else []
    named = [line for line in told if re.match(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)\b", line)]
    if after:
        places = [m for line in told[start:] if (m := re.match(r'  File "(?:.*/)?code/([^"]+)", line (\d+)', line))]
        return after[0] + (f" ({places[-1][1]}, line {places[-1][2]})" if places else "")
    return next(iter([*named[-1:], *told[-1:]]), "the script wrote nothing")
