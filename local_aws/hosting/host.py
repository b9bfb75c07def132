"""One model's host process: its directory, its environment, its start and its end."""

import http.client
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from local_aws.hosting import environment
from local_aws.hosting.archive import extract, top_level
from local_aws.hosting.container import Container, HostFailedError
from local_aws.hosting.container_environment import environment_of
from local_aws.hosting.images import OWN_CONTAINER, Server, server_of
from local_aws.hosting.processes import LoggedProcess

_SERVER = Path(__file__).parent / "server" / "__main__.py"
_PING_TIMEOUT = 2.0  # per probe: your-algorithms-inference-code.html, "Responding to health checks"
_STOP_GRACE = 30.0  # between SIGTERM and SIGKILL: the same page, "Stopping"
_STARTING_GRACE = 2.0  # nothing is served yet, so there is nothing to finish
_LONGEST_BREAK = 60.0  # between two attempts to start what does not start any more


class Host:
    """A process that serves one container of a model on a free port of 127.0.0.1.

    One that ends by itself once it has served, as one does that is short of memory, is started again: so are the
    containers of an endpoint, and the workers of the model servers in AWS's images.

    Parameters
    ----------
    container
        What to run.
    workdir
        A directory of this host's own; the stand-in of ``/opt/ml`` is made in it and removed by `stop`.
    log
        Receives each line that pip, the server and the handler write. Called from another thread.
    startup_timeout
        Seconds from `start` to the first answered ``/ping``, with the installation of requirements
        (ContainerStartupHealthCheckTimeoutInSeconds).
    """

    def __init__(
        self, container: Container, *, workdir: Path, log: Callable[[str], None], startup_timeout: float
    ) -> None:
        self._container = container
        self._workdir = workdir.absolute()
        self._log = log
        self._startup_timeout = startup_timeout
        self._deadline = 0.0
        self._stopped = threading.Event()
        self._ending = threading.Lock()
        self._process: LoggedProcess | None = None
        self._port: int | None = None
        self._ready = False

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, of a host that serves.

        Raises
        ------
        ConnectionRefusedError
            While there is nothing to connect to: the port may be another's by now.
        """
        if not self._ready:
            raise ConnectionRefusedError("it is being started")
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """Its process, once there is one."""
        return None if self._process is None else self._process.pid

    @property
    def _base(self) -> Path:
        return self._workdir / "opt" / "ml"

    def start(self) -> None:
        """Start the process; return when ``/ping`` answers 200.

        Raises
        ------
        HostFailedError
            With the handler's (or pip's, or the archive's) own error. Nothing is left running.
        """
        self._deadline = time.monotonic() + self._startup_timeout
        try:
            server = server_of(self._container)
            self._lay_out()
            self._check_entry_point(server)
            packages = server.packages or self._base / "model" / "code"
            python = environment.interpreter(packages, log=self._log, pause=self._pause)
            self._launch(server, python)
            self._await_ping()
        except BaseException:
            self.stop()
            raise
        again = partial(self._launch, server, python)
        threading.Thread(target=self._keep_up, args=(again,), name=f"keep {self.pid} up", daemon=True).start()

    def stop(self, *, grace: float = _STOP_GRACE) -> None:
        """SIGTERM, and after ``grace`` seconds, in which requests under way are finished, SIGKILL. Idempotent."""
        self._stopped.set()
        with self._ending:
            if self._process is not None:
                self._process.end(grace=grace if self._ready else min(grace, _STARTING_GRACE))
            shutil.rmtree(self._workdir / "opt", ignore_errors=True)

    def add_model(self, name: str, archive: Path) -> str:
        """Extract a model of a multi-model container.

        Returns
        -------
        str
            Its directory (``/opt/ml/models/NAME/model`` in AWS's containers), which ``POST /models`` names.

        Raises
        ------
        HostFailedError
            When the archive cannot be extracted.
        """
        directory = self._base / "models" / name / "model"
        self.remove_model(name)
        extract(archive, directory)
        archive.unlink()
        return str(directory)

    def remove_model(self, name: str) -> None:
        """Delete a model that `add_model` extracted; once more is harmless."""
        shutil.rmtree(self._base / "models" / name, ignore_errors=True)

    def _lay_out(self) -> None:
        shutil.rmtree(self._workdir / "opt", ignore_errors=True)
        self._base.mkdir(parents=True)
        if self._container.multi_model:
            (self._base / "models").mkdir()
        if self._container.archive is None:
            (self._base / "model").mkdir()
        else:
            extract(self._container.archive, self._base / "model")
        for name, archive in self._container.additional.items():
            extract(archive, self._base / "additional-model-data-sources" / name)

    def _check_entry_point(self, server: Server) -> None:
        program = self._container.environment.get("SAGEMAKER_PROGRAM", "inference.py")
        if server is not OWN_CONTAINER or self._container.multi_model:
            return
        if not (self._base / "model" / "code" / program).is_file():
            raise HostFailedError(
                f"local AWS cannot run the image {self._container.image} without a Docker engine. To serve the model "
                f"here, add code/{program} with the handler functions (model_fn, predict_fn, …) to its archive, which "
                f"holds {top_level(self._base / 'model')}; or use a pytorch-inference image; or deploy to AWS."
            )
        self._log(f"image {self._container.image} is not run: sagemaker-inference serves its archive's code/{program}")

    def _launch(self, server: Server, python: Path) -> None:
        status = self._workdir / "status.json"
        status.unlink(missing_ok=True)
        command = [str(python), "-s", "-P", str(_SERVER), str(server.module), str(status), str(os.getpid())]
        env = environment_of(self._container, base=self._base, python=python)
        with self._ending:
            if not self._stopped.is_set():
                self._process = LoggedProcess(command, cwd=self._base / "model", env=env, log=self._log)

    def _keep_up(self, launch: Callable[[], None]) -> None:
        """Start the process again whenever it has ended by itself, until `stop`."""
        break_before_next = 0.0
        while (process := self._process) is not None:
            process.wait()
            self._ready = False
            if self._stopped.wait(break_before_next):
                return
            process.end(grace=0)
            self._log(f"the model's process ended with {process.ending()}, and is started again")
            self._deadline = time.monotonic() + self._startup_timeout
            try:
                launch()
                self._await_ping()
                break_before_next = 0.0
            except (HostFailedError, OSError) as e:
                if self._stopped.is_set():
                    return
                self._log(f"the model's process could not be started again: {e}")
                if self._process is not None:
                    self._process.end(grace=_STARTING_GRACE)
                break_before_next = min(max(1.0, break_before_next * 2), _LONGEST_BREAK)

    def _pause(self) -> None:
        """Wait a little, or give up because the time is over or `stop` was called."""
        if self._stopped.wait(0.01):
            raise HostFailedError("the host was stopped before it was in service")
        if time.monotonic() > self._deadline:
            if self._process is None:
                state = "its requirements.txt was still being installed"
            else:
                state = (
                    f"its last log line: {self._process.tail[-1]}" if self._process.tail else "it has logged nothing"
                )
            raise HostFailedError(
                f"the model did not answer /ping within {self._startup_timeout:g} s of its start; {state}"
            )

    def _await_ping(self) -> None:
        while not self._ready:
            self._pause()
            report = self._report()
            if "error" in report:
                raise HostFailedError(str(report["error"]))
            assert self._process is not None  # noqa: S101 - _pause raised otherwise
            if self._process.returncode is not None:
                raise HostFailedError(self._died(self._process))
            if "port" in report:
                self._port = int(report["port"])
                self._ready = self._ping(self._port)

    def _report(self) -> dict[str, str | int]:
        """Read what the process wrote about itself; it replaces the file, so it is whole or not there."""
        try:
            return dict(json.loads((self._workdir / "status.json").read_text("utf-8")))
        except FileNotFoundError:
            return {}

    def _died(self, process: LoggedProcess) -> str:
        process.wait_for_log()
        if error := self._report().get("error"):
            return str(error)
        lines = " | ".join(line for line in list(process.tail)[-3:] if line.strip())
        return f"the model's process ended with {process.ending()} while it loaded" + (f": {lines}" if lines else "")

    @staticmethod
    def _ping(port: int) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PING_TIMEOUT)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False  # not yet: the deadline is what ends the waiting
        finally:
            connection.close()
