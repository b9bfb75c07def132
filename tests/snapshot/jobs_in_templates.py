"""Jobs, and what templates say of them."""

from __future__ import annotations

import json

from aws_cdk.assertions import Template

from tests.snapshot.conftest import Json, only

KEY = "arn:aws:kms:us-east-1:111111111111:key/abc"


def request(template: Template, kind: str) -> Json:
    """Give what a job is asked to do, with what is known at deployment only as ``<…>``."""
    _, job = only(template, f"Custom::SageMaker{kind}")
    given = job["Properties"]["Request"]
    if isinstance(given, str):
        return dict(json.loads(given))
    parts = given["Fn::Join"][1]
    text = "".join(
        part if isinstance(part, str) else f"<{next(iter(part.values()))}>".replace('"', "") for part in parts
    )
    return dict(json.loads(text))


def allowed(template: Template, logical_id: str) -> list[Json]:
    """Give what the policies under a construct allow."""
    policies = template.find_resources("AWS::IAM::Policy").items()
    return [
        statement
        for name, policy in policies
        if name.startswith(logical_id)
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
