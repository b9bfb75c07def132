"""Every example, also one that is added tomorrow, is correct by the words of the services, the CDK, cfn-lint, cdk-nag."""

from __future__ import annotations

from typing import Any

import pytest

from tests.snapshot.every_example import names, synthesized
from tests.snapshot.lint_findings import lint_findings
from tests.snapshot.nag_exceptions import EXCEPTIONS, reason_for
from tests.snapshot.service_requests import CHECKED, REQUESTS, violations

EXAMPLES = names()
# What AWS has ended is still expressible: cfn-lint's schema of the resource has dropped it, as CDK's has.
ENDED = (
    "E3002: Resource properties are invalid] (Additional properties are not allowed ('AcceleratorType' was unexpected)"
)
# The CDK's constructs for VPCs and functions say some dependencies twice.
TWICE = "W3005: Check obsolete DependsOn"
# What the library itself says at every synth, by ids that users acknowledge.
OUR_WARNINGS = "Annotation::inference:"


def test_every_folder_has_an_example() -> None:
    assert {name.split("/")[0] for name in EXAMPLES} >= {
        "api",
        "elastic-inference",
        "llm",
        "rollout",
        "triton",
        "variants",
    }


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_request_is_one_that_the_service_takes(example: str) -> None:
    for template in synthesized().templates(example):
        assert list(violations(template)) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_type_of_these_services_is_checked(example: str) -> None:
    types = {
        resource["Type"]
        for template in synthesized().templates(example)
        for resource in template["Resources"].values()
        if resource["Type"].startswith(CHECKED)
    }

    assert types <= REQUESTS.keys()


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_cdks_own_validation_finds_nothing(example: str) -> None:
    found = [
        each
        for each in synthesized().of(example)
        if each.plugin != "AwsSolutions" and not each.rule.startswith(OUR_WARNINGS)
    ]

    assert found == []


def test_the_cdks_own_validation_has_looked() -> None:
    """One property that CDK's schema does not know is acknowledged by the library itself."""
    found = [each for each in synthesized().acknowledged if each.plugin == "CloudFormation Validate"]

    assert [(each.rule, each.path.split("/")[0]) for each in found] == [("F3002", "elastic-inference-inference")]
    assert "AcceleratorType" in found[0].text


@pytest.mark.parametrize("example", EXAMPLES)
def test_cfn_lint_finds_nothing(example: str) -> None:
    for file in synthesized().files(example):
        found = lint_findings(file.read_text(encoding="utf-8"))
        assert [match for match in found if ENDED not in match and TWICE not in match] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_cdk_nag_finds_has_its_reason(example: str) -> None:
    found = [each for each in synthesized().of(example) if each.plugin == "AwsSolutions"]

    assert [f"{each.path}: {each.rule}: {each.text}" for each in found if reason_for(each) is None] == []


def test_no_exception_is_left_over() -> None:
    found = [each for each in synthesized().findings if each.plugin == "AwsSolutions"]

    assert [each.rule for each in EXCEPTIONS if not any(each.covers(one) for one in found)] == []


def broken(change: Any) -> list[str]:
    (template,) = synthesized().templates("rollout/inference.yaml")
    for resource in template["Resources"].values():
        change(resource["Type"], resource.get("Properties", {}))
    return [text.partition("detected: ")[2] or text.partition(": ")[2] for text in violations(template)]


def test_a_wrong_enum_a_range_and_a_pattern_would_be_found() -> None:
    def change(kind: str, properties: dict[str, Any]) -> None:
        if kind == "AWS::SageMaker::EndpointConfig":
            variant = properties["ProductionVariants"][0]
            variant |= {"InstanceType": "ml.c6i.tiny", "VolumeSizeInGB": 600, "VariantName": "All_Traffic"}

    found = "; ".join(broken(change))
    assert (
        "Value 'ml.c6i.tiny' at 'productionVariants.1.member.instanceType' failed to satisfy constraint: Member must satisfy enum"
        in found
    )
    assert "Value '600' at 'productionVariants.1.member.volumeSizeInGB'" in found
    assert "Value 'All_Traffic' at 'productionVariants.1.member.variantName'" in found


def test_an_unknown_property_and_a_missing_one_would_be_found() -> None:
    def change(kind: str, properties: dict[str, Any]) -> None:
        if kind == "AWS::SageMaker::Model":
            properties["PrimaryContainer"]["Imagine"] = "example/mine:1"
        if kind == "AWS::SageMaker::Endpoint":
            del properties["EndpointConfigName"]

    found = " ".join(broken(change))
    assert 'Unknown parameter in input: "Imagine"' in found
    assert "Value null at 'endpointConfigName' failed to satisfy constraint: Member must not be null" in found
