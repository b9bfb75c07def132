"""An endpoint's API against the shapes of API Gateway's own operations, and AWS's checks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from local_aws.validation import check, service_model
from tests.snapshot.conftest import ROOT, only
from tests.snapshot.endpoint_apis import ACCOUNT, conforms, define, lowered, method
from tests.snapshot.lint_findings import lint_findings


class TestAwsOwnChecks:
    def test_each_resource_has_the_shape_that_api_gateway_takes(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        define(stack, authorization="api_key", requests_per_day=5, rate_limit=1.5, burst_limit=2)

        synthesized = template()
        model = service_model("apigateway")
        for kind, operation in {
            "RestApi": "CreateRestApi",
            "Resource": "CreateResource",
            "RequestValidator": "CreateRequestValidator",
            "Deployment": "CreateDeployment",
            "ApiKey": "CreateApiKey",
            "UsagePlan": "CreateUsagePlan",
            "UsagePlanKey": "CreateUsagePlanKey",
        }.items():
            request = model.operation_model(operation).input_shape
            assert request is not None
            properties = dict(only(synthesized, f"AWS::ApiGateway::{kind}")[1]["Properties"])
            check(request, lowered(request, properties | _REQUIRED_BY_THE_SERVICE.get(kind, {})))

    def test_the_method_and_the_stage_have_the_shapes_that_api_gateway_takes(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        define(stack, rate_limit=1.5, burst_limit=2)

        synthesized = template()
        properties = method(synthesized)
        integration = properties.pop("Integration")
        where = {name: properties[name] for name in ("RestApiId", "ResourceId", "HttpMethod")}
        for response in properties.pop("MethodResponses"):
            conforms("PutMethodResponse", where | response)
        for response in integration.pop("IntegrationResponses"):
            conforms("PutIntegrationResponse", where | response)
        conforms("PutMethod", properties)
        conforms("PutIntegration", where | integration)
        stage = dict(only(synthesized, "AWS::ApiGateway::Stage")[1]["Properties"])
        shapes = service_model("apigateway")
        for setting in stage.pop("MethodSettings"):
            kind = shapes.shape_for("MethodSetting")
            check(kind, lowered(kind, {k: v for k, v in setting.items() if k not in ("HttpMethod", "ResourcePath")}))
        kind = shapes.shape_for("AccessLogSettings")
        check(kind, lowered(kind, stage.pop("AccessLogSetting")))
        conforms("CreateStage", stage)

    @pytest.mark.parametrize(
        ("settings", "region"), [("inference", "us-east-1"), ("inference", None), ("processor", "us-east-1")]
    )
    def test_neither_the_cdk_nor_cfn_lint_finds_anything_in_the_examples(
        self, settings: str, region: str | None, tmp_path: Path
    ) -> None:
        context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
        context["settings"] = f"examples/api/{settings}.yaml"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CDK_")}
        if region:
            environment |= {"CDK_DEFAULT_REGION": region, "CDK_DEFAULT_ACCOUNT": ACCOUNT}

        finished = subprocess.run(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={**environment, "CDK_OUTDIR": str(tmp_path), "CDK_CONTEXT_JSON": json.dumps(context)},
            capture_output=True,
            text=True,
            check=False,
        )

        assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
        report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
        assert [plugin for plugin in report["pluginReports"] if plugin.get("violations")] == []
        text = (tmp_path / "InferenceStack.template.json").read_text(encoding="utf-8")
        assert lint_findings(text, region=region or "us-east-1") == []
        synthesized = Template.from_string(text)
        synthesized.has_output("digitsApiUrl", {"Value": Match.any_value()})
        synthesized.has_resource_properties("AWS::ApiGateway::Method", {"AuthorizationType": "AWS_IAM"})


_REQUIRED_BY_THE_SERVICE = {"UsagePlan": {"Name": "made-up-by-cloudformation"}}
