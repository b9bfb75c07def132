"""The synth benchmark compares like with like, and says so in a readable table."""

import json
from pathlib import Path

import pytest

from benchmarks import synth


def _template(
    role: str, policy: str, digest: str, *, action: str = "s3:GetObject"
) -> dict[str, dict[str, dict[str, object]]]:
    return {
        "Resources": {
            role: {"Type": "AWS::IAM::Role", "Metadata": {"aws:cdk:path": role}},
            policy: {
                "Type": "AWS::IAM::Policy",
                "DependsOn": [role],
                "Properties": {
                    "PolicyName": policy,
                    "Roles": [{"Ref": role}],
                    "PolicyDocument": {"Statement": [{"Action": action, "Resource": f"arn:aws:s3:::b/{digest}.gz"}]},
                },
            },
            f"CDKMetadata{role}": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": digest}},
        }
    }


def test_templates_that_differ_in_names_alone_are_the_same() -> None:
    ours = synth.comparable_resources(_template("DigitsRole1", "Access12345678", "a" * 64))
    theirs = synth.comparable_resources(_template("role", "policy", "b" * 64))

    assert ours == theirs
    assert len(ours) == 2


def test_templates_that_allow_different_actions_are_not_the_same() -> None:
    ours = synth.comparable_resources(_template("role", "policy", "a" * 64))
    theirs = synth.comparable_resources(_template("role", "policy", "a" * 64, action="s3:*"))

    assert ours != theirs


def test_table_gives_medians_ranges_and_the_ratio_to_the_template_by_hand() -> None:
    samples = {
        "ours": [synth.Sample(wall=wall, cpu=wall * 2) for wall in (1.0, 1.1, 3.0)],
        "l1": [synth.Sample(wall=1.0, cpu=2.0)] * 3,
    }

    lines = synth.render(samples, 100, validation=False).splitlines()

    assert lines[1] == "100 endpoints, CDK's template validation off, 3 runs: seconds, median (min to max)"
    assert " ".join(lines[3].split()) == "this library 1.10 (1.00 to 3.00) 1.10 2.20 (2.00 to 6.00) 1.10"


def test_fails_with_the_apps_own_last_lines_when_an_app_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(synth, "ARTIFACT", tmp_path)

    with pytest.raises(synth.BenchmarkError, match=r"(?s)'nowhere' with 1 endpoints ended with status 1:.*No module"):
        synth.synthesize("nowhere", 1, tmp_path / "out", validation=False, workspace=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "ours,l2"], "'l2' is not an app; choose from ours, l1, sagemaker_alpha, generative_ai"),
        (["--endpoints", "1,0"], "'0' is not a whole number above 0"),
        (["--runs", "many"], "'many' is not a whole number above 0"),
    ],
)
def test_fails_on_wrong_arguments_saying_what_is_allowed(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        synth.main(arguments)

    assert message in capsys.readouterr().err


def test_context_is_what_the_cdk_command_line_would_pass() -> None:
    configured = json.loads((synth.REPOSITORY / "cdk.json").read_text())["context"]

    assert synth._context() == {**configured, **synth.CLI_CONTEXT}
