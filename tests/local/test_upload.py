"""Uploads to local AWS's S3: by content, with checksums, and through connections that break."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_clients import Aws, unique
from botocore.config import Config
from botocore.stub import Stubber
from breaking_proxy import BreakingProxy

from constructs_lib.serving.mar import ModelArchive
from constructs_lib.serving.models import PyTorchModel
from constructs_lib.tools import upload as upload_module
from constructs_lib.tools.command import ToolError
from constructs_lib.tools.package import package
from constructs_lib.tools.upload import upload

PART = 5 << 20  # S3 takes no smaller ones
PARTS = 4
DIGEST = "d" * 64


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "PART_BYTES", PART)


@pytest.fixture(autouse=True)
def immediate_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)


@pytest.fixture
def bucket(aws: Aws) -> str:
    name = unique("archives")
    aws.s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "model.tar.gz"
    path.write_bytes(os.urandom(PART * (PARTS - 1) + 1000))
    return path


@pytest.fixture
def proxy(aws: Aws) -> Iterator[BreakingProxy]:
    with BreakingProxy(aws.server.endpoint_url) as proxy:
        yield proxy


def client(endpoint: str, *, tries: int = 4, key: str = "test") -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": tries}, max_pool_connections=8)
    session = boto3.Session(key, "test", region_name="us-east-1")
    return session.client("s3", endpoint_url=endpoint, config=config)


def content(aws: Aws, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def unfinished(aws: Aws, bucket: str) -> list[str]:
    return [upload["UploadId"] for upload in aws.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]


def test_a_package_goes_under_its_digest(
    aws: Aws, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.pt").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    for name, value in aws.server.environment().items():
        monkeypatch.setenv(name, value)

    made = package(PyTorchModel(artifact="model"), upload=f"s3://{bucket}/digits/")

    assert made.path is None
    assert made.uri == f"s3://{bucket}/digits/{made.digest}/model.tar.gz"
    assert len(content(aws, made.uri)) == made.size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_a_mar_keeps_its_name_which_the_server_knows_it_by(
    aws: Aws, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "handler.py").write_text("def handle(data, context): ...\n")
    for name, value in aws.server.environment().items():
        monkeypatch.setenv(name, value)

    made = package(ModelArchive(model_name="demo", handler=str(tmp_path / "handler.py")), upload=f"s3://{bucket}")

    assert made.uri == f"s3://{bucket}/{made.digest}/demo.mar"
    assert content(aws, made.uri)[:2] == b"PK"


def test_a_large_archive_goes_up_in_parts_with_their_checksums(aws: Aws, bucket: str, large: Path) -> None:
    told: list[tuple[int, int]] = []

    uri = upload(
        large,
        f"s3://{bucket}/prefix",
        digest=DIGEST,
        client=client(aws.server.endpoint_url),
        progress=lambda done, total: told.append((done, total)),
    )

    assert uri == f"s3://{bucket}/prefix/{DIGEST}/model.tar.gz"
    data = large.read_bytes()
    assert content(aws, uri) == data
    digests = b"".join(hashlib.sha256(data[at : at + PART]).digest() for at in range(0, len(data), PART))
    checksum = base64.b64encode(hashlib.sha256(digests).digest()).decode()
    head = aws.s3.head_object(Bucket=bucket, Key=f"prefix/{DIGEST}/model.tar.gz", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == f"{checksum}-{PARTS}"
    assert told[-1] == (len(data), len(data))
    assert len(told) == PARTS


def test_what_is_there_is_not_sent_again(bucket: str, proxy: BreakingProxy, large: Path) -> None:
    s3 = client(proxy.url)
    first = upload(large, f"s3://{bucket}/", digest=DIGEST, client=s3)
    proxy.passed.clear()

    second = upload(large, f"s3://{bucket}/", digest=DIGEST, client=s3)

    assert second == first
    assert [request.method for request in proxy.passed] == ["HEAD"]


def test_broken_connections_are_tried_again(aws: Aws, bucket: str, proxy: BreakingProxy, large: Path) -> None:
    proxy.before = lambda request: request.number <= 2 and request.part in (2, 3)
    proxy.after = lambda request: request.number == 1 and request.part == 4

    uri = upload(large, f"s3://{bucket}/", digest=DIGEST, client=client(proxy.url))

    assert content(aws, uri) == large.read_bytes()
    assert unfinished(aws, bucket) == []


def test_an_interrupted_upload_goes_on_where_it_stopped(
    aws: Aws, bucket: str, proxy: BreakingProxy, large: Path
) -> None:
    proxy.before = lambda request: request.part == 3
    with pytest.raises(ToolError) as raised:
        upload(large, f"s3://{bucket}/", digest=DIGEST, client=client(proxy.url, tries=1))
    assert str(raised.value).startswith(f"upload to s3://{bucket}/{DIGEST}/model.tar.gz: Connection was closed")
    assert str(raised.value).endswith("; run it again to go on: what has been sent is kept")
    (upload_id,) = unfinished(aws, bucket)
    kept = aws.s3.list_parts(Bucket=bucket, Key=f"{DIGEST}/model.tar.gz", UploadId=upload_id)["Parts"]
    missing = {1, 2, 3, 4} - {part["PartNumber"] for part in kept}
    assert 3 in missing

    proxy.before = lambda _: False
    proxy.passed.clear()
    uri = upload(large, f"s3://{bucket}/", digest=DIGEST, client=client(proxy.url))

    assert proxy.parts == sorted(missing)
    assert content(aws, uri) == large.read_bytes()
    assert unfinished(aws, bucket) == []


def test_kept_parts_of_other_bytes_are_sent_again(
    aws: Aws, bucket: str, proxy: BreakingProxy, large: Path, tmp_path: Path
) -> None:
    """Another version of the compressor writes other bytes for the same content."""
    key = f"{DIGEST}/model.tar.gz"
    begun = aws.s3.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256")["UploadId"]
    where: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": begun}
    with large.open("rb") as file:
        aws.s3.upload_part(**where, PartNumber=1, Body=file.read(PART), ChecksumAlgorithm="SHA256")
    aws.s3.upload_part(**where, PartNumber=2, Body=bytes(PART), ChecksumAlgorithm="SHA256")

    uri = upload(large, f"s3://{bucket}/", digest=DIGEST, client=client(proxy.url))

    assert proxy.parts == [2, 3, 4]
    assert content(aws, uri) == large.read_bytes()


def test_a_lost_answer_to_the_last_request_is_no_failure(
    aws: Aws, bucket: str, proxy: BreakingProxy, large: Path
) -> None:
    proxy.after = lambda request: request.method == "POST" and "uploadId" in request.query and request.number == 1

    uri = upload(large, f"s3://{bucket}/", digest=DIGEST, client=client(proxy.url))

    assert content(aws, uri) == large.read_bytes()


def test_whoever_may_only_write_can_upload(aws: Aws, bucket: str, large: Path) -> None:
    s3 = aws.as_user("s3", [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}])

    uri = upload(large, f"s3://{bucket}/", digest=DIGEST, client=s3)

    assert content(aws, uri) == large.read_bytes()


def test_fails_when_the_bucket_refuses(aws: Aws, bucket: str, large: Path) -> None:
    s3 = aws.as_user("s3", [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}])

    with pytest.raises(ToolError, match=rf"^upload to s3://{bucket}/{DIGEST}/model\.tar\.gz: AWS answers AccessDenied"):
        upload(large, f"s3://{bucket}/", digest=DIGEST, client=s3)


def test_an_expired_token_is_told_though_the_first_answer_has_no_words(tmp_path: Path) -> None:
    small = tmp_path / "model.tar.gz"
    small.write_bytes(b"small")
    s3 = client("http://127.0.0.1:1")
    answers = Stubber(s3)
    answers.add_client_error("head_object", "400", "Bad Request", http_status_code=400)
    answers.add_client_error("put_object", "ExpiredToken", "The provided token has expired.", http_status_code=400)

    with answers, pytest.raises(ToolError, match=r"AWS answers ExpiredToken to PutObject: .*; set AWS_PROFILE, or log"):
        upload(small, "s3://models/", digest=DIGEST, client=s3)


def test_fails_at_a_bucket_that_does_not_exist(aws: Aws, tmp_path: Path) -> None:
    small = tmp_path / "model.tar.gz"
    small.write_bytes(b"small")

    with pytest.raises(ToolError, match="AWS answers NoSuchBucket to PutObject"):
        upload(small, "s3://nowhere-at-all/", digest=DIGEST, client=client(aws.server.endpoint_url))
