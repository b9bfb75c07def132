"""The CDK app: load the settings, build the stacks, synthesize."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from scripts.node import use_bundled_node

use_bundled_node()

import aws_cdk as cdk  # noqa: E402 - jsii looks for Node when it is first imported

from constructs_lib.serving.archive import ArchiveError  # noqa: E402
from constructs_lib.serving.images import RegionError  # noqa: E402
from constructs_lib.serving.problems import InvalidValueError, Problem  # noqa: E402
from stacks.extras import MissingExtraError  # noqa: E402
from stacks.limits import APP_CONTEXT, StackLimitError, check_limits  # noqa: E402
from stacks.validation import validation_made_ready  # noqa: E402
from stacks.yaml_source import SettingsError  # noqa: E402

DEFAULT_SETTINGS = "inference.yaml"


def main() -> None:
    """Synthesize what the settings file describes."""
    gc.disable()  # jsii keeps all that is made until the end: there is nothing to collect, and looking takes time
    app = cdk.App(context=APP_CONTEXT)
    path = Path(str(app.node.try_get_context("settings") or DEFAULT_SETTINGS))
    with validation_made_ready(app):
        from stacks.app_stacks import define_stacks
        from stacks.settings import load_settings

        settings = load_settings(path, region=os.environ.get("CDK_DEFAULT_REGION"))
    env = cdk.Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=settings.region)
    if (settings.workloads or settings.neuron_compilations) and not (settings.cluster or settings.existing_cluster):
        what_to_do = "give 'cluster' or 'existing_cluster', or write them as YAML by `inference charts`"
        raise InvalidValueError(str(path), [Problem("", f"there is no cluster for the workloads; {what_to_do}")])
    define_stacks(app, settings, env=env)
    check_limits(Path(app.synth().directory))


if __name__ == "__main__":
    try:
        main()
    except (SettingsError, InvalidValueError, ArchiveError, RegionError, StackLimitError, MissingExtraError) as error:
        sys.exit(str(error))
