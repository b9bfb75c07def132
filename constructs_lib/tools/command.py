"""The `inference` command: one table of subcommands, which share help, error style and exit codes.

A subcommand is one entry in `COMMANDS` and one module with a function ``add_arguments(parser)``, which gives the parser
its options and, with ``parser.set_defaults(run=…)``, the function that is called with the parsed arguments. The module
is imported when its subcommand is used and not before, so `inference --help` stays fast; what is heavy (boto3, numpy)
is imported by the function that needs it.

A user's mistake is a `ToolError`, an `ArchiveError` or an `InvalidValueError`: it ends the command with exit code 1 and
its text, and so does a disk that is full. A wrong command line ends it with 2, also when options do not go together,
which is told by ``arguments.refuse(…)``. Ctrl-C ends it with 130, SIGTERM with 143.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from constructs_lib import __version__
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.source_file import ArchiveError

INTERRUPTED = 130
_EXIT_CODES = "exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted"


class ToolError(Exception):
    """A tool cannot do what it was asked; the text says where, what was given, what is allowed and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One subcommand.

    Attributes
    ----------
    name
        What the user types after `inference`.
    help
        What it does, in one line without a full stop.
    module
        The module with its ``add_arguments(parser)``.
    example
        Command lines that its help ends with, indented. Default: none.
    """

    name: str
    help: str
    module: str
    example: str = ""


COMMANDS = (
    Command(
        name="package",
        help="make a model archive: SageMaker's model.tar.gz, or a .mar",
        module="constructs_lib.tools.package_command",
    ),
    Command(
        name="invoke",
        help="call an endpoint or a model server, and show its answer",
        module="constructs_lib.tools.invoke_command",
        example="""\
  inference invoke rows.csv --endpoint digits
  echo '{"instances": [1.0, 2.0, 5.0]}' | inference invoke - --endpoint double --show json
  inference invoke rows.csv --url http://localhost:8501 --protocol tensorflow-serving --model saved_model""",
    ),
)


def main(argv: Sequence[str] | None = None, *, commands: Sequence[Command] = COMMANDS) -> None:
    """Read the command line and run one subcommand.

    Parameters
    ----------
    argv
        The arguments after the command's name. None: those of this process.
    commands
        The subcommands that there are.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    if argv is None:  # a request to end, such as a CI job's, cleans up as Ctrl-C does
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    arguments = _parser(commands, chosen=next((word for word in given if not word.startswith("-")), "")).parse_args(
        given
    )
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as by `>&-`
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows what it can
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except (ToolError, ArchiveError, InvalidValueError) as error:
        sys.exit(f"{arguments.prog}: {error}")
    except KeyboardInterrupt as interrupt:
        said = "; ".join(["interrupted", *getattr(interrupt, "__notes__", ())])
        print(f"{arguments.prog}: {said}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except ModuleNotFoundError as error:  # the wheel's dependencies are those of the constructs
        needed = f"needs {error.name}, which is not installed; run: pip install 'inference-constructs[client]'"
        sys.exit(f"{arguments.prog}: {needed}")
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python writes what is left when it ends
        if not isinstance(error, BrokenPipeError):  # else whoever read the output, such as `head`, has seen enough
            sys.exit(f"{arguments.prog}: {error}")


def add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    *,
    help: str,  # noqa: A002
    example: str = "",
) -> argparse.ArgumentParser:
    """Add a subcommand's own subcommand, which is named in the errors that it ends with."""
    parser = actions.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}.",
        epilog=f"for example:\n{example}" if example else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(prog=parser.prog, refuse=parser.error)
    return parser


class _Parser(argparse.ArgumentParser):
    """Tells a mistake in one line, as the tools do."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see: {self.prog} --help\n")


def _parser(commands: Sequence[Command], *, chosen: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="inference",
        description="Tools for deploying models for inference.",
        epilog=_EXIT_CODES,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"inference-constructs {__version__}")
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        subparser = add_action(actions, command.name, help=command.help, example=command.example)
        if command.name == chosen:
            importlib.import_module(command.module).add_arguments(subparser)
    return parser
