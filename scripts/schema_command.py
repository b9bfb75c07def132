"""`inference schema`."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no arguments."""
    parser.set_defaults(run=_run)


def _run(_: argparse.Namespace) -> None:
    from stacks.settings import json_schema

    print(json.dumps(json_schema(), indent=2))
