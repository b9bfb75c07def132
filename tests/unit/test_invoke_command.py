"""`inference invoke` on the command line: what is shown, and which options go together."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from model_server import Reply, serving

from constructs_lib.tools import command

PREDICTIONS = b'{"predictions": [[0.25, 0.75], [1, 0]]}'


@pytest.fixture(autouse=True)
def request_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("1,2\n3,4\n", encoding="utf-8")


def invoke(*arguments: str) -> None:
    command.main(["invoke", *arguments])


def refusal(*arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        invoke(*arguments)
    return str(ended.value.code)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], "      0     1\n0  0.25  0.75\n1     1     0\n"),
        (["--show", "json"], json.dumps(json.loads(PREDICTIONS), indent=2) + "\n"),
        (["--show", "raw"], PREDICTIONS.decode()),
    ],
    ids=["table", "json", "raw"],
)
def test_an_answer_is_shown(options: list[str], shown: str, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(lambda _: Reply(PREDICTIONS)) as server:
        invoke("rows.csv", "--url", server.url, "--protocol", "tensorflow-serving", "--model", "demo", *options)

    assert capfd.readouterr().out == shown


def test_an_answers_bytes_are_written_to_a_file() -> None:
    with serving(lambda _: Reply(b"\x93NUMPY", content_type="application/x-npy")) as server:
        invoke("rows.csv", "--url", server.url, "--protocol", "sagemaker", "-o", "answer.npy")

    assert Path("answer.npy").read_bytes() == b"\x93NUMPY"


def test_an_answer_streams(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(lambda _: Reply(b"one\ntwo", content_type="text/plain")) as server:
        invoke("rows.csv", "--url", server.url, "--protocol", "torchserve", "--model", "demo", "--stream")

    assert capfd.readouterr().out == "one\ntwo\n"


def test_repeated_requests_print_their_latency(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda _: Reply(PREDICTIONS)) as server:
        options = ["--protocol", "sagemaker", "--repeat", "20", "--concurrency", "4"]
        invoke("rows.csv", "--url", server.url, *options)

    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("20 answers, 0 errors in ")
    assert [word for word in second.split() if word.isalnum()] == ["min", "p50", "p90", "p99", "max"]
    assert len(server.asked) == 20


def test_an_asynchronous_answer_is_waited_for_as_long_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Aws:
        def invoke_endpoint_async(self, **_: object) -> dict[str, str]:
            return {"OutputLocation": "s3://answers/1.out"}

        def get_object(self, **_: object) -> None:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")

    monkeypatch.setattr("constructs_lib.tools.aws.client", lambda service, **_: Aws())

    told = refusal("rows.csv", "--endpoint", "digits", "--async", "--timeout", "0.01")

    assert told.startswith("inference invoke: 'digits' has not answered within 0.01 seconds; it will put its answer ")


@pytest.mark.parametrize(
    ("protocol", "module"),
    [("tensorflow-serving-grpc", "grpc"), ("tensorflow-serving-grpc", "google.protobuf"), ("triton", "urllib3")],
)
def test_a_package_that_is_missing_is_told_with_what_brings_it(protocol: str, module: str) -> None:
    words = ["invoke", "rows.csv", "--url", "http://127.0.0.1:1", "--protocol", protocol, "--model", "demo"]
    code = f"import sys; sys.modules['{module}'] = None; from constructs_lib.tools.command import main; main({words})"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    needed = f"needs {module}, which is not installed; run: pip install 'inference-constructs[client]'"
    assert (ended.returncode, ended.stderr) == (1, f"inference invoke: {needed}\n")


def test_ctrl_c_waits_for_no_answer() -> None:
    arrived, ended = threading.Event(), threading.Event()

    def slowly(_: object) -> Reply:
        arrived.set()
        ended.wait(60)
        return Reply()

    with serving(slowly) as server:
        words = ["invoke", "rows.csv", "--url", server.url, "--protocol", "sagemaker", "--repeat", "9"]
        code = (
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"from constructs_lib.tools.command import main; main({words})"
        )
        child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        try:
            assert arrived.wait(60)
            child.send_signal(signal.SIGINT)
            _, told = child.communicate(timeout=50)
        finally:
            ended.set()
            child.kill()

    assert (child.returncode, told) == (130, "inference invoke: interrupted\n")


def test_requests_that_all_fail_end_with_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda _: Reply(b"no", status=400)) as server:
        told = refusal("rows.csv", "--url", server.url, "--protocol", "sagemaker", "--repeat", "2")

    assert told == "inference invoke: no call was answered"
    assert f"2 x {server.url}/invocations answers 400 Bad Request: no" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--url", "http://h"], "--url needs --protocol: what the server speaks"),
        (["--service", "demo"], "--service needs --protocol: what the server speaks"),
        (["--endpoint", "digits", "--model", "demo"], "--model has no meaning with --endpoint; leave it out"),
        (["--endpoint", "digits", "--namespace", "n"], "--namespace has no meaning with --endpoint; leave it out"),
        (
            ["--url", "http://h", "--protocol", "vllm", "--target-variant", "A"],
            "--target-variant has no meaning with --url; leave it out",
        ),
        (
            ["--service", "s", "--protocol", "vllm", "--async"],
            "--async has no meaning with --service; leave it out",
        ),
        (
            ["--url", "http://h", "--protocol", "vllm", "--context", "c"],
            "--context has no meaning with --url; leave it out",
        ),
        (["--endpoint", "digits", "--upload", "s3://b/"], "--upload is for --async; add it, or leave --upload out"),
        (
            ["--endpoint", "digits", "--concurrency", "2"],
            "--concurrency is for --repeat; add it, or leave --concurrency out",
        ),
        (
            ["--endpoint", "digits", "--stream", "--repeat", "2"],
            "--stream shows one answer as it is made; leave --repeat, --output and --async out",
        ),
        (
            ["--endpoint", "digits", "--repeat", "2", "-o", "answer"],
            "--output is for one answer; leave it or --repeat out",
        ),
    ],
)
def test_options_that_do_not_go_together_are_a_wrong_command_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal("rows.csv", *arguments) == "2"
    assert capsys.readouterr().err == f"inference invoke: {message}; see: inference invoke --help\n"


def test_a_token_that_no_header_takes_is_not_shown() -> None:
    told = refusal("rows.csv", "--url", "http://127.0.0.1:1", "--protocol", "sagemaker", "--token", "two\nlines")

    advice = "give --token and --content-type as one line of plain text"
    assert told == f"inference invoke: a header cannot be sent; {advice}"


@pytest.mark.parametrize("whom", ["--endpoint", "--service", "--url"])
def test_whom_to_call_is_not_empty(whom: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal("rows.csv", whom, "") == "2"
    assert f"argument {whom}: must not be empty" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_of_requests_is_above_zero(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal("rows.csv", "--endpoint", "digits", "--repeat", number) == "2"
    assert f"'{number}' is not a whole number above 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("missing/answer", "there is no directory 'missing'; make it"),
        (".", "it is a directory; name a file in it"),
    ],
)
def test_an_answer_that_could_not_be_written_is_not_asked_for(place: str, message: str) -> None:
    with serving(lambda _: Reply(b"1")) as server:
        told = refusal("rows.csv", "--url", server.url, "--protocol", "sagemaker", "-o", place)

    assert told == f"inference invoke: cannot write '{place}': {message}"
    assert server.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_answer_that_cannot_be_written_is_told() -> None:
    with serving(lambda _: Reply(b"1")) as server:
        told = refusal("rows.csv", "--url", server.url, "--protocol", "sagemaker", "-o", "/dev/full")

    assert told == "inference invoke: cannot write '/dev/full': No space left on device"
