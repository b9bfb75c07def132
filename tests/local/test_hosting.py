"""A model's host process keeps SageMaker's container contract, from its start to its end."""

import io
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gate import Gate
from model_hosts import DOUBLING, Hosts, archive, connection, failure, gated, invoke, ping
from patience import PATIENCE, eventually

# --- predictions and content types


def test_json_csv_and_npy_go_in_and_come_out(hosts: Hosts) -> None:
    host = hosts.start(DOUBLING)
    assert ping(host) == 200

    reply = invoke(host, b"[[1, 2], [3, 4]]")
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert reply.json == [[2, 4], [6, 8]]

    reply = invoke(host, b"1,2\n3,4", "text/csv", "text/csv")
    assert (reply.content_type, reply.text) == ("text/csv", "2.0,4.0\n6.0,8.0\n")

    array = io.BytesIO()
    np.save(array, np.array([[1.5]]))
    reply = invoke(host, array.getvalue(), "application/x-npy", "application/x-npy")
    assert reply.content_type == "application/x-npy"
    assert np.load(io.BytesIO(reply.body)).tolist() == [[3.0]]


def test_a_content_type_or_accept_that_the_toolkit_does_not_know_is_answered_as_the_toolkit_does(hosts: Hosts) -> None:
    host = hosts.start(DOUBLING)
    # sagemaker-inference answers 500, not 415: UnsupportedFormatError is no BaseInferenceToolkitError.
    for reply in (invoke(host, b"x", "image/png"), invoke(host, b"[1]", accept="image/png")):
        assert reply.status == 500
        assert reply.text.startswith("Content type image/png is not supported by this framework.")
        assert "UnsupportedFormatError" in reply.text


def test_the_default_accept_of_the_model_is_honoured(hosts: Hosts) -> None:
    host = hosts.start(DOUBLING, environment={"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"})
    assert invoke(host, b"[[1, 2]]", accept="*/*").text == "2.0,4.0\n"


def test_a_chunked_body_a_large_body_and_many_requests_on_one_connection_are_taken(hosts: Hosts) -> None:
    host = hosts.start(
        "def model_fn(d): return None\ndef transform_fn(m, data, ct, accept): return str(len(data)), 'text/x'"
    )
    assert invoke(host, iter([b"12345", b"678"]), "application/octet-stream").text == "8"
    with connection(host) as c:
        for size in (0, 1, 6 << 20, 3):
            c.request("POST", "/invocations", b"x" * size, {"Content-Type": "application/octet-stream"})
            response = c.getresponse()
            assert (response.getheader("Content-Type"), response.read()) == ("text/x", str(size).encode())


def test_other_paths_are_not_found_and_a_broken_body_is_a_bad_request(hosts: Hosts) -> None:
    host = hosts.start(DOUBLING)
    with connection(host) as c:
        c.request("GET", "/models")
        response = c.getresponse()
        assert (response.status, response.read()) == (404, b"Not Found")
    assert invoke(host, b"1", **{"Content-Length": "many"}).status == 400
    assert invoke(host, b"zz\r\n", **{"Transfer-Encoding": "chunked"}).status == 400
    assert ping(host) == 200


# --- handler functions


def test_each_handler_function_is_the_models_own_when_it_has_one(hosts: Hosts) -> None:
    host = hosts.start("""
import json
def model_fn(model_dir):
    return {"factor": 3}
def input_fn(data, content_type):
    assert isinstance(data, str)
    return json.loads(data)["instances"], content_type
def predict_fn(data, model):
    return [x * model["factor"] for x in data[0]] + [data[1]]
def output_fn(prediction, accept):
    return json.dumps({"predictions": prediction, "accept": accept}), "application/vnd.test+json"
""")
    reply = invoke(host, b'{"instances": [1, 2]}', accept="text/csv")
    assert reply.content_type == "application/vnd.test+json"
    assert reply.json == {"predictions": [3, 6, "application/json"], "accept": "text/csv"}


def test_transform_fn_replaces_the_three_functions_and_gets_bytes_for_binary_types(hosts: Hosts) -> None:
    host = hosts.start("""
def model_fn(model_dir):
    return "model"
def transform_fn(model, data, content_type, accept):
    return f"{model} {type(data).__name__} {content_type} {accept}"
""")
    assert invoke(host, b"1", "text/csv", "text/plain").text == "model str text/csv text/plain"
    assert invoke(host, b"\xff", "image/png").text == "model bytes image/png application/json"


def test_transform_fn_beside_predict_fn_is_refused_as_the_toolkit_does(hosts: Hosts) -> None:
    assert failure(hosts, DOUBLING + "\ndef transform_fn(m, d, c, a): ...").startswith(
        "ValueError: Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, and/or output_fn"
    )


def test_functions_that_take_a_context_get_it(hosts: Hosts) -> None:
    host = hosts.start("""
def model_fn(model_dir, context):
    assert context.system_properties["model_dir"] == model_dir
    return "m"
def input_fn(data, content_type, context):
    return context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")
def predict_fn(data, model, context):
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "back " + data)
    return [data]
def output_fn(prediction, accept, context):
    context.set_response_status(202, "Later")
    return str(prediction)
""")
    reply = invoke(host, b"1", **{"X-Amzn-SageMaker-Custom-Attributes": "trace=7"})
    assert (reply.status, reply.text) == (202, "['trace=7']")
    assert reply.headers["X-Amzn-SageMaker-Custom-Attributes"] == "back trace=7"


def test_a_handler_that_raises_answers_500_with_message_and_traceback_and_the_next_request_is_served(
    hosts: Hosts,
) -> None:
    host = hosts.start("""
import sys
from sagemaker_inference.errors import BaseInferenceToolkitError
def model_fn(model_dir):
    return None
def predict_fn(data, model):
    if data[0] == 1:
        raise ValueError("no ones,\\nplease: ünïcode ☃")
    if data[0] == 2:
        raise BaseInferenceToolkitError(422, "two is refused", "Unprocessable")
    if data[0] == 3:
        sys.exit("out")
    return data
""")
    reply = invoke(host, b"[1]")
    assert reply.status == 500
    assert reply.text.startswith("no ones,\nplease: ünïcode ☃\nTraceback (most recent call last):")
    assert hosts.log_has("ValueError: no ones,")
    reply = invoke(host, b"[2]")
    assert (reply.status, reply.text.splitlines()[0]) == (422, "two is refused")
    reply = invoke(host, b"[3]")
    assert (reply.status, reply.text.splitlines()[0]) == (500, "Worker died: SystemExit('out')")
    assert invoke(host, b"[4]").status == 200


def test_the_entry_point_may_have_another_name_and_import_its_neighbours(hosts: Hosts) -> None:
    files = {"code/serve.py": "from helper import model_fn, predict_fn", "code/helper.py": DOUBLING, "context.py": ""}
    host = hosts.start(files, environment={"SAGEMAKER_PROGRAM": "serve.py"})
    assert invoke(host, b"[1]").json == [2]


# --- the container's surroundings


def test_the_model_sees_its_files_its_environment_and_nothing_of_the_callers(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/leaked")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "leaked")
    handler = """
import json, os, sys
def model_fn(model_dir):
    seen = dict(os.environ, cwd=os.getcwd(), model_dir=model_dir, weights=open("weights.txt").read())
    return seen | {"leaks": [p for p in sys.path if "leaked" in p], "mine": "local_aws" in sys.modules}
def transform_fn(model, data, content_type, accept):
    return json.dumps(model)
"""
    environment = {"MY": "1", "DATA": "file:///opt/ml/model/code:/opt/mlx", "SAGEMAKER_REGION": "eu-west-1"}
    files: dict[str, str | bytes] = {"code/inference.py": handler, "weights.txt": "w"}
    host = hosts.make(files, environment, hostname="first")
    host.start()
    seen = invoke(host, b"").json
    model_dir = seen["model_dir"]
    assert model_dir.endswith("/opt/ml/model")
    assert seen["cwd"] == seen["SM_MODEL_DIR"] == model_dir
    assert seen["SAGEMAKER_SUBMIT_DIRECTORY"] == f"{model_dir}/code"
    assert seen["DATA"] == f"file://{model_dir}/code:/opt/mlx"
    assert (seen["MY"], seen["HOSTNAME"], seen["SAGEMAKER_REGION"]) == ("1", "first", "eu-west-1")
    assert host.url.endswith(f":{seen['SAGEMAKER_BIND_TO_PORT']}")
    assert "AWS_SECRET_ACCESS_KEY" not in seen
    assert (seen["weights"], seen["leaks"], seen["mine"]) == ("w", [], False)


def test_prints_warnings_and_log_records_arrive_as_lines(hosts: Hosts) -> None:
    hosts.start(
        """
import logging, sys
print("imported", flush=False)
logging.getLogger("mine").info("too quiet")
logging.getLogger("mine").warning("loud")
def model_fn(d):
    sys.stderr.write("to stderr\\n")
    sys.stdout.write("one\\rtwo")
""",
        environment={"SAGEMAKER_CONTAINER_LOG_LEVEL": "30"},
    )
    hosts.stop()
    assert hosts.lines[:2] == ["imported", "WARNING mine - loud"]
    assert sorted(hosts.lines[2:]) == sorted(["to stderr", "one", "two"])


@pytest.mark.parametrize("workers", [None, 2])
def test_requests_wait_for_the_worker_while_ping_answers(hosts: Hosts, gate: Gate, workers: int | None) -> None:
    source = """
def model_fn(d): return None
def transform_fn(model, data, content_type, accept): return str(GATE.enter())
"""
    environment = {"SAGEMAKER_MODEL_SERVER_WORKERS": str(workers)} if workers else {}
    host = hosts.start(gated(gate, source), environment=environment)
    with ThreadPoolExecutor(4) as pool, gate:
        replies = [pool.submit(invoke, host, b"") for _ in range(4)]
        assert eventually(lambda: gate.waiting == (workers or 1))
        assert ping(host) == 200
        assert not any(reply.done() for reply in replies)
        gate.open()
        assert max(int(reply.result().text) for reply in replies) == (workers or 1)


# --- the end


def test_stop_finishes_the_request_under_way_ends_what_the_model_started_and_can_be_called_again(
    hosts: Hosts, gate: Gate, tmp_path: Path
) -> None:
    source = f"""
import pathlib, subprocess, sys
def model_fn(d):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path({str(tmp_path)!r}, "child").write_text(str(child.pid))
def transform_fn(m, d, c, a):
    GATE.enter()
    return "done"
"""
    host = hosts.start(gated(gate, source))
    with ThreadPoolExecutor(2) as pool, gate:
        reply = pool.submit(invoke, host, b"")
        assert eventually(lambda: gate.waiting == 1)
        stopped = pool.submit(host.stop)
        assert eventually(lambda: ping(host) == 0)  # it takes no more
        gate.open()
        assert reply.result().text == "done"
        stopped.result()
    assert ping(host) == 0
    assert eventually(lambda: not runs(int((tmp_path / "child").read_text())))
    assert not list(tmp_path.glob("host-*/opt"))
    host.stop()


def test_a_host_ends_with_its_parent(tmp_path: Path) -> None:
    path = archive(tmp_path, {"code/inference.py": "import os\n" + DOUBLING + "    print('pid', os.getpid())\n"})
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""
import pathlib, time
from local_aws.hosting import Container, Host
container = Container(image="pytorch-inference:1", environment={{}}, archive=pathlib.Path({str(path)!r}))
host = Host(container, workdir=pathlib.Path({str(tmp_path)!r}), log=print, startup_timeout={PATIENCE})
host.start()
print(host._process.pid, flush=True)
time.sleep(600)
""",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert runs(pid)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    assert eventually(lambda: not runs(pid))


def runs(pid: int) -> bool:
    """Say whether a process runs; a zombie, which nobody waits for in a container without init, does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return sys.platform != "linux"
