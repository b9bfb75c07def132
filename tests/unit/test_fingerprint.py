"""Fingerprints stay as they are when the CDK numbers its tokens otherwise, as when a resource is added before."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest

from constructs_lib.sagemaker import Autoscaling
from constructs_lib.sagemaker.fingerprint import fingerprint


def test_texts_differ_and_have_the_length_asked_for() -> None:
    assert fingerprint("a") != fingerprint("b")
    assert len(fingerprint("a", length=16)) == 16


@pytest.mark.parametrize("token", [cdk.Token.as_string, cdk.Token.as_number])
def test_tokens_are_alike_whatever_their_number(token: Callable[[object], object]) -> None:
    first, second = (repr(token({"Ref": name})) for name in ("First", "Second"))

    assert first != second
    assert fingerprint(f"max={first}, min=1") == fingerprint(f"max={second}, min=1") != fingerprint("max=2, min=1")


def test_a_number_beside_a_token_counts() -> None:
    token = cdk.Token.as_number(cdk.Fn.ref("Most"))
    scalings = [Autoscaling(max=token, cpu_utilization=use) for use in (50, 60)]  # type: ignore[arg-type]

    assert len({fingerprint(repr(each)) for each in scalings}) == 2
