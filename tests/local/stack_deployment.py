"""A stack of settings on local AWS, deployed as `cdk deploy` does: assets first, then the template."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
from aws_clients import Aws, unique

from stacks.inference_stack import InferenceStack
from stacks.settings import Settings

ENV = cdk.Environment(account="000000000000", region="us-east-1")
ASSETS = "cdk-hnb659fds-assets-000000000000-us-east-1"


class Deployment:
    """One stack, under a name of its own."""

    def __init__(self, aws: Aws, directory: Path) -> None:
        self.aws, self.name, self._directory = aws, unique("stack"), directory
        aws.s3.create_bucket(Bucket=ASSETS)

    def deploy(self, settings: Settings) -> str:
        """Deploy settings in the place of those before, and return the stack's status."""
        app = cdk.App(outdir=str(self._directory / unique("out")), analytics_reporting=False)
        InferenceStack(app, self.name, settings=settings, env=ENV)
        assembly = app.synth()
        manifest = json.loads((Path(assembly.directory) / f"{self.name}.assets.json").read_text(encoding="utf-8"))
        for asset in manifest["files"].values():
            (target,) = asset["destinations"].values()
            body = (Path(assembly.directory) / asset["source"]["path"]).read_bytes()
            self.aws.s3.put_object(Bucket=ASSETS, Key=target["objectKey"], Body=body)
        template = assembly.get_stack_by_name(self.name).template
        # What looks for the resources of `cdk bootstrap`, in whose place we are.
        del template["Rules"], template["Parameters"]
        return str(self.aws.put_stack(self.name, template)["StackStatus"])

    def physical(self, kind: str) -> list[str]:
        """Give the physical ids of the stack's resources of one type."""
        found = self.aws.cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        return [item["PhysicalResourceId"] for item in found if item["ResourceType"] == kind]

    def delete(self) -> None:
        """Delete the stack, and wait until it is gone."""
        self.aws.delete_stack(self.name)
