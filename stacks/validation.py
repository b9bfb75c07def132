"""CDK's validation of templates, which Node prepares while Python reads the settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import aws_cdk as cdk


@contextmanager
def validation_made_ready(app: cdk.App) -> Iterator[None]:
    """Compile the rules that the CDK holds every template to, while the body runs.

    The CDK does it by itself otherwise, at the end of the synth, with Python waiting. The rules are the same.

    The body must not use constructs: jsii takes one call at a time.

    Parameters
    ----------
    app
        Whose templates are validated; not if the environment variable ``CDK_VALIDATION`` is ``false``, which the CDK
        heeds, too.
    """
    if os.environ.get("CDK_VALIDATION") == "false":
        yield
        return
    with ThreadPoolExecutor(max_workers=1) as pool:
        plugin = pool.submit(cdk.CloudFormationValidatePlugin)
        yield
    cdk.Validations.of(app).add_plugins(plugin.result())
