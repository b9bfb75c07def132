"""Artifact locations: what is read from an address, and what is said of one that cannot be read."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.artifacts import LocalArtifact, S3Artifact, TrainedArtifact, parse_artifact
from constructs_lib.serving.problems import InvalidValueError

TOKEN = "${Token[TOKEN.7]}"
BUCKETS = st.text(string.ascii_lowercase + string.digits, min_size=3, max_size=63)
KEYS = st.text(string.ascii_letters + string.digits + "/-_.", min_size=1, max_size=200)


def test_an_s3_object_is_an_archive() -> None:
    artifact = parse_artifact("s3://my-models/digits/model.tar.gz")

    assert artifact == S3Artifact(bucket="my-models", key="digits/model.tar.gz")
    assert artifact.is_archive


def test_what_a_training_job_will_leave_is_an_archive() -> None:
    artifact = parse_artifact("training-job://digits")
    assert artifact == TrainedArtifact(training_job="digits")
    assert artifact.is_archive
    assert artifact.uri == "training-job://digits"


def test_an_s3_address_that_ends_with_a_slash_is_a_prefix() -> None:
    artifact = parse_artifact("s3://my-models/llama/")

    assert artifact == S3Artifact(bucket="my-models", key="llama/")
    assert not artifact.is_archive


@pytest.mark.parametrize(
    ("path", "is_archive"), [("model", False), ("a/model.tar.gz", True), ("model.tar", False), (Path("/x/y"), False)]
)
def test_any_other_text_is_a_local_path(path: str | Path, is_archive: bool) -> None:
    artifact = parse_artifact(path)

    assert artifact == LocalArtifact(path=Path(path))
    assert artifact.is_archive is is_archive


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        (f"s3://{TOKEN}/model.tar.gz", TOKEN, "model.tar.gz"),
        (f"s3://{TOKEN}/prefix/", TOKEN, "prefix/"),
        (f"s3://my-models/{TOKEN}", "my-models", TOKEN),
        (f"s3://{TOKEN}/{TOKEN}", TOKEN, TOKEN),
    ],
)
def test_tokens_stand_in_for_bucket_and_key(uri: str, bucket: str, key: str) -> None:
    assert parse_artifact(uri) == S3Artifact(bucket=bucket, key=key)


@pytest.mark.parametrize(
    ("location", "message"),
    [
        (
            "s3://My_Models/model.tar.gz",
            "artifact: 'artifact' 's3://My_Models/model.tar.gz' names no valid bucket; give "
            "'s3://BUCKET/path/model.tar.gz', where BUCKET has 3 to 63 lower-case letters, digits, dots and hyphens",
        ),
        (
            "s3://my-models",
            "artifact: 'artifact' 's3://my-models' has no key; give the path of a .tar.gz object, or a prefix that ends "
            "with '/'",
        ),
        (
            "s3://my-models/model.zip",
            "artifact: 'artifact' 's3://my-models/model.zip' is neither a .tar.gz object nor a prefix; end it with "
            "'.tar.gz', or with '/' for uncompressed files",
        ),
        (
            f"s3://my-models/{'a' * 1003}.tar.gz",
            "artifact: 'artifact' is 1025 characters long; SageMaker takes at most 1024",
        ),
        (
            "https://example.com/model.tar.gz",
            "artifact: 'artifact' has the scheme of 'https://example.com/model.tar.gz'; give an s3:// address, a local "
            "directory or a local .tar.gz file",
        ),
        (
            "S3://my-models/model.tar.gz",
            "artifact: 'artifact' has the scheme of 'S3://my-models/model.tar.gz'; give an s3:// address, a local "
            "directory or a local .tar.gz file",
        ),
        (
            "  ",
            "artifact: 'artifact' is empty; give an s3:// address, a local directory or a local .tar.gz file",
        ),
        (
            TOKEN,
            "artifact: 'artifact' is an address that is known at deployment only, so that no role can be limited to it; "
            "give f's3://{bucket_name}/{key}', in which bucket and key may be tokens",
        ),
    ],
)
def test_fails_at_an_address_that_cannot_be_read(location: str, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        parse_artifact(location)

    assert str(raised.value) == message


def test_the_longest_address_is_taken() -> None:
    assert parse_artifact(f"s3://my-models/{'a' * 1002}.tar.gz").is_archive


@given(BUCKETS, KEYS, st.sampled_from([".tar.gz", "/"]))
def test_what_is_read_from_an_s3_address_spells_it_again(bucket: str, key: str, end: str) -> None:
    uri = f"s3://{bucket}/{key}{end}"

    artifact = parse_artifact(uri)

    assert isinstance(artifact, S3Artifact)
    assert artifact.uri == uri


@given(st.text(max_size=80) | st.text(max_size=40).map("s3://".__add__))
def test_any_text_is_an_artifact_or_an_invalid_value(text: str) -> None:
    assert fields_of_problems(text) in ([], ["artifact"])


def fields_of_problems(text: str) -> list[str]:
    try:
        parse_artifact(text)
    except InvalidValueError as error:
        return [problem.field for problem in error.problems]
    return []
