"""What the pods of a serving workload may do in AWS: read their model, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.eks.cluster_base import ClusterBase
from constructs_lib.eks.pod_identity import PodIdentity, Statement
from constructs_lib.serving.artifacts import S3Artifact, parse_artifact
from constructs_lib.serving.kubernetes_names import dns_label_problem
from constructs_lib.serving.problems import Problems


class WorkloadIdentity(PodIdentity):
    """Lets the pods of one service account read exactly their artifacts.

    The service account itself is the chart's: it needs no annotation. Pods get credentials when they start, so the
    objects come after it: ``cluster.add_chart(id, chart).after(identity.resource)``.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    cluster
        The cluster that the pods run in.
    namespace, service_account
        Whose pods it is for.
    reads
        ``s3://`` addresses: an object, or a prefix that ends with ``/``.
    writes
        ``s3://`` addresses to write to, as a compilation job does. Left out: none.
    key_arn
        ARN of the KMS key that the objects are encrypted with. None: a key of S3's.

    Raises
    ------
    InvalidValueError
        When a name is none that Kubernetes takes, or an address is not in S3.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        cluster: ClusterBase,
        namespace: str,
        service_account: str,
        reads: Sequence[str],
        writes: Sequence[str] = (),
        key_arn: str | None = None,
    ) -> None:
        _check(namespace, service_account, reads, writes)
        partition = cdk.Stack.of(scope).partition
        super().__init__(
            scope,
            id,
            cluster_name=cluster.cluster_name,
            cluster_arn=cluster.cluster_arn,
            namespace=namespace,
            service_account=service_account,
            statements=list(_statements(partition, reads, writes, key_arn)),
        )


def _check(namespace: str, service_account: str, reads: Sequence[str], writes: Sequence[str]) -> None:
    problems = Problems("WorkloadIdentity")
    for field, name in (("namespace", namespace), ("service_account", service_account)):
        if wrong := dns_label_problem(name):
            problems.add(field, wrong)
    for field, uris in (("reads", reads), ("writes", writes)):
        for index, uri in enumerate(uris):
            if not uri.startswith("s3://"):
                problems.add(f"{field}.{index}", f"must be an s3:// address, got '{uri}'")
    problems.raise_any()


def _statements(
    partition: str, reads: Sequence[str], writes: Sequence[str], key_arn: str | None
) -> Iterator[Statement]:
    for place in _places(reads):
        bucket = f"arn:{partition}:s3:::{place.bucket}"
        yield _allow(["s3:GetObject"], f"{bucket}/{place.key}{'' if place.is_archive else '*'}")
        yield _allow(["s3:ListBucket"], bucket) | {"Condition": {"StringLike": {"s3:prefix": [f"{place.key}*"]}}}
    for place in _places(writes):
        target = f"arn:{partition}:s3:::{place.bucket}/{place.key}{'' if place.is_archive else '*'}"
        yield _allow(["s3:PutObject", "s3:AbortMultipartUpload"], target)
    if key_arn is not None:
        yield _allow(["kms:Decrypt", *(["kms:GenerateDataKey"] if writes else [])], key_arn)


def _places(uris: Sequence[str]) -> Iterator[S3Artifact]:
    for uri in uris:
        place = parse_artifact(uri)
        assert isinstance(place, S3Artifact)  # noqa: S101  checked above
        yield place


def _allow(actions: list[str], resource: str) -> dict[str, object]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}
