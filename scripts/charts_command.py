"""`inference charts`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.tools.command import ToolError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="where to write one folder for each workload"
    )
    parser.add_argument(
        "-s",
        "--settings",
        type=Path,
        default=Path("inference.yaml"),
        metavar="FILE",
        help="the settings (default: inference.yaml)",
    )
    parser.add_argument("--region", help="the cluster's region, if the settings have none")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from scripts.node import use_bundled_node
    from stacks.extras import MissingExtraError
    from stacks.settings import SettingsError, load_settings
    from stacks.workloads import cluster_notices, write_workloads

    if not arguments.settings.exists():
        raise ToolError(f"{arguments.settings}: there is no such file; name one with --settings FILE")
    use_bundled_node()
    try:
        settings = load_settings(arguments.settings, region=arguments.region)
        folders = write_workloads(arguments.output, settings)
    except InvalidValueError as error:  # of the cluster, of which `load_settings` had not to know everything
        raise ToolError("\n".join(f"{arguments.settings}: {line}" for line in str(error).splitlines())) from error
    except (SettingsError, MissingExtraError, ValueError) as error:
        raise ToolError(error) from error
    except OSError as error:
        raise ToolError(f"cannot write to '{arguments.output}': {error.strerror or error}") from error
    for notice in cluster_notices(settings):
        print(f"warning: {notice.message} [{notice.id}]", file=sys.stderr)
    for folder in folders:
        print(folder)
