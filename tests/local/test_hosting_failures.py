"""A model's host process tells why it cannot serve."""

import gzip
import importlib.util
import io
import os
import stat
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from model_hosts import DOUBLING, PYTORCH, Hosts, archive, failure, invoke, ping
from patience import PATIENCE

from local_aws.hosting import Container, Host, HostFailedError
from local_aws.hosting.archive import extract
from local_aws.hosting.images import repository

HAS_TORCH = importlib.util.find_spec("torch") is not None


def test_a_model_fn_that_raises_fails_the_host_with_the_handlers_own_error(hosts: Hosts) -> None:
    message = failure(
        hosts,
        """
def model_fn(model_dir):
    try:
        open(model_dir + "/weights.bin")
    except OSError as e:
        raise RuntimeError("no weights") from e
""",
    )
    assert message == (
        "RuntimeError: no weights (code/inference.py, line 6, in model_fn); caused by FileNotFoundError: [Errno 2] "
        "No such file or directory: '/opt/ml/model/weights.bin' (code/inference.py, line 4, in model_fn)"
    )
    assert hosts.log_has("RuntimeError: no weights")


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("def model_fn(:\n", "SyntaxError: invalid syntax (inference.py, line 1)"),
        ("\nimport nosuchthing", "ModuleNotFoundError: No module named 'nosuchthing', not in the archive's code, its "),
        ("raise SystemExit(3)", "SystemExit: 3 (code/inference.py, line 1)"),
        ("def model_fn(): ...", "TypeError: model_fn takes 0 arguments but 1 were given."),
        ("import os\nprint('bye')\nos._exit(7)", "the model's process ended with exit code 7 while it loaded: bye"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "the model's process ended with signal SIGKILL"),
    ],
)
def test_a_handler_that_cannot_be_loaded_fails_the_host_with_its_error(
    hosts: Hosts, handler: str, message: str
) -> None:
    assert failure(hosts, handler).startswith(message)


def test_a_missing_entry_point_is_named_with_what_is_there(hosts: Hosts) -> None:
    message = failure(hosts, {"code/inferense.py": ""}, environment={"SAGEMAKER_PROGRAM": "inference.py"})
    assert message == (
        "FileNotFoundError: the entry point inference.py (SAGEMAKER_PROGRAM) is not in code/: inferense.py"
    )


@pytest.mark.skipif(HAS_TORCH, reason="about a machine without torch")
def test_without_torch_a_model_without_model_fn_says_what_to_do(hosts: Hosts) -> None:
    assert failure(hosts, {"model.pth": "x"}).startswith(
        "NotImplementedError: the model archive has no code/inference.py, and the image's default, which loads "
        "TorchScript, needs torch: define model_fn, or install torch"
    )
    assert "inference.py has no model_fn" in failure(hosts, "def predict_fn(d, m): ...")


def test_a_damaged_archive_fails_the_host(hosts: Hosts, tmp_path: Path) -> None:
    whole = archive(tmp_path / "whole", {"code/inference.py": DOUBLING, "noise": os.urandom(200_000)})
    data = whole.read_bytes()
    cases = {
        "truncated": data[:-1000],
        "flipped": data[:100_000] + bytes([data[100_000] ^ 1]) + data[100_001:],
        "plain": gzip.decompress(data),
        "text": b"not an archive",
        "empty": b"",
    }
    for name, content in cases.items():
        path = tmp_path / f"{name}.tar.gz"
        path.write_bytes(content)
        message = failure(hosts, path)
        assert message.startswith(f"model data archive {name}.tar.gz cannot be extracted"), message
    assert failure(hosts, tmp_path / "nowhere.tar.gz").startswith("model data archive nowhere.tar.gz cannot")
    assert not list(tmp_path.glob("host-*/opt"))


def test_an_archive_that_leaves_its_directory_is_refused(hosts: Hosts, tmp_path: Path) -> None:
    message = failure(hosts, {"code/inference.py": DOUBLING, "../../../../evil.py": "x"})
    assert message.startswith("model data archive model.tar.gz was refused: '../../../../evil.py'")
    assert not list(tmp_path.rglob("evil.py"))


def member(name: str, kind: bytes, linkname: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, linkname, 0o4777
    return made


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([member("../up", tarfile.REGTYPE)], "'../up' leads to '{outside}/up', outside of the archive"),
        ([member("a", tarfile.SYMTYPE, "/etc")], "'a' leads to '/etc', outside of the archive"),
        ([member("d/a", tarfile.SYMTYPE, "../../x")], "'d/a' leads to '{outside}/x', outside of the archive"),
        ([member("a", tarfile.LNKTYPE, "../x")], "'a' leads to '{outside}/x', outside of the archive"),
        (
            [member("a", tarfile.SYMTYPE, "."), member("a/../x", tarfile.REGTYPE)],
            "'a/../x' leads to '{outside}/x', outside of the archive",
        ),
        ([member("pipe", tarfile.FIFOTYPE)], "'pipe' is a device or a pipe"),
        ([member("disk", tarfile.BLKTYPE)], "'disk' is a device or a pipe"),
    ],
)
def test_a_member_that_leaves_the_archive_leaves_nothing(
    tmp_path: Path, members: list[tarfile.TarInfo], message: str
) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        for each in members:
            tar.addfile(each)
    before = set(tmp_path.rglob("*"))

    with pytest.raises(HostFailedError) as raised:
        extract(tmp_path / "model.tar.gz", tmp_path / "model")

    refused = "model data archive model.tar.gz was refused: "
    assert str(raised.value) == refused + message.format(outside=tmp_path.resolve())
    assert set(tmp_path.rglob("*")) == before


def test_links_in_a_circle_are_told(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        tar.addfile(member("a", tarfile.SYMTYPE, "b"))
        tar.addfile(member("b", tarfile.SYMTYPE, "a"))
        tar.addfile(member("a/x", tarfile.REGTYPE))

    with pytest.raises(HostFailedError, match=r"^model data archive model\.tar\.gz cannot be extracted \("):
        extract(tmp_path / "model.tar.gz", tmp_path / "model")

    assert not (tmp_path / "model").exists()


def test_links_inside_an_archive_and_absolute_names_are_kept_inside(tmp_path: Path) -> None:
    content = member("/code/run.sh", tarfile.REGTYPE)
    content.size = 3
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        tar.addfile(content, io.BytesIO(b"abc"))
        tar.addfile(member("code/soft", tarfile.SYMTYPE, "run.sh"))
        tar.addfile(member("hard", tarfile.LNKTYPE, "code/run.sh"))

    extract(tmp_path / "model.tar.gz", tmp_path / "model")

    found = {path.relative_to(tmp_path / "model").as_posix(): path for path in (tmp_path / "model").rglob("*")}
    assert sorted(found) == ["code", "code/run.sh", "code/soft", "hard"]
    assert [found[name].read_bytes() for name in ("code/run.sh", "code/soft", "hard")] == [b"abc"] * 3
    assert stat.filemode(found["code/run.sh"].stat().st_mode) == "-rwxr-xr-x"


SLEEPER = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("asleep")
time.sleep(60)
"""


def test_a_model_that_loads_too_slowly_is_killed_even_if_it_ignores_sigterm(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = hosts.make({"code/inference.py": SLEEPER}, startup_timeout=60)
    # A minute goes by as soon as it sleeps.
    clock = SimpleNamespace(monotonic=lambda: 61.0 if "asleep" in hosts.lines else 0.0)
    monkeypatch.setattr("local_aws.hosting.host.time", clock)
    monkeypatch.setattr("local_aws.hosting.host._STARTING_GRACE", 0.2)

    with pytest.raises(
        HostFailedError, match=r"did not answer /ping within 60 s of its start; its last log line: asleep"
    ):
        host.start()

    assert host._process is not None
    assert host._process.ending() == "signal SIGKILL"
    assert ping(host) == 0


def test_images_without_a_server_say_so(hosts: Hosts) -> None:
    ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    assert failure(hosts, DOUBLING, image=f"{ecr}/mxnet-inference:1.9-cpu").startswith(
        f"MXNet hosting is not in local AWS yet: image {ecr}/mxnet-inference:1.9-cpu was not started."
    )
    message = failure(hosts, {"model.bin": "x", "data/y": ""}, image=f"{ecr}/team/mine:1")
    assert message.startswith(f"local AWS cannot run the image {ecr}/team/mine:1 without a Docker engine. To serve")
    assert "add code/inference.py" in message
    assert "which holds data/, model.bin;" in message


def test_a_saved_model_needs_tensorflow(hosts: Hosts) -> None:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tensorflow-inference:2.20-cpu"

    assert failure(hosts, {"1/saved_model.pb": "x"}, image=image) == (
        "NotImplementedError: a SavedModel needs tensorflow where local AWS runs: pip install tensorflow-cpu, or tensorflow"
    )
    assert failure(hosts, {"saved_model.pb": "x"}, image=image) == (
        "FileNotFoundError: the archive has no <version>/saved_model.pb with a number for its version"
    )


def test_an_own_container_whose_archive_has_a_handler_is_served(hosts: Hosts) -> None:
    host = hosts.start(DOUBLING, image="mine:1")
    assert invoke(host, b"[2]").json == [4]
    assert hosts.log_has("image mine:1 is not run: sagemaker-inference serves its archive's code/inference.py")


def test_a_model_without_data_has_an_empty_directory(hosts: Hosts, tmp_path: Path) -> None:
    container = Container(image="mine:1", environment={}, archive=None)
    with pytest.raises(HostFailedError, match="its archive, which holds nothing;"):
        Host(container, workdir=tmp_path / "w", log=hosts.lines.append, startup_timeout=PATIENCE).start()


@pytest.mark.parametrize(
    "image",
    ["pytorch-inference", PYTORCH, "public.ecr.aws/x/pytorch-inference@sha256:0", "localhost:5000/pytorch-inference"],
)
def test_an_image_is_known_by_its_repository(image: str) -> None:
    assert repository(image) == "pytorch-inference"
