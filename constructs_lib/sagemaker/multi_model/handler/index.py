"""Keep a multi-model endpoint's models in S3 under the names that requests call them.

CloudFormation uploads assets under digests. This custom resource copies them to ``PREFIX/GENERATION/NAME``. SageMaker
goes on serving a model that it has loaded, whatever becomes of its object ("Multi-model endpoints", SageMaker developer
guide), so that a file is never overwritten: when one changes, all go to a new generation, whose address makes
CloudFormation replace the SageMaker model, and delete the old generation when nothing uses it any more. To add or
remove a file keeps the generation, and so the instances.

What a generation has ever held is noted beside it, in ``PREFIX/GENERATION.json``: on the way back CloudFormation asks
for the former files, and gets the former generation; and a name that was taken away comes back with another content in
a new one only.
"""

from __future__ import annotations

import hashlib
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

_TRIES, _PAUSE = 12, 5  # seconds: as long as a right that CloudFormation has just given may take to reach S3


def handler(event: Json, _context: object) -> None:
    """Do what CloudFormation asks for, and answer it whatever comes of it."""
    import boto3

    body = json.dumps(answer(event, boto3.client("s3"))).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - CloudFormation's own address
        pass


def answer(event: Json, s3: Any, sleep: Callable[[float], None] = time.sleep) -> Json:
    """Do what CloudFormation asks for, and say what came of it.

    Parameters
    ----------
    event
        A request of CloudFormation's. Its properties are ``Bucket``, ``Prefix``, and ``Files``: by the name under which
        a model is served, ``BUCKET/KEY`` of its archive.
    s3
        A boto3 client.
    sleep
        What waits for so many seconds.
    """
    properties = event["ResourceProperties"]
    generations = Generations(s3, properties["Bucket"], properties["Prefix"], sleep)
    uri, failure = event.get("PhysicalResourceId", ""), ""
    try:
        if event["RequestType"] == "Delete":
            generations.remove(uri)
        else:
            uri = generations.choose(properties["Files"], uri)
            generations.fill(uri, properties["Files"])
    except Exception as error:  # CloudFormation waits for an answer, and shows it
        failure = f"{type(error).__name__}: {error}"
    return {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": failure[:1000] or "OK",
        "PhysicalResourceId": uri or event["LogicalResourceId"],
        "Data": {"Uri": uri},
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }


class Generations:
    """The generations of one endpoint's models: each a set of files that never change.

    Parameters
    ----------
    s3
        A boto3 client.
    bucket, prefix
        Where they are; the prefix ends with ``/``.
    sleep
        What waits for so many seconds.
    """

    def __init__(self, s3: Any, bucket: str, prefix: str, sleep: Callable[[float], None]) -> None:
        self._s3, self._bucket, self._prefix, self._sleep = s3, bucket, prefix, sleep
        self._root = f"s3://{bucket}/{prefix}"

    def choose(self, files: Json, current: str) -> str:
        """Give the address of a generation in which no file would change: the current one, a former one, a new one."""
        former = [f"{self._root}{key.removesuffix('.json')}/" for key in self._keys("") if self._is_note(key)]
        for uri in [current, *former]:
            held = self._note(uri)
            if held is not None and all(held.get(name, source) == source for name, source in files.items()):
                return uri
        digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
        return f"{self._root}{digest[:16]}/"

    def fill(self, uri: str, files: Json) -> None:
        """Let a generation hold these files and no others."""
        folder = self._folder(uri)
        # Before anything is copied: what is there without a note could be taken for another content.
        note = json.dumps({**(self._note(uri) or {}), **files}, sort_keys=True).encode()
        self._s3.put_object(Bucket=self._bucket, Key=self._note_key(uri), Body=note)
        held = {key.removeprefix(folder) for key in self._keys(folder)}
        for name in files.keys() - held:
            self._copy(files[name], folder + name)
        for name in held - files.keys():
            self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + folder + name)

    def _copy(self, source: str, name: str) -> None:
        bucket, _, key = source.partition("/")
        for left in reversed(range(_TRIES)):
            try:
                self._s3.copy({"Bucket": bucket, "Key": key}, self._bucket, self._prefix + name)
                return
            except self._s3.exceptions.ClientError as error:
                if not left or error.response["Error"]["Code"] not in ("403", "AccessDenied"):
                    raise
            self._sleep(_PAUSE)

    def remove(self, uri: str) -> None:
        """Delete a generation; nothing when there is none at this address, as after a request that failed early."""
        if not uri.startswith(self._root):
            return
        for key in list(self._keys(self._folder(uri))):
            self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + key)
        self._s3.delete_object(Bucket=self._bucket, Key=self._note_key(uri))

    def _folder(self, uri: str) -> str:
        return uri.removeprefix(self._root)

    def _note_key(self, uri: str) -> str:
        return f"{self._prefix}{self._folder(uri).rstrip('/')}.json"

    def _is_note(self, key: str) -> bool:
        return key.endswith(".json") and "/" not in key

    def _note(self, uri: str) -> Json | None:
        if not uri.startswith(self._root):
            return None
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=self._note_key(uri))
        except self._s3.exceptions.NoSuchKey:
            return None
        held: Json = json.loads(found["Body"].read())
        return held

    def _keys(self, folder: str) -> Iterator[str]:
        """Give the keys below a folder of the prefix, without the prefix."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix + folder)
        for page in pages:
            for item in page.get("Contents", []):
                yield item["Key"].removeprefix(self._prefix)
