"""The `inference` command in a clone: the tools of the wheel, and those that need the clone."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_lib.tools import command

COMMANDS = (
    *command.COMMANDS,
    command.Command(
        name="schema",
        help="print the JSON Schema of inference.yaml",
        module="scripts.schema_command",
        example="  inference schema > inference.schema.json",
    ),
    command.Command(
        name="charts",
        help="write the workloads of inference.yaml as plain Kubernetes YAML",
        module="scripts.charts_command",
        example="  inference charts -s examples/eks-tensorflow-serving/inference.yaml -o manifests",
    ),
    command.Command(
        name="local",
        help="an AWS on this machine, kept running for use by hand",
        module="scripts.local_command",
        example="""\
  eval "$(inference local up)"
  inference local down""",
    ),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and run one subcommand."""
    command.main(argv, commands=COMMANDS)


if __name__ == "__main__":
    main()
