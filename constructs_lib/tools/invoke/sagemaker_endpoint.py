"""A SageMaker endpoint: real-time, serverless, asynchronous, streaming, and what inside of it is addressed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from constructs_lib.serving.artifacts import split_s3_uri
from constructs_lib.tools import aws
from constructs_lib.tools.brief import brief
from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke.answer import Answer
from constructs_lib.tools.invoke.payload import Payload

BODY_MAX = 6_291_456  # botocore sagemaker-runtime BodyBlob
ASYNC_BODY_MAX = 128_000  # botocore sagemaker-runtime AsyncBodyBlob
_EVERY = 1.0  # seconds between two looks for an asynchronous answer


_client = cache(aws.client)  # making one takes longer than a call


@dataclass(frozen=True, slots=True, kw_only=True)
class SageMakerEndpoint:
    """An endpoint, called with the caller's own AWS credentials and region.

    Attributes
    ----------
    name
        The endpoint's name.
    target_model
        Which model of a multi-model endpoint answers, such as ``fraud.tar.gz``. None: there is one model.
    target_variant
        Which production variant answers. None: one by weight.
    target_container
        Host name of the container that answers, in a multi-container endpoint. None: there is one, or a pipeline.
    inference_component
        Which inference component answers. None: the endpoint has none.
    accept
        Content type that the answer should have. None: the model's own choice.
    client
        Makes a boto3 client by the name of its service. Default: with the caller's own credentials.
    """

    name: str
    target_model: str | None = None
    target_variant: str | None = None
    target_container: str | None = None
    inference_component: str | None = None
    accept: str | None = None
    client: Callable[[str], Any] = field(default=_client, repr=False)

    def call(self, payload: Payload) -> Answer:
        """Send one request, and wait for its answer.

        Parameters
        ----------
        payload
            At most 6 MB; a serverless endpoint takes 4.

        Raises
        ------
        ToolError
            When the request is too large, AWS refuses it, or the model fails.
        """
        _hold_size(payload, BODY_MAX, "a real-time endpoint takes 6 MB; an asynchronous one takes 1 GB from S3")
        with self._explained():
            asked = {**self._request(payload), **_given(TargetModel=self.target_model)}
            answer = aws.patiently(lambda: self.client("sagemaker-runtime").invoke_endpoint(**asked))
            return Answer(
                body=answer["Body"].read(),
                content_type=answer.get("ContentType", "application/octet-stream"),
                details=_given(variant=answer.get("InvokedProductionVariant")),
            )

    def stream(self, payload: Payload) -> Iterator[bytes]:
        """Send one request, and give the parts of the answer as the model makes them.

        Raises
        ------
        ToolError
            When AWS refuses, the model fails, or the answer breaks off.
        """
        if self.target_model is not None:
            raise ToolError("SageMaker streams no answers of multi-model endpoints; leave --stream out")
        with self._explained():
            answer = self.client("sagemaker-runtime").invoke_endpoint_with_response_stream(**self._request(payload))
            from botocore.exceptions import EventStreamError

            try:
                for event in answer["Body"]:
                    yield event["PayloadPart"]["Bytes"]
            except EventStreamError as error:
                raise ToolError(f"'{self.name}' broke off: {brief(error.response['Error']['Message'])}") from error

    def call_asynchronously(
        self,
        payload: Payload,
        *,
        upload: str | None = None,
        wait: float = 900,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Answer:
        """Send one request to an asynchronous endpoint, and wait for the answer in S3.

        Parameters
        ----------
        payload
            The request. Up to 128,000 bytes travel with it, unless ``upload`` is given.
        upload
            ``s3://bucket/prefix/`` that the request is put under, by its content's digest, which the endpoint's role
            may read. None: it is sent along.
        wait
            Seconds to wait for the answer.
        sleep
            What waits for so many seconds.

        Raises
        ------
        ToolError
            When the request is too large to be sent along, AWS refuses it, the model fails, or time is up.
        """
        if upload is None:
            _hold_size(payload, ASYNC_BODY_MAX, "give --upload s3://BUCKET/PREFIX/, from which the endpoint reads it")
        for name in ("target_model", "target_variant", "target_container", "inference_component"):
            if getattr(self, name) is not None:
                raise ToolError(f"an asynchronous endpoint has no {name.replace('_', ' ')}; leave it out")
        with self._explained():
            source = {"Body": payload.body} if upload is None else {"InputLocation": self._put(payload, upload)}
            sent = self.client("sagemaker-runtime").invoke_endpoint_async(
                EndpointName=self.name, ContentType=payload.content_type, **source, **_given(Accept=self.accept)
            )
            output, failure = sent["OutputLocation"], sent.get("FailureLocation")
            to_come = f"it will put its answer into {output}"
            end = time.monotonic() + wait
            try:
                while (left := end - time.monotonic()) > 0:
                    if (body := self._fetch(output)) is not None:
                        return Answer(body=body[0], content_type=body[1], details={"output": output})
                    if failure and (body := self._fetch(failure)) is not None:
                        raise ToolError(f"'{self.name}' failed: {brief(body[0].decode(errors='replace'))} ({failure})")
                    sleep(min(_EVERY, left))
            except ToolError:
                raise
            except BaseException as error:  # Ctrl-C as well, after which the answer comes all the same
                error.add_note(to_come)
                raise
        raise ToolError(f"'{self.name}' has not answered within {wait:g} seconds; {to_come}")

    def _request(self, payload: Payload) -> dict[str, Any]:
        return {
            "EndpointName": self.name,
            "Body": payload.body,
            "ContentType": payload.content_type,
            **_given(
                Accept=self.accept,
                TargetVariant=self.target_variant,
                TargetContainerHostname=self.target_container,
                InferenceComponentName=self.inference_component,
            ),
        }

    def _put(self, payload: Payload, destination: str) -> str:
        bucket, prefix = split_s3_uri(destination)
        if not destination.startswith("s3://") or not bucket:
            raise ToolError(f"'{destination}' is no place in S3; give s3://BUCKET/PREFIX/")
        key = f"{prefix}{'/' if prefix and not prefix.endswith('/') else ''}{hashlib.sha256(payload.body).hexdigest()}"
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=payload.body, ContentType=payload.content_type)
        return f"s3://{bucket}/{key}"

    def _fetch(self, location: str) -> tuple[bytes, str] | None:
        """Get an object; None while it is not there."""
        from botocore.exceptions import ClientError

        bucket, key = split_s3_uri(location)
        try:
            found = aws.patiently(lambda: self.client("s3").get_object(Bucket=bucket, Key=key))
        except ClientError as error:
            # Who may not list the bucket is told of a missing object as of a forbidden one.
            if error.response["Error"].get("Code") in ("NoSuchKey", "404", "AccessDenied", "403"):
                return None
            raise
        return found["Body"].read(), found.get("ContentType", "application/octet-stream")

    def _explained(self) -> Any:
        return aws.explained(f"'{self.name}'")


def _given(**arguments: str | None) -> dict[str, str]:
    return {name: value for name, value in arguments.items() if value is not None}


def _hold_size(payload: Payload, most: int, instead: str) -> None:
    if len(payload.body) > most:
        raise ToolError(f"the request has {len(payload.body)} bytes, more than the {most} that can be sent; {instead}")
