"""`inference invoke`: call an endpoint or a model server, and show its answer."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from constructs_lib.tools.command import ToolError

if TYPE_CHECKING:
    from constructs_lib.tools.invoke.answer import Answer
    from constructs_lib.tools.invoke.payload import Payload
    from constructs_lib.tools.invoke.sagemaker_endpoint import SageMakerEndpoint
    from constructs_lib.tools.invoke.target import Target

_OF_ENDPOINTS = {
    "target_model": "--target-model",
    "target_variant": "--target-variant",
    "target_container": "--target-container",
    "inference_component": "--inference-component",
    "accept": "--accept",
    "upload": "--upload",
    "asynchronous": "--async",
}
_TIMEOUT, _ASYNC_TIMEOUT = 60.0, 900.0  # seconds
_OF_SERVERS = {"model": "--model", "model_version": "--model-version", "token": "--token", "protocol": "--protocol"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the target, the request, and how to show the answer."""
    parser.set_defaults(run=_run)
    parser.add_argument(
        "input", metavar="FILE", help="the request: .json, .csv, .npy, .txt, an image; - for JSON on standard input"
    )
    whom = parser.add_argument_group("target, one of").add_mutually_exclusive_group(required=True)
    whom.add_argument("--endpoint", type=_name, metavar="NAME", help="a SageMaker endpoint")
    whom.add_argument(
        "--service", type=_name, metavar="NAME", help="a Service in the Kubernetes cluster of your kubeconfig"
    )
    whom.add_argument("--url", type=_name, metavar="URL", help="the address of a model server")
    _add_endpoint(parser.add_argument_group("options for an endpoint"))
    _add_server(parser.add_argument_group("options for a Service or a URL"))
    _add_shown(parser.add_argument_group("request and answer"))


def _add_endpoint(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--target-model", metavar="NAME", help="model of a multi-model endpoint, such as fraud.tar.gz")
    group.add_argument("--target-variant", metavar="NAME", help="production variant")
    group.add_argument("--target-container", metavar="HOST", help="container of a multi-container endpoint")
    group.add_argument("--inference-component", metavar="NAME", help="inference component")
    group.add_argument("--accept", metavar="TYPE", help="content type to ask for")
    group.add_argument(
        "--async", dest="asynchronous", action="store_true", help="invoke asynchronously, and wait for the answer"
    )
    group.add_argument(
        "--upload", metavar="S3_PREFIX", help="with --async: where to upload a request of more than 128,000 bytes"
    )


def _add_server(group: argparse._ArgumentGroup) -> None:
    from constructs_lib.tools.invoke.servers import PROTOCOLS

    group.add_argument("--protocol", choices=PROTOCOLS, help="the server's protocol; required")
    group.add_argument("--model", metavar="NAME", help="name of the model on the server")
    group.add_argument("--model-version", metavar="V", help="version of the model")
    group.add_argument("--namespace", metavar="NAME", help="namespace of the Service (default: the one that has it)")
    group.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: the current one)")
    group.add_argument("--token", metavar="TOKEN", help="bearer token to send")


def _add_shown(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--content-type", metavar="TYPE", help="content type of FILE (default: by its suffix)")
    group.add_argument(
        "--timeout",
        type=_positive_number,
        metavar="SECONDS",
        help="how long to wait for an answer (default: 60; with --async 900)",
    )
    group.add_argument("--stream", action="store_true", help="show the answer while it arrives")
    group.add_argument(
        "--show", choices=("table", "json", "raw"), default="table", help="how to show the answer (default: table)"
    )
    group.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the answer to this file instead")
    group.add_argument(
        "--repeat", type=_positive, default=1, metavar="N", help="send it N times, and print the latencies"
    )
    group.add_argument(
        "--concurrency", type=_positive, default=1, metavar="M", help="with --repeat: M requests at a time"
    )


def _run(arguments: argparse.Namespace) -> None:
    _hold_together(arguments)
    arguments.timeout = arguments.timeout or (_ASYNC_TIMEOUT if arguments.asynchronous else _TIMEOUT)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # what is tried again is no news until it is given up
    _hold_writable(arguments.output)
    payload = _payload(arguments)
    with _target(arguments) as target:
        if arguments.repeat > 1:
            _measure(target, payload, arguments)
        elif arguments.stream:
            _stream(target.stream(payload))
        else:
            _show(_ask(target, payload, arguments), arguments)


def _hold_together(arguments: argparse.Namespace) -> None:
    """Refuse an option that the chosen target has no use for."""
    needless = _OF_SERVERS if arguments.endpoint else _OF_ENDPOINTS
    what = "--endpoint" if arguments.endpoint else "--service" if arguments.service else "--url"
    for name, option in needless.items():
        if getattr(arguments, name):
            arguments.refuse(f"{option} has no meaning with {what}; leave it out")
    for name in ("namespace", "context"):
        if getattr(arguments, name) and not arguments.service:
            arguments.refuse(f"--{name} has no meaning with {what}; leave it out")
    if not arguments.endpoint and not arguments.protocol:
        arguments.refuse(f"{what} needs --protocol: what the server speaks")
    if arguments.upload and not arguments.asynchronous:
        arguments.refuse("--upload is for --async; add it, or leave --upload out")
    if arguments.concurrency > 1 and arguments.repeat == 1:
        arguments.refuse("--concurrency is for --repeat; add it, or leave --concurrency out")
    if arguments.output and arguments.repeat > 1:
        arguments.refuse("--output is for one answer; leave it or --repeat out")
    if arguments.stream and (arguments.repeat > 1 or arguments.output or arguments.asynchronous):
        arguments.refuse("--stream shows one answer as it is made; leave --repeat, --output and --async out")


def _hold_writable(output: Path | None) -> None:
    """Refuse a place where no file can be, before an answer is waited and paid for."""
    if output is not None and output.is_dir():
        raise ToolError(f"cannot write '{output}': it is a directory; name a file in it")
    if output is not None and not output.parent.is_dir():
        raise ToolError(f"cannot write '{output}': there is no directory '{output.parent}'; make it")


def _payload(arguments: argparse.Namespace) -> Payload:
    from constructs_lib.tools.invoke.payload import JSON, Payload

    if arguments.input == "-":
        if sys.stdin is None:
            raise ToolError("standard input is closed; give the request in a file")
        return Payload(body=sys.stdin.buffer.read(), content_type=arguments.content_type or JSON)
    return Payload.of_file(Path(arguments.input), content_type=arguments.content_type)


@contextmanager
def _target(arguments: argparse.Namespace) -> Iterator[Target]:
    if arguments.endpoint:
        yield _endpoint(arguments)
        return
    from constructs_lib.tools.invoke.servers import PROTOCOLS

    protocol = PROTOCOLS[arguments.protocol]
    at = partial(
        protocol.at,
        model=arguments.model,
        version=arguments.model_version,
        token=arguments.token,
        timeout=arguments.timeout,
    )
    if arguments.url:
        yield at(arguments.url)
        return
    from constructs_lib.tools.invoke.cluster_service import ClusterService

    service = ClusterService(name=arguments.service, namespace=arguments.namespace, context=arguments.context)
    with service.reach(protocol.port_names, protocol.port) as address:
        yield at(address if protocol.grpc else f"http://{address}")


def _endpoint(arguments: argparse.Namespace) -> SageMakerEndpoint:
    from constructs_lib.tools import aws
    from constructs_lib.tools.invoke.sagemaker_endpoint import SageMakerEndpoint

    names = ("target_model", "target_variant", "target_container", "inference_component", "accept")
    return SageMakerEndpoint(
        name=arguments.endpoint,
        client=cache(
            partial(
                aws.client,
                attempts=1,
                read_timeout=arguments.timeout,
                max_pool_connections=max(10, arguments.concurrency),
            )
        ),
        **{name: getattr(arguments, name) for name in names},
    )


def _ask(target: Target, payload: Payload, arguments: argparse.Namespace) -> Answer:
    from constructs_lib.tools.invoke.sagemaker_endpoint import SageMakerEndpoint

    if arguments.asynchronous and isinstance(target, SageMakerEndpoint):
        return target.call_asynchronously(payload, upload=arguments.upload, wait=arguments.timeout)
    return target.call(payload)


def _measure(target: Target, payload: Payload, arguments: argparse.Namespace) -> None:
    from constructs_lib.tools.invoke.latency import measure

    taken = measure(
        lambda: _ask(target, payload, arguments), repeat=arguments.repeat, concurrency=arguments.concurrency
    )
    print(taken.summary())
    if not taken.seconds:
        raise ToolError("no call was answered")


def _stream(parts: Iterator[bytes]) -> None:
    """Show an answer's parts as they come, and end their line even when they break off."""
    is_begun = False
    try:
        for part in parts:
            is_begun = True
            sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
    finally:
        if is_begun:
            print()


def _show(answer: Answer, arguments: argparse.Namespace) -> None:
    if arguments.output is not None:
        try:
            arguments.output.write_bytes(answer.body)
        except OSError as error:
            raise ToolError(f"cannot write '{arguments.output}': {error.strerror or error}") from error
    elif arguments.show == "raw":
        sys.stdout.buffer.write(answer.body)
        sys.stdout.buffer.flush()
    else:
        print(answer.as_json() if arguments.show == "json" else answer.as_table())


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)


def _positive_number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds above 0")
    return value
