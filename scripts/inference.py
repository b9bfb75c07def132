"""The `inference` command."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

STATE = Path(__file__).resolve().parent.parent / ".local-aws"


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and run one subcommand."""
    arguments = _parser().parse_args(argv)
    arguments.run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="inference", description="Tools for deploying models for inference.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    schema = commands.add_parser("schema", help="print the JSON Schema of inference.yaml")
    schema.set_defaults(run=_schema)

    local = commands.add_parser("local", help="an AWS on this machine, kept running for use by hand")
    actions = local.add_subparsers(title="actions", metavar="ACTION", required=True)
    up = actions.add_parser("up", help="start it, and print what to export")
    up.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1 (default: a free one)")
    up.set_defaults(run=_up)
    actions.add_parser("down", help="stop it, with every model that it serves").set_defaults(run=_down)
    actions.add_parser("status", help="tell whether it runs, and what to export").set_defaults(run=_status)
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535, got '{text}'")
    return int(text)


def _schema(_: argparse.Namespace) -> None:
    from stacks.settings import json_schema

    print(json.dumps(json_schema(), indent=2))


def _up(arguments: argparse.Namespace) -> None:
    from local_aws.process import StartFailedError, up

    try:
        aws = up(STATE, port=arguments.port)
    except StartFailedError as error:
        sys.exit(f"inference local up: {error}")
    _print_exports(aws.environment())


def _down(_: argparse.Namespace) -> None:
    from local_aws.process import StartFailedError, down

    try:
        stopped = down(STATE)
    except StartFailedError as error:
        sys.exit(f"inference local down: {error}")
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


if __name__ == "__main__":
    main()
