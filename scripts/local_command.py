"""`inference local`."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from constructs_lib.tools.command import ToolError, add_action

STATE = Path(__file__).resolve().parent.parent / ".local-aws"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    up = add_action(actions, "up", help="start it, and print the variables to export")
    up.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1 (default: a free one)")
    up.set_defaults(run=_up)
    down = add_action(actions, "down", help="stop it, with every model that it serves")
    down.set_defaults(run=_down)
    status = add_action(actions, "status", help="tell whether it runs, and print the variables to export")
    status.set_defaults(run=_status)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535, got '{text}'")
    return int(text)


def _up(arguments: argparse.Namespace) -> None:
    from local_aws.process import StartFailedError, up

    try:
        aws = up(STATE, port=arguments.port)
    except StartFailedError as error:
        raise ToolError(error) from error
    _print_exports(aws.environment())


def _down(_: argparse.Namespace) -> None:
    from local_aws.process import StartFailedError, down

    try:
        stopped = down(STATE)
    except StartFailedError as error:
        raise ToolError(error) from error
    print("local AWS has stopped" if stopped else "local AWS was not running")


def _status(_: argparse.Namespace) -> None:
    from local_aws.process import LocalAws, status

    running = status(STATE)
    if running is None:
        sys.exit("local AWS is not running; start it with: inference local up")
    _print_exports(LocalAws(running).environment())


def _print_exports(environment: dict[str, str]) -> None:
    print(f"# Local AWS runs at {environment['AWS_ENDPOINT_URL']}; its log is {STATE / 'local-aws.log'}")
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")
