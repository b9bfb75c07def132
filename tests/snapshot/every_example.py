"""Every example's templates, and what CDK's own validation and cdk-nag say of them: synthesized together, once.

An example is any settings file below examples/: a YAML file with a key that settings have. A new one is found by itself.
"""

from __future__ import annotations

import atexit
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import aws_cdk as cdk
import cdk_nag

from stacks.app_stacks import define_stacks
from stacks.settings import Settings, load_settings
from stacks.yaml_source import read_yaml
from tests.snapshot.conftest import ROOT

Json = dict[str, Any]

EXAMPLES = ROOT / "examples"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of a construct."""

    plugin: str
    rule: str
    severity: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Synthesized:
    """All examples: where their templates are, why there are none, what was found in them, and what was acknowledged."""

    outdir: Path
    errors: dict[str, str]
    findings: list[Finding]
    acknowledged: list[Finding]

    def files(self, example: str) -> list[Path]:
        """Give the template files of one example, which is wrong if there are none."""
        assert example not in self.errors, self.errors[example]
        found = sorted((self.outdir / f"assembly-{construct_id(example)}").glob("*.template.json"))
        assert found, f"{example} has no template"
        return found

    def templates(self, example: str) -> list[Json]:
        """Give the templates of one example."""
        return [json.loads(file.read_text(encoding="utf-8")) for file in self.files(example)]

    def of(self, example: str) -> list[Finding]:
        """Give the findings in one example."""
        assert example not in self.errors, self.errors[example]
        return [each for each in self.findings if each.path.split("/")[0] == construct_id(example)]


def names() -> list[str]:
    """Give the names of all examples: their files, as seen from examples/."""
    return [str(file.relative_to(EXAMPLES)) for file in sorted(EXAMPLES.rglob("*.y*ml")) if _is_settings(file)]


def _is_settings(file: Path) -> bool:
    data = read_yaml(file).data  # fails with file and line, so that no example is missed
    return isinstance(data, dict) and bool(data.keys() & {field.name for field in fields(Settings)})


def construct_id(example: str) -> str:
    """Give the name of the stage that an example is in."""
    return example.rpartition(".")[0].replace("/", "-").replace("_", "-")


@cache
def synthesized() -> Synthesized:
    """Synthesize all examples in one app, whose plugins are started once."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    strict = {"@aws-cdk/core:validateAgainstDefaultRules": True}
    outdir = Path(mkdtemp(prefix="examples-"))
    atexit.register(shutil.rmtree, outdir, ignore_errors=True)
    app = cdk.App(outdir=str(outdir), context={**context, **strict}, analytics_reporting=False)
    cdk.Validations.of(app).add_plugins(cdk.CloudFormationValidatePlugin(), cdk_nag.AwsSolutionsChecks(app))
    errors = {}
    for example in names():
        try:
            stage = cdk.Stage(app, construct_id(example))
            define_stacks(stage, load_settings(EXAMPLES / example))
        except Exception as error:  # told by the tests of this example alone
            errors[example] = f"{type(error).__name__}: {error}"
    with suppress(RuntimeError):  # that there are findings: they are in the report
        app.synth()
    report = json.loads((outdir / "validation-report.json").read_text(encoding="utf-8"))
    findings, acknowledged = (list(_findings(report, kind)) for kind in ("violations", "suppressedViolations"))
    return Synthesized(outdir, errors, findings, acknowledged)


def _findings(report: Json, kind: str) -> Iterator[Finding]:
    for plugin in report["pluginReports"]:
        for violation in plugin.get(kind, []):
            for construct in violation["violatingConstructs"]:
                yield Finding(
                    plugin["pluginName"],
                    violation["ruleName"],
                    violation["severity"],
                    construct["constructPath"],
                    violation["description"],
                )
