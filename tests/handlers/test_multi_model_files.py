"""The function that keeps a multi-model endpoint's models in S3, interrupted at every step."""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.sagemaker.multi_model.handler import index

Json = dict[str, Any]
BUCKET, PREFIX = "kept", "Stack/Scores/"
ROOT = f"s3://{BUCKET}/{PREFIX}"
FIRST = {"churn.tar.gz": "assets/c1.gz", "fraud.tar.gz": "assets/f1.gz"}
MORE = {**FIRST, "lapse.tar.gz": "assets/l1.gz"}
CHANGED = {**FIRST, "fraud.tar.gz": "assets/f2.gz"}


class NoSuchKeyError(Exception):
    pass


class ClientError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class _Exceptions:
    NoSuchKey = NoSuchKeyError
    ClientError = ClientError


class S3:
    """As much of S3 as the function uses; it fails at one call, if it is told to."""

    exceptions = _Exceptions

    def __init__(self) -> None:
        self.objects = {f"assets/{name}.gz": name.encode() for name in ("c1", "f1", "f2", "l1")}
        self.fails_at: int | None = None
        self.copied: list[str] = []
        self.refusals: list[str] = []
        self._calls = 0

    def restart(self, fails_at: int | None = None) -> None:
        self._calls, self.fails_at = 0, fails_at

    def _count(self) -> None:
        self._calls += 1
        if self._calls == self.fails_at:
            raise ConnectionError("interrupted")

    def copy(self, source: Json, bucket: str, key: str) -> None:
        self._count()
        if self.refusals:
            raise ClientError(self.refusals.pop(0))
        self.objects[f"{bucket}/{key}"] = self.objects[f"{source['Bucket']}/{source['Key']}"]
        self.copied.append(key)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        self._count()
        self.objects[f"{Bucket}/{Key}"] = Body

    def get_object(self, *, Bucket: str, Key: str) -> Json:  # noqa: N803
        self._count()
        if f"{Bucket}/{Key}" not in self.objects:
            raise NoSuchKeyError(Key)
        return {"Body": io.BytesIO(self.objects[f"{Bucket}/{Key}"])}

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        self._count()
        self.objects.pop(f"{Bucket}/{Key}", None)

    def get_paginator(self, operation: str) -> S3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[Json]:  # noqa: N803
        self._count()
        found = [key.removeprefix(f"{Bucket}/") for key in self.objects if key.startswith(f"{Bucket}/{Prefix}")]
        for start in range(0, len(found), 2):
            yield {"Contents": [{"Key": key} for key in found[start : start + 2]]}
        yield {}

    def under(self, uri: str) -> dict[str, bytes]:
        start = uri.removeprefix("s3://")
        return {key.removeprefix(start): body for key, body in self.objects.items() if key.startswith(start)}


def request(s3: S3, kind: str, files: Json, uri: str = "") -> Json:
    return index.answer(event(kind, files, uri), s3)


def event(kind: str, files: Json, uri: str = "") -> Json:
    return {
        "RequestType": kind,
        "StackId": "stack",
        "RequestId": "1",
        "LogicalResourceId": "Models",
        "ResourceProperties": {"Bucket": BUCKET, "Prefix": PREFIX, "Files": files},
        **({"PhysicalResourceId": uri} if uri else {}),
    }


def create(s3: S3, files: Json = FIRST) -> str:
    answer = request(s3, "Create", files)
    assert answer["Status"] == "SUCCESS"
    return str(answer["PhysicalResourceId"])


def update(s3: S3, files: Json, uri: str) -> str:
    answer = request(s3, "Update", files, uri)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return str(answer["PhysicalResourceId"])


def test_models_are_kept_under_their_names() -> None:
    s3 = S3()

    answer = request(s3, "Create", FIRST)

    uri = answer["PhysicalResourceId"]
    assert uri.startswith(ROOT)
    assert uri.endswith("/")
    assert s3.under(uri) == {"churn.tar.gz": b"c1", "fraud.tar.gz": b"f1"}
    assert answer == {
        "Status": "SUCCESS",
        "Reason": "OK",
        "PhysicalResourceId": uri,
        "Data": {"Uri": uri},
        "StackId": "stack",
        "RequestId": "1",
        "LogicalResourceId": "Models",
    }


def test_an_added_and_a_removed_model_leave_the_address_and_the_others_alone() -> None:
    s3 = S3()
    uri = create(s3)
    s3.copied.clear()

    assert update(s3, MORE, uri) == uri
    assert [key.rpartition("/")[2] for key in s3.copied] == ["lapse.tar.gz"]
    assert set(s3.under(uri)) == set(MORE)
    assert update(s3, FIRST, uri) == uri
    assert set(s3.under(uri)) == set(FIRST)


def test_a_changed_model_moves_all_to_another_address_until_the_former_is_deleted() -> None:
    s3 = S3()
    former = create(s3)

    uri = update(s3, CHANGED, former)

    assert uri != former
    assert s3.under(former)["fraud.tar.gz"] == b"f1"
    assert s3.under(uri) == {"churn.tar.gz": b"c1", "fraud.tar.gz": b"f2"}
    assert request(s3, "Delete", FIRST, former)["Status"] == "SUCCESS"
    assert s3.under(former) == {}
    assert request(s3, "Delete", CHANGED, uri)["Status"] == "SUCCESS"
    assert s3.under(ROOT) == {}


def test_a_name_comes_back_with_another_content_at_another_address() -> None:
    s3 = S3()
    first = create(s3, FIRST)
    assert update(s3, {"churn.tar.gz": "assets/c1.gz"}, first) == first

    second = update(s3, CHANGED, first)  # an instance may still have the former fraud.tar.gz in memory

    assert second != first
    assert s3.under(second)["fraud.tar.gz"] == b"f2"
    assert update(s3, FIRST, second) == first
    assert s3.under(first)["fraud.tar.gz"] == b"f1"


def test_a_right_that_was_just_given_is_waited_for() -> None:
    s3 = S3()
    s3.refusals = ["403", "AccessDenied"]
    slept: list[float] = []

    answer = index.answer(event("Create", FIRST), s3, slept.append)

    assert (answer["Status"], slept) == ("SUCCESS", [5, 5])
    assert len(s3.under(answer["PhysicalResourceId"])) == 2


@pytest.mark.parametrize(("refusals", "pauses"), [(["NoSuchKey"], 0), (["403"] * 12, 11)])
def test_what_no_waiting_mends_fails(refusals: list[str], pauses: int) -> None:
    s3 = S3()
    s3.refusals = list(refusals)
    slept: list[float] = []

    answer = index.answer(event("Create", FIRST), s3, slept.append)

    assert (answer["Status"], answer["Reason"]) == ("FAILED", f"ClientError: {refusals[0]}")
    assert len(slept) == pauses


def test_a_model_of_another_name_in_a_folder_stays_in_it() -> None:
    s3 = S3()
    files = {"team/a.tar.gz": "assets/c1.gz"}
    assert s3.under(create(s3, files)) == {"team/a.tar.gz": b"c1"}


@pytest.mark.parametrize("first", [FIRST, MORE], ids=["as made", "one added since"])
def test_the_way_back_from_any_interruption_leads_to_the_former_address(first: Json) -> None:
    interrupted = 0
    for step in range(1, 40):
        s3 = S3()
        former = create(s3)
        update(s3, first, former)
        s3.restart(fails_at=step)
        answer = request(s3, "Update", {**CHANGED, "new.tar.gz": "assets/l1.gz"}, former)
        reached = answer["PhysicalResourceId"]
        s3.restart()
        if answer["Status"] == "FAILED":
            interrupted += 1
            assert answer["Reason"] == "ConnectionError: interrupted"

        # What CloudFormation does: the former properties, then the deletion of whatever address it was not.
        assert update(s3, first, reached) == former
        if reached != former:
            request(s3, "Delete", CHANGED, reached)

        assert s3.under(former) == {name: s3.objects[source] for name, source in first.items()}
        assert len(s3.under(ROOT)) == len(first) + 1  # and the note of what is there
        if answer["Status"] == "SUCCESS":
            break
    assert interrupted > 5


def test_an_interrupted_creation_is_cleaned_up() -> None:
    for step in range(1, 20):
        s3 = S3()
        s3.restart(fails_at=step)
        answer = request(s3, "Create", FIRST)
        s3.restart()

        assert request(s3, "Delete", FIRST, answer["PhysicalResourceId"])["Status"] == "SUCCESS"
        assert s3.under(ROOT) == {}
        if answer["Status"] == "SUCCESS":
            return
    raise AssertionError("the creation never got through")


def test_nothing_outside_of_its_prefix_is_deleted() -> None:
    s3 = S3()
    s3.objects[f"{BUCKET}/Stack/Other/x"] = b"theirs"

    assert request(s3, "Delete", FIRST, f"s3://{BUCKET}/Stack/Other/")["Status"] == "SUCCESS"
    assert request(s3, "Delete", FIRST, "Models")["Status"] == "SUCCESS"

    assert s3.objects[f"{BUCKET}/Stack/Other/x"] == b"theirs"


def test_the_function_needs_nothing_but_what_lambda_has() -> None:
    tree = ast.parse(Path(index.__file__).read_text(encoding="utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    assert {name.partition(".")[0] for name in modules} - sys.stdlib_module_names == {"boto3"}
